#!/usr/bin/env bash
# Sets up and runs every check: lint, format, types, then the fast tests, then the slow ones.
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh" test
export JAX_PLATFORMS=${JAX_PLATFORMS:-cpu}
"$PYTHON" -m ruff check .
"$PYTHON" -m ruff format --check .
"$PYTHON" -m pyright --warnings lapis
"$PYTHON" -m pytest -q tests/test_tiny.py
"$PYTHON" -m pytest -q -n "${LAPIS_TEST_WORKERS:-auto}" -m "not slow" --ignore tests/test_tiny.py "$@"
"$PYTHON" -m pytest -q -n "${LAPIS_TEST_WORKERS:-auto}" -m slow "$@"
