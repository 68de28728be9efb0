"""Programs as users write them, which run with Lapis and with real Keras and must see the same.

A program takes the library, `lapis` or `keras`, and a folder, and gives what it saw: curves, outputs, names.
"""

import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import lapis
from tests.oracle import keras, numpy_weights

Program = Callable[[Any, pathlib.Path], Any]


def start(model: Any, seed: int = 0) -> Any:
    """The same weights in both libraries; biases and statistics stay as they are."""
    draw = np.random.default_rng(seed)
    for weight in model.weights:
        if len(weight.shape) > 1:
            scale = np.prod(weight.shape[:-1]) ** -0.5
            weight.assign((draw.normal(size=tuple(weight.shape)) * scale).astype("float32"))
    return model


def marked(quick: Sequence[Program], slow: Sequence[Program]) -> list[Any]:
    """The programs as parameters of a test."""
    return [
        *(pytest.param(program, id=program.__name__) for program in quick),
        *(pytest.param(program, id=program.__name__, marks=pytest.mark.slow) for program in slow),
    ]


def assert_sees_the_same(program: Program, folder: pathlib.Path, tolerance: float) -> None:
    """Run a program with both libraries and compare what it saw."""
    results = []
    for k in (lapis, keras):
        own = folder / k.__name__
        own.mkdir()
        with numpy_weights():
            results.append(program(k, own))
    _assert_same(*results, tolerance, program.__name__)


def _assert_same(ours: Any, theirs: Any, tolerance: float, where: str) -> None:
    """Numbers and arrays are close and of one type, texts and the order of names equal."""
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs), where
        for name in theirs:
            _assert_same(ours[name], theirs[name], tolerance, f"{where}, {name}")
    elif isinstance(theirs, (list, tuple)):
        assert len(ours) == len(theirs), where
        for index, value in enumerate(theirs):
            _assert_same(ours[index], value, tolerance, f"{where}, {index}")
    elif isinstance(theirs, (str, bool, type(None))):
        assert ours == theirs, where
    else:
        ours, theirs = np.asarray(ours), np.asarray(theirs)
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape), where
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance, err_msg=where)
