#!/usr/bin/env bash
# The main job on a fresh machine: train the guide's model on real digits, show it, save it, reload it.
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh" demo
exec "$PYTHON" -m lapis.cli demo "$@"
