"""Double precision, in a process of its own, since JAX's 64-bit mode is for the whole process."""

import os
import subprocess
import sys

import pytest

_PROGRAM = """
import numpy as np
import lapis
from lapis import layers
lapis.config.set_floatx("float64")
lapis.utils.set_random_seed(0)
i = lapis.Input((4,))
x = layers.Dense(8, activation="tanh")(i)
x = layers.LSTM(3)(layers.Reshape((2, 4))(x))
x = layers.BatchNormalization()(layers.Dropout(0.1)(x))
model = lapis.Model(i, layers.Dense(1)(x))
assert model.output.dtype == "float64" and {w.dtype for w in model.weights} == {"float64"}
model.compile("adam", "mse", metrics=["mae"])
data = np.random.default_rng(0).random((32, 4))
losses = model.fit(data, data[:, :1], epochs=10, verbose=0).history["loss"]
assert losses[-1] < losses[0]
w = model.layers[1].kernel
step = 1e-6

def loss():
    return float(np.mean((np.asarray(model(data)) - data[:, :1]) ** 2))

import jax
def pure(value):
    with lapis.StatelessScope([(w, value)]):
        return jax.numpy.mean((model(data) - data[:, :1]) ** 2)

gradient = jax.grad(pure)(w.value)
shift = np.zeros(w.shape)
shift[1, 2] = step
start = w.numpy()
w.assign(start + shift); up = loss()
w.assign(start - shift); down = loss()
np.testing.assert_allclose(gradient[1, 2], (up - down) / (2 * step), rtol=1e-7)
"""


@pytest.mark.slow
def test_double_precision_all_the_way() -> None:
    env = {**os.environ, "JAX_ENABLE_X64": "1", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _PROGRAM], env=env, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
