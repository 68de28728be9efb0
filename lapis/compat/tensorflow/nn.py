"""`tf.nn`: functions of neural networks with TensorFlow's argument names."""

from typing import Any

import lapis.ops as ops
import lapis.random as random_numbers
from lapis.compat.tensorflow.arithmetic import log_sigmoid as log_sigmoid
from lapis.compat.tensorflow.arithmetic import sigmoid as sigmoid
from lapis.compat.tensorflow.arithmetic import softplus as softplus
from lapis.compat.tensorflow.arithmetic import tanh as tanh
from lapis.compat.tensorflow.arithmetic import top_k as top_k
from lapis.compat.tensorflow.refusals import refusal as _refusal


def relu(features: Any, name: str | None = None) -> Any:
    """`max(x, 0)`."""
    return ops.relu(features)


def relu6(features: Any, name: str | None = None) -> Any:
    """`min(max(x, 0), 6)`."""
    return ops.relu6(features)


def leaky_relu(features: Any, alpha: float = 0.2, name: str | None = None) -> Any:
    """`x` where positive, else `alpha * x`."""
    return ops.leaky_relu(features, alpha)


def elu(features: Any, name: str | None = None) -> Any:
    """`x` where positive, else `exp(x) - 1`."""
    return ops.elu(features)


def selu(features: Any, name: str | None = None) -> Any:
    """The scaled `elu`."""
    return ops.selu(features)


def gelu(features: Any, approximate: bool = False, name: str | None = None) -> Any:
    """`x` times the normal distribution's mass below `x`."""
    return ops.gelu(features, approximate)


def silu(features: Any, beta: float = 1.0) -> Any:
    """`x * sigmoid(beta * x)`."""
    return ops.multiply(features, ops.sigmoid(ops.multiply(beta, features)))


swish = silu


def softsign(features: Any, name: str | None = None) -> Any:
    """`x / (1 + |x|)`."""
    return ops.softsign(features)


def softmax(logits: Any, axis: int | None = None, name: str | None = None) -> Any:
    """`exp(x)` divided by its sum over `axis` (-1)."""
    return ops.softmax(logits, -1 if axis is None else axis)


def log_softmax(logits: Any, axis: int | None = None, name: str | None = None) -> Any:
    """The logarithm of `softmax`."""
    return ops.log_softmax(logits, -1 if axis is None else axis)


def softmax_cross_entropy_with_logits(labels: Any, logits: Any, axis: int = -1, name: str | None = None) -> Any:
    """The cross-entropy of probabilities `labels` with logits."""
    return ops.categorical_crossentropy(labels, logits, from_logits=True, axis=axis)


def sparse_softmax_cross_entropy_with_logits(labels: Any, logits: Any, name: str | None = None) -> Any:
    """The cross-entropy of class numbers `labels` with logits."""
    return ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)


def sigmoid_cross_entropy_with_logits(labels: Any, logits: Any, name: str | None = None) -> Any:
    """The binary cross-entropy with logits, element by element."""
    return ops.binary_crossentropy(labels, logits, from_logits=True)


def l2_loss(t: Any, name: str | None = None) -> Any:
    """Half the sum of squares."""
    return ops.divide(ops.sum(ops.square(t)), 2)


def l2_normalize(x: Any, axis: Any = None, epsilon: float = 1e-12, name: str | None = None) -> Any:
    """`x / sqrt(max(sum(x**2), epsilon))`, with the sum over `axis`."""
    return ops.multiply(x, ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis, keepdims=True), epsilon)))


def moments(x: Any, axes: Any, shift: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
    """The mean and the variance over `axes`."""
    return ops.moments(x, axes, keepdims)


def batch_normalization(
    x: Any, mean: Any, variance: Any, offset: Any, scale: Any, variance_epsilon: float, name: str | None = None
) -> Any:
    """`scale * (x - mean) / sqrt(variance + variance_epsilon) + offset`, with broadcasting."""
    factor = ops.rsqrt(ops.add(variance, variance_epsilon))
    factor = factor if scale is None else ops.multiply(factor, scale)
    centred = ops.multiply(ops.subtract(x, mean), factor)
    return centred if offset is None else ops.add(centred, offset)


def bias_add(value: Any, bias: Any, data_format: str | None = None, name: str | None = None) -> Any:
    """`value + bias` along the channels, which are last unless `data_format` begins with `"NC"`."""
    if data_format and data_format.startswith("NC"):
        bias = ops.reshape(bias, (-1, *[1] * (len(value.shape) - 2)))
    return ops.add(value, bias)


def dropout(x: Any, rate: float, noise_shape: Any = None, seed: Any = None, name: str | None = None) -> Any:
    """A fraction of the elements set to 0, the others scaled up."""
    return random_numbers.dropout(x, rate, noise_shape, seed)


def embedding_lookup(params: Any, ids: Any, max_norm: float | None = None, name: str | None = None) -> Any:
    """The rows of `params` with the numbers `ids`; `max_norm` must be `None`."""
    if max_norm is not None:
        raise ValueError("tf.nn.embedding_lookup with max_norm is not available; give the layer a constraint.")
    return ops.take(params, ids, 0)


def _spatial(value: Any, first: bool) -> Any:
    """TensorFlow's `[1, height, width, 1]` as `(height, width)`."""
    if isinstance(value, (list, tuple)) and len(value) == 4:
        return tuple(value[2:] if first else value[1:3])
    return tuple(value) if isinstance(value, list) else value


def conv2d(
    input: Any,
    filters: Any,
    strides: Any,
    padding: str,
    data_format: str = "NHWC",
    dilations: Any = 1,
    name: str | None = None,
) -> Any:
    """Convolution of `(batch, height, width, channels)` with filters `(height, width, channels, filters)`."""
    first = data_format == "NCHW"
    layout = "channels_first" if first else "channels_last"
    strides, dilations = _spatial(strides, first), 1 if dilations is None else _spatial(dilations, first)
    return ops.conv(input, filters, strides, padding.lower(), layout, dilations)


def max_pool2d(
    input: Any, ksize: Any, strides: Any, padding: str, data_format: str = "NHWC", name: str | None = None
) -> Any:
    """The largest element of each window."""
    first = data_format == "NCHW"
    layout = "channels_first" if first else "channels_last"
    return ops.max_pool(input, _spatial(ksize, first), _spatial(strides, first), padding.lower(), layout)


def avg_pool2d(
    input: Any, ksize: Any, strides: Any, padding: str, data_format: str = "NHWC", name: str | None = None
) -> Any:
    """The mean of each window."""
    first = data_format == "NCHW"
    layout = "channels_first" if first else "channels_last"
    return ops.average_pool(input, _spatial(ksize, first), _spatial(strides, first), padding.lower(), layout)


def __getattr__(name: str) -> Any:
    raise _refusal("tf.nn", name, globals())
