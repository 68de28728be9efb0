"""How many Python calls of the library's own `Dense(64)(x)` makes on a symbolic tensor, beside Keras if installed.

python -m benchmarks.overhead
"""

import os
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ["KERAS_BACKEND"] = "jax"


def count_calls(folder: str, function: Callable[[], Any]) -> tuple[int, Any]:
    """The Python frames entered in files below the folder while the function runs, and what it returns."""
    count = 0

    def profile(frame: FrameType, event: str, _: Any) -> None:
        nonlocal count
        if event == "call" and folder in frame.f_code.co_filename:
            count += 1

    sys.setprofile(profile)
    try:
        result = function()
    finally:
        sys.setprofile(None)
    return count, result


def calls_of(library: Any) -> dict[str, int]:
    """The figures of one library: making the layer, calling it the first time, and once built."""
    folder = f"{os.sep}{library.__name__}{os.sep}"
    x = library.Input((784,))
    library.layers.Dense(64)(x)  # what is imported or cached once is not counted
    made, layer = count_calls(folder, lambda: library.layers.Dense(64))
    first, _ = count_calls(folder, lambda: layer(x))
    again, _ = count_calls(folder, lambda: layer(x))
    # `count_calls` is given a lambda of this file, which lies in neither folder.
    return {"Dense(64)": made, "first call": first, "once built": again}


def main() -> None:
    import lapis

    libraries = [lapis]
    try:
        import keras

        libraries.append(keras)
    except ImportError:
        pass
    for library in libraries:
        print(library.__name__, library.__version__, calls_of(library))


if __name__ == "__main__":
    main()
