"""The LSTM of NVIDIA's cuDNN, which runs all steps in one kernel; JAX has no other recurrent layer of it."""

from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental import rnn


def refusal(*arrays: Any) -> str | None:
    """Why cuDNN's LSTM cannot run on these arrays here, `None` if it can."""
    if jax.default_backend() != "gpu" or "cuda" not in jax.devices()[0].client.platform_version:
        return f"the device is {jax.devices()[0].device_kind!r}, no NVIDIA GPU"
    other = {str(array.dtype) for array in arrays} - {"float32"}
    if other:
        return f"it computes in float32, not in {', '.join(sorted(other))}"
    if not all(isinstance(size, int) and size for array in arrays for size in array.shape):
        return "some sizes are unknown or zero"
    return None


def lstm(x: Any, states: list, kernel: Any, recurrent_kernel: Any, bias: Any) -> tuple[Any, list]:
    """`h` after each step `(batch, time, units)` and the last `[h, c]`, for inputs `(batch, time, features)`.

    The weights are those of Keras; `bias` may be `None`. Reverse mode only.
    """
    h, c = (state[None] for state in states)
    batch, steps, features = x.shape
    lengths = jnp.full((batch,), steps, "int32")
    weights = pack(kernel, recurrent_kernel, bias)
    fixed = (features, recurrent_kernel.shape[0], 1, 0.0, False)
    outputs, h, c = rnn.lstm(x, h, c, weights, lengths, *fixed)
    return outputs, [h[0], c[0]]


def pack(kernel: Any, recurrent_kernel: Any, bias: Any) -> Any:
    """Keras's weights in the order of cuDNN: both kernels transposed, then a bias for the inputs and one for the state.

    Both have the gates in the order input, forget, cell, output. See `jax.experimental.rnn` for the layout.
    """
    none = jnp.zeros((kernel.shape[1],), kernel.dtype)
    return jnp.concatenate([kernel.T.ravel(), recurrent_kernel.T.ravel(), none if bias is None else bias, none])
