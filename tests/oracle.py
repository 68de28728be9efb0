"""Real Keras on its JAX backend, the oracle of behaviour."""

import contextlib
import os
from collections.abc import Iterator

os.environ["KERAS_BACKEND"] = "jax"

import jax.numpy as jnp
import keras as keras
import numpy as np
from keras.src.backend import Variable
from keras.src.initializers.random_initializers import RandomInitializer

_by_keras = Variable._initialize_with_initializer
_FILLED = {keras.initializers.Zeros: 0.0, keras.initializers.Ones: 1.0}


@contextlib.contextmanager
def numpy_weights() -> Iterator[None]:
    """Keras's first weights come from NumPy: Keras compiles a program per shape, the dearest part of many tests.

    For tests that hand the same weights to both sides, or ask for types and shapes alone.
    """
    Variable._initialize_with_initializer = _by_numpy
    try:
        yield
    finally:
        Variable._initialize_with_initializer = _by_keras


def _by_numpy(variable, initializer) -> None:
    shape = variable._shape
    if isinstance(initializer, RandomInitializer):
        values = np.random.default_rng(shape).uniform(-0.5, 0.5, shape)
    elif type(initializer) in _FILLED:
        values = np.full(shape, _FILLED[type(initializer)])
    else:
        return _by_keras(variable, initializer)
    variable._initialize(jnp.asarray(values.astype(jnp.dtype(variable._dtype))))
