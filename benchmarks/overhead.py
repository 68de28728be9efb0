"""What the library itself costs around the arithmetic.

How many Python calls of its own `Dense(64)(x)` makes on a symbolic tensor, beside Keras if installed; and how many
microseconds a step of `fit`, and a `predict` of one row, take longer than the bare compiled programs. And how long the
checks before an epoch take.

python -m benchmarks.overhead
"""

import os
import statistics
import sys
import time
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


def _median(act: Callable[[], Any], times: int) -> float:
    """The median microseconds of one act, after two to warm up."""
    seconds = []
    for _ in range(times + 2):
        start = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - start)
    return 1e6 * statistics.median(seconds[2:])


def steps_of_fit(steps: int = 4000, batch: int = 32) -> dict[str, float]:
    """Microseconds a step: all of `fit` with one tiny layer, the compiled loop alone, and between the two."""
    import jax
    import numpy as np

    import lapis
    from lapis.data import get_data_adapter
    from lapis.training.driving import live_state
    from lapis.training.feed import make_feed
    from lapis.training.loop import train_groups
    from lapis.training.pace import Pace

    model = lapis.Sequential([lapis.Input((4,)), lapis.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((batch * steps, 4), "float32"), np.ones((batch * steps, 1), "float32")
    whole = _median(lambda: model.fit(x, y, batch_size=batch, verbose=0), 7) / steps
    feed = make_feed(get_data_adapter(x, y, batch_size=batch), None, model, True)
    feed.fill_up()
    (chunk,) = feed.chunks(Pace(steps))

    with live_state(model, *train_groups(model)) as live:

        def bare() -> None:
            jax.block_until_ready([live.run(model.train_function, stack) for stack in chunk.parts])

        alone = _median(bare, 7) / steps
    return {"fit": whole, "compiled loop": alone, "a step's own cost": whole - alone}


def one_row() -> dict[str, float]:
    """Microseconds of `predict` for one row, and of a bare `jax.jit` of the same arithmetic."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    import lapis

    dense = lapis.layers.Dense
    model = lapis.Sequential([lapis.Input((784,)), dense(64, "relu"), dense(64, "relu"), dense(10)])
    row, values = np.ones((1, 784), "float32"), [variable.value for variable in model.weights]

    @jax.jit
    def bare(values: list[Any], x: Any) -> Any:
        a, b, c, d, e, f = values
        return jnp.maximum(jnp.maximum(x @ a + b, 0) @ c + d, 0) @ e + f

    whole = _median(lambda: model.predict(row, verbose=0), 1000)
    alone = _median(lambda: np.asarray(bare(values, row)), 1000)
    return {"predict": whole, "bare jit": alone, "own cost": whole - alone}


def checks() -> dict[str, float]:
    """Milliseconds of the guide's first model: the checks before the first epoch and the next, and these epochs."""
    import numpy as np

    import lapis
    from lapis.training import loop

    inputs = lapis.Input((784,))
    x = lapis.layers.Dense(64, activation="relu")(inputs)
    x = lapis.layers.Dense(64, activation="relu")(x)
    model = lapis.Model(inputs, lapis.layers.Dense(10)(x))
    loss = lapis.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("rmsprop", loss, metrics=["accuracy"])
    images, labels = np.zeros((60000, 784), "float32"), np.arange(60000) % 10
    spent, before_run = [], loop.before_run

    def timed(*args: Any, **kwargs: Any) -> None:
        start = time.perf_counter()
        before_run(*args, **kwargs)
        spent.append(1e3 * (time.perf_counter() - start))

    loop.before_run = timed
    epochs = []
    for _ in range(2):
        start = time.perf_counter()
        model.fit(images, labels, batch_size=64, verbose=0)
        epochs.append(1e3 * (time.perf_counter() - start))
    loop.before_run = before_run
    return {"first": spent[0], "first epoch": epochs[0], "next": spent[1], "next epoch": epochs[1]}


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
    for name, figures in (
        ("checks, ms", checks()),
        ("a step, µs", steps_of_fit()),
        ("one row, µs", one_row()),
    ):
        print(name, {key: round(value, 1) for key, value in figures.items()})


if __name__ == "__main__":
    main()
