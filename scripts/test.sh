#!/usr/bin/env bash
# Sets up and runs every check: lint, format, types, the tiny end-to-end suite, examples, fast tests, slow ones.
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh" test
export JAX_PLATFORMS=${JAX_PLATFORMS:-cpu}
"$PYTHON" -m ruff check .
"$PYTHON" -m ruff format --check .
"$PYTHON" -m pyright --warnings lapis
WORKERS=${LAPIS_TEST_WORKERS:-auto}
"$PYTHON" -m pytest -q tests/test_tiny.py
"$PYTHON" -m pytest -q -n "$WORKERS" --doctest-modules lapis
"$PYTHON" -m pytest -q -n "$WORKERS" -m "not slow" --ignore tests/test_tiny.py tests "$@"
XLA_FLAGS=${XLA_FLAGS:-} "$PYTHON" -m pytest -q -n "$WORKERS" -m slow tests "$@"
