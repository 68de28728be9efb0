#!/usr/bin/env bash
# Sets up and runs every check: lint, format, types, the tiny end-to-end suite, examples, every test.
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh" test
export JAX_PLATFORMS=${JAX_PLATFORMS:-cpu}
"$PYTHON" -m ruff check .
"$PYTHON" -m ruff format --check .

# Types are checked beside the tests, so that no core waits for the other.
REPORT=$(mktemp)
"$PYTHON" -m pyright --warnings lapis >"$REPORT" 2>&1 &
TYPES=$!
trap 'kill $TYPES 2>/dev/null || true; rm -f "$REPORT"' EXIT

XLA_FLAGS=${XLA_FLAGS:-} "$PYTHON" -m pytest -q tests/test_tiny.py
# One session, and each worker goes through neighbouring tests, which share compiled programs.
"$PYTHON" -m pytest -q -n "${LAPIS_TEST_WORKERS:-auto}" --dist worksteal --durations 25 --doctest-modules lapis tests \
    --ignore tests/test_tiny.py "$@"
wait $TYPES || { cat "$REPORT"; exit 1; }
tail -n 1 "$REPORT"
