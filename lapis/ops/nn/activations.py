"""The functions between layers."""

import warnings
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lapis.graph import op, remember_logits
from lapis.ops.arrays import Tensor, axis_tuple, in_float32, to_array, to_float


@op
def relu(x: Any) -> Tensor:
    """`max(x, 0)`.

    >>> relu([-1.0, 2.0]).tolist()
    [0.0, 2.0]
    """
    return jax.nn.relu(to_array(x))


@op
def relu6(x: Any) -> Tensor:
    """`min(max(x, 0), 6)`.

    >>> relu6([-1.0, 9.0]).tolist()
    [0.0, 6.0]
    """
    return jax.nn.relu6(to_array(x))


@op
def leaky_relu(x: Any, negative_slope: float = 0.2) -> Tensor:
    """`x` where positive, else `negative_slope * x`.

    >>> leaky_relu([-1.0, 2.0], 0.5).tolist()
    [-0.5, 2.0]
    """
    return jax.nn.leaky_relu(to_array(x), negative_slope)


@op
def elu(x: Any, alpha: float = 1.0) -> Tensor:
    """`x` where positive, else `alpha * (exp(x) - 1)` (https://arxiv.org/abs/1511.07289).

    >>> elu([0.0, 2.0]).tolist()
    [0.0, 2.0]
    """
    return in_float32(jax.nn.elu, to_array(x), alpha)


@op
def celu(x: Any, alpha: float = 1.0) -> Tensor:
    """`max(x, 0) + min(alpha * (exp(x / alpha) - 1), 0)` (https://arxiv.org/abs/1704.07483).

    >>> celu([0.0, 2.0]).tolist()
    [0.0, 2.0]
    """
    return in_float32(jax.nn.celu, to_array(x), alpha)


@op
def selu(x: Any) -> Tensor:
    """`elu` scaled so that layers keep zero mean and unit variance (https://arxiv.org/abs/1706.02515).

    >>> selu([0.0]).tolist()
    [0.0]
    """
    return in_float32(jax.nn.selu, to_array(x))


@op
def gelu(x: Any, approximate: bool = True) -> Tensor:
    """`x` times the normal distribution's mass below `x` (https://arxiv.org/abs/1606.08415).

    `approximate` uses the formula with `tanh` in place of the exact one with `erf`.

    >>> gelu([0.0]).tolist()
    [0.0]
    """
    return in_float32(jax.nn.gelu, to_array(x), approximate)


@op
def silu(x: Any) -> Tensor:
    """`x * sigmoid(x)`, also called swish (https://arxiv.org/abs/1702.03118).

    >>> silu([0.0]).tolist()
    [0.0]
    """
    return in_float32(jax.nn.silu, to_array(x))


swish = silu


@op
def sigmoid(x: Any) -> Tensor:
    """`1 / (1 + exp(-x))`.

    >>> sigmoid([0.0]).tolist()
    [0.5]
    """
    x = to_array(x)
    y = in_float32(jax.nn.sigmoid, x)
    remember_logits(y, x, "sigmoid")
    return y


@op
def log_sigmoid(x: Any) -> Tensor:
    """`log(sigmoid(x))` without overflow.

    >>> round(float(log_sigmoid(0.0)), 4)
    -0.6931
    """
    return in_float32(jax.nn.log_sigmoid, to_array(x))


@op
def hard_sigmoid(x: Any) -> Tensor:
    """`relu6(x + 3) / 6`, straight lines in place of `sigmoid`.

    >>> hard_sigmoid([-3.0, 0.0, 3.0]).tolist()
    [0.0, 0.5, 1.0]
    """
    return jax.nn.hard_sigmoid(to_array(x))


@op
def hard_silu(x: Any) -> Tensor:
    """`x * hard_sigmoid(x)`, also called hard swish (https://arxiv.org/abs/1905.02244).

    >>> hard_silu([-3.0, 3.0]).tolist()
    [-0.0, 3.0]
    """
    return jax.nn.hard_silu(to_array(x))


hard_swish = hard_silu


@op
def hard_tanh(x: Any) -> Tensor:
    """`x` held between -1 and 1.

    >>> hard_tanh([-2.0, 0.5]).tolist()
    [-1.0, 0.5]
    """
    return jax.nn.hard_tanh(to_array(x))


@op
def sparse_sigmoid(x: Any) -> Tensor:
    """0 below -1, 1 above 1, and `(x + 1) / 2` between.

    >>> sparse_sigmoid([-2.0, 0.0, 2.0]).tolist()
    [0.0, 0.5, 1.0]
    """
    return jax.nn.sparse_sigmoid(to_array(x))


@op
def softplus(x: Any) -> Tensor:
    """`log(1 + exp(x))` without overflow.

    >>> round(float(softplus(0.0)), 4)
    0.6931
    """
    return in_float32(jax.nn.softplus, to_array(x))


