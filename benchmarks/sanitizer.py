"""What the sanitizer costs: epochs of the guide's models with it, beside epochs without it.

python -m benchmarks.sanitizer [rounds]
"""

import os
import sys
import time
from typing import Any

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import numpy as np

import lapis
from benchmarks import keras_models
from benchmarks.data import CLASSES, WORDS


def _digits(steps: int) -> tuple[Any, Any, int]:
    rng = np.random.default_rng(0)
    return rng.random((64 * steps, 784), "float32"), rng.integers(CLASSES, size=64 * steps), 64


def _images(steps: int) -> tuple[Any, Any, int]:
    rng = np.random.default_rng(0)
    return rng.random((64 * steps, 32, 32, 3), "float32"), rng.integers(CLASSES, size=64 * steps), 64


def _texts(steps: int) -> tuple[Any, Any, int]:
    rng, rows = np.random.default_rng(0), 32 * steps
    x = [rng.integers(WORDS, size=(rows, 10)), rng.integers(WORDS, size=(rows, 100)), rng.random((rows, 12), "float32")]
    return x, [rng.random((rows, 1), "float32"), np.eye(4, dtype="float32")[rng.integers(4, size=rows)]], 32


_SPARSE = "sparse_categorical_crossentropy"
WORKS = {
    "mlp": (keras_models.mlp, _digits, _SPARSE, 1500),
    "toy_resnet": (keras_models.toy_resnet, _images, _SPARSE, 8),
    "lstm": (keras_models.lstm, _texts, ["binary_crossentropy", "categorical_crossentropy"], 40),
}


def cost(name: str, rounds: int = 7, scale: float = 1.0) -> tuple[list[float], list[float]]:
    """The best epoch's milliseconds a step without and with the sanitizer: by the clock, and of all cores together.

    Epochs of both take turns, so that what else the machine does falls on both; it falls on the clock alone.
    """
    make, data, loss, steps = WORKS[name]
    steps = max(2, int(steps * scale))
    x, y, batch_size = data(steps)
    clock, cores = [float("inf")] * 2, [float("inf")] * 2
    models: list[Any] = []
    for number in range(rounds + 1):
        for sanitized in (0, 1):
            (lapis.config.enable_sanitizer if sanitized else lapis.config.disable_sanitizer)()
            if number == 0:
                models.append(make(lapis))
                models[sanitized].compile("rmsprop", loss)
            start, start_of_cores = time.perf_counter(), time.process_time()
            models[sanitized].fit(x, y, batch_size=batch_size, epochs=1, verbose=0)
            if number:  # the first one compiles
                clock[sanitized] = min(clock[sanitized], 1e3 * (time.perf_counter() - start) / steps)
                cores[sanitized] = min(cores[sanitized], 1e3 * (time.process_time() - start_of_cores) / steps)
    lapis.config.disable_sanitizer()
    return clock, cores


if __name__ == "__main__":
    print("milliseconds a step, without and with the sanitizer, and how many times that is")
    for work in WORKS:
        columns = []
        for what, (plain, sanitized) in zip(("by the clock", "of all cores"), cost(work, *map(int, sys.argv[1:2]))):
            columns.append(f"{what} {plain:8.3f} {sanitized:8.3f} {sanitized / plain:5.2f}")
        print(f"{work:12} {'   '.join(columns)}", flush=True)
