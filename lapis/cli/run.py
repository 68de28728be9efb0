"""`lapis run`: a Keras program, unmodified, on Lapis."""

import io
import os
import sys
import types
from collections.abc import Sequence
from typing import Any

from lapis.compat.aliases import aliases


def run_script(path: str | os.PathLike, args: Sequence[str] = ()) -> dict[str, Any]:
    """Run a Python file as `__main__`, with `keras` and `tensorflow` meaning Lapis, and return its variables.

    `sys.argv` and the first place of `sys.path` are what `python path args...` would make them; all is put back
    afterwards. `SystemExit` and errors pass through.
    """
    path = os.fspath(path)
    with io.open_code(os.path.abspath(path)) as file:
        code = compile(file.read(), path, "exec")
    module = types.ModuleType("__main__")
    module.__file__ = path
    before = sys.argv, sys.path[:], sys.modules["__main__"]
    sys.argv = [path, *args]
    sys.path[0:0] = [os.path.dirname(os.path.abspath(path))]
    sys.modules["__main__"] = module
    try:
        with aliases():
            exec(code, module.__dict__)
    finally:
        sys.argv, sys.path[:], sys.modules["__main__"] = before
    return module.__dict__
