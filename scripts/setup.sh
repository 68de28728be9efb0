# Makes the virtual environment .venv in the project's folder and installs Lapis with the extras named in $1.
# Sourced by the other scripts; leaves $PYTHON pointing at its interpreter.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
BASE=${LAPIS_PYTHON:-python3}
"$BASE" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "Lapis needs Python 3.11 or newer; $BASE is $("$BASE" --version). Set LAPIS_PYTHON to another interpreter." >&2
    exit 1
}
[ -x .venv/bin/python ] || "$BASE" -m venv .venv
PYTHON=$PWD/.venv/bin/python
"$PYTHON" -m pip install --quiet --disable-pip-version-check --editable ".[$1]"
