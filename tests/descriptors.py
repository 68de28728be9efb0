"""One row per object and configuration; the suites over the table compare each with real Keras.

A row's `make` gets a namespace, Lapis or Keras, and builds the object from it.
"""

import importlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest


@dataclass(frozen=True)
class Row:
    """An object, how it is made, and what it is called with.

    Attributes:
        name: shown in the test's name.
        make: builds the object from a namespace `k`.
        inputs: arrays the object is called with, in order (a nest of arrays where it takes lists).
        kwargs: further arguments of the call.
        spec_shapes: shapes with `None` to infer the output for; those of `inputs` with unknown batch when not given.
        tolerance: largest difference of the outputs.
        gradient: whether gradients are compared.
        masks: masks put on the inputs, one per input.
        random: whether outputs are random, so that only shapes and types are compared.
        config: whether the config is compared.
        training: the call's `training` argument; `None` leaves it out.
    """

    name: str
    make: Callable[[Any], Any]
    inputs: tuple = ()
    kwargs: dict = field(default_factory=dict)
    spec_shapes: tuple | None = None
    tolerance: float = 1e-5
    gradient: bool = True
    masks: tuple | None = None
    random: bool = False
    config: bool = True
    training: bool | None = None

    def __str__(self) -> str:
        return self.name


def f32(*shape: int, seed: int = 0, low: float = -1.0, high: float = 1.0) -> np.ndarray:
    """Float32 numbers, the same at every call."""
    return np.random.default_rng([seed, *shape]).uniform(low, high, shape).astype("float32")


def i32(*shape: int, seed: int = 0, high: int = 10, low: int = 0) -> np.ndarray:
    """Whole numbers below `high`, the same at every call."""
    return np.random.default_rng([seed, *shape]).integers(low, high, shape).astype("int32")


def flags(*shape: int, seed: int = 0) -> np.ndarray:
    """Booleans, the first of each row true."""
    values = np.random.default_rng([seed, *shape]).random(shape) < 0.7
    values[..., 0] = True
    return values


LAYER_FAMILIES = (
    "core",
    "foreign",
    "activation",
    "attention",
    "audio",
    "conv",
    "image_geometry",
    "merging",
    "normalization",
    "pooling",
    "regularization",
    "reshaping",
    "image_color",
    "rnn",
    "tables",
)


def rows(*families: str) -> list[Row]:
    """All rows of the families, each kept in `tests/rows/<family>.py` as `ROWS`."""
    found: list[Row] = []
    for family in families:
        found += importlib.import_module(f"tests.rows.{family}").ROWS
    names = [row.name for row in found]
    assert len(names) == len(set(names)), [name for name in names if names.count(name) > 1]
    return found


def later_ones_slow(found: list[Row], kind: Callable[[Row], Any], kept: int = 1) -> list[Any]:
    """The rows as parameters, those after the first `kept` of a kind marked as slow."""
    counts: Counter = Counter()
    marked = []
    for row in found:
        counts[kind(row)] += 1
        marked.append(pytest.param(row, marks=[pytest.mark.slow] if counts[kind(row)] > kept else []))
    return marked