@op
def sparse_plus(x: Any) -> Tensor:
    """0 below -1, `x` above 1, and `(x + 1)**2 / 4` between.

    >>> sparse_plus([-2.0, 0.0, 2.0]).tolist()
    [0.0, 0.25, 2.0]
    """
    return jax.nn.sparse_plus(to_array(x))


@op
def squareplus(x: Any, b: float = 4) -> Tensor:
    """`(x + sqrt(x**2 + b)) / 2` (https://arxiv.org/abs/2112.11687).

    >>> squareplus([0.0]).tolist()
    [1.0]
    """
    return jax.nn.squareplus(to_array(x), b)


@op
def softsign(x: Any) -> Tensor:
    """`x / (1 + |x|)`.

    >>> softsign([1.0, -1.0]).tolist()
    [0.5, -0.5]
    """
    return jax.nn.soft_sign(to_array(x))


@op
def tanh_shrink(x: Any) -> Tensor:
    """`x - tanh(x)`.

    >>> tanh_shrink([0.0]).tolist()
    [0.0]
    """
    x = to_array(x)
    return x - jnp.tanh(x)


@op
def soft_shrink(x: Any, threshold: float = 0.5) -> Tensor:
    """`x` moved towards zero by `threshold`, and 0 where it would pass it.

    >>> soft_shrink([-1.0, 0.2, 1.0]).tolist()
    [-0.5, 0.0, 0.5]
    """
    x = jnp.asarray(x)
    return jnp.where(x > threshold, x - threshold, jnp.where(x < -threshold, x + threshold, 0.0))


@op
def hard_shrink(x: Any, threshold: float = 0.5) -> Tensor:
    """`x` where `|x| > threshold`, else 0.

    >>> hard_shrink([-1.0, 0.2]).tolist()
    [-1.0, 0.0]
    """
    x = jnp.asarray(x)
    return jnp.where(jnp.abs(x) > threshold, x, 0.0)


@op
def threshold(x: Any, threshold: float, default_value: float) -> Tensor:
    """`x` where it exceeds `threshold`, else `default_value`.

    >>> threshold([0.0, 2.0], 1.0, -5.0).tolist()
    [-5.0, 2.0]
    """
    x = jnp.asarray(x)
    return jnp.where(x > threshold, x, default_value)


@op
def glu(x: Any, axis: int = -1) -> Tensor:
    """The first half along `axis` times the sigmoid of the second (https://arxiv.org/abs/1612.08083).

    >>> glu([3.0, 0.0]).tolist()
    [1.5]
    """
    return jax.nn.glu(to_array(x), axis)


@op
def softmax(x: Any, axis: int | Sequence[int] | None = -1) -> Tensor:
    """`exp(x)` divided by its sum over `axis` (one axis or several), so that the results add up to 1.

    An axis of size 1 gives 1 everywhere, which is hardly ever meant: a warning says so.

    >>> softmax([0.0, 0.0]).tolist()
    [0.5, 0.5]
    """
    x = to_float(x)
    if isinstance(axis, int) and -x.ndim <= axis < x.ndim and x.shape[axis] == 1:
        warnings.warn(
            f"softmax over axis {axis} of shape {x.shape}, which has size 1, gives 1 everywhere; for one output use "
            "sigmoid.",
            stacklevel=3,
        )
    y = in_float32(jax.nn.softmax, x, axis_tuple(axis))
    if isinstance(axis, int):
        remember_logits(y, x, "softmax", axis % x.ndim)
    return y


@op
def log_softmax(x: Any, axis: int | Sequence[int] | None = -1) -> Tensor:
    """`log(softmax(x))` without overflow.

    >>> [round(v, 4) for v in log_softmax([0.0, 0.0]).tolist()]
    [-0.6931, -0.6931]
    """
    return in_float32(jax.nn.log_softmax, to_float(x), axis_tuple(axis))


@op
def sparsemax(x: Any, axis: int = -1) -> Tensor:
    """The nearest point to `x` among the vectors that are not negative and add up to 1, often with true zeros.

    Source: https://arxiv.org/abs/1602.02068.

    >>> sparsemax([3.0, 0.0]).tolist()
    [1.0, 0.0]
    """
    x = jnp.asarray(x)
    falling = -jnp.sort(-x, axis=axis)
    place = jnp.expand_dims(jnp.arange(1, x.shape[axis] + 1), [i for i in range(x.ndim) if i != axis % x.ndim])
    kept = place * falling > jnp.cumsum(falling, axis=axis) - 1
    count = jnp.sum(kept, axis=axis, keepdims=True)
    level = (jnp.sum(jnp.where(kept, falling, 0.0), axis=axis, keepdims=True) - 1) / count
    return jnp.maximum(x - level, 0.0)
