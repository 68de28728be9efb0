"""Arithmetic, comparisons and sums, with TensorFlow's names and argument names: `tf.reduce_sum`, `tf.math.log`."""

from typing import Any

import lapis.ops as ops


def matmul(a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False, name: str | None = None) -> Any:
    """The matrix product of the last two axes, either side transposed first if asked."""
    a = ops.swapaxes(a, -1, -2) if transpose_a else a
    b = ops.swapaxes(b, -1, -2) if transpose_b else b
    return ops.matmul(a, b)


def tensordot(a: Any, b: Any, axes: Any, name: str | None = None) -> Any:
    """The product summed over several axes."""
    return ops.tensordot(a, b, axes)


def einsum(equation: str, *inputs: Any, name: str | None = None) -> Any:
    """Products and sums by Einstein's notation."""
    return ops.einsum(equation, *inputs)


def clip_by_value(t: Any, clip_value_min: Any, clip_value_max: Any, name: str | None = None) -> Any:
    """`t` held between two values."""
    return ops.clip(t, clip_value_min, clip_value_max)


def norm(tensor: Any, ord: Any = "euclidean", axis: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
    """The norm of vectors or matrices, of everything by default."""
    tensor = ops.reshape(tensor, (-1,)) if axis is None else tensor
    result = ops.norm(tensor, None if ord == "euclidean" else ord, axis, keepdims and axis is not None)
    return result


def _reduction(function: Any, text: str) -> Any:
    def reduce(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
        return function(input_tensor, axis, keepdims)

    reduce.__doc__ = text
    return reduce


def _unary(function: Any) -> Any:
    def unary(x: Any, name: str | None = None) -> Any:
        return function(x)

    unary.__doc__ = function.__doc__.split("\n")[0]
    return unary


def _binary(function: Any) -> Any:
    def binary(x: Any, y: Any, name: str | None = None) -> Any:
        return function(x, y)

    binary.__doc__ = function.__doc__.split("\n")[0].replace("x1", "x").replace("x2", "y")
    return binary


reduce_sum = _reduction(ops.sum, "The sum over `axis`.")
reduce_mean = _reduction(ops.mean, "The mean over `axis`.")
reduce_max = _reduction(ops.max, "The largest element over `axis`.")
reduce_min = _reduction(ops.min, "The smallest element over `axis`.")
reduce_prod = _reduction(ops.prod, "The product over `axis`.")
reduce_any = _reduction(ops.any, "Whether some element over `axis` is true.")
reduce_all = _reduction(ops.all, "Whether every element over `axis` is true.")
reduce_std = _reduction(ops.std, "The standard deviation over `axis`.")
reduce_variance = _reduction(ops.var, "The variance over `axis`.")
reduce_logsumexp = _reduction(ops.logsumexp, "`log(sum(exp(x)))` over `axis`.")

abs = _unary(ops.absolute)
acos = _unary(ops.arccos)
acosh = _unary(ops.arccosh)
asin = _unary(ops.arcsin)
asinh = _unary(ops.arcsinh)
atan = _unary(ops.arctan)
atanh = _unary(ops.arctanh)
ceil = _unary(ops.ceil)
cos = _unary(ops.cos)
cosh = _unary(ops.cosh)
erf = _unary(ops.erf)
exp = _unary(ops.exp)
expm1 = _unary(ops.expm1)
floor = _unary(ops.floor)
is_finite = _unary(ops.isfinite)
is_inf = _unary(ops.isinf)
is_nan = _unary(ops.isnan)
log = _unary(ops.log)
log1p = _unary(ops.log1p)
log_sigmoid = _unary(ops.log_sigmoid)
logical_not = _unary(ops.logical_not)
negative = _unary(ops.negative)
reciprocal = _unary(ops.reciprocal)
round = _unary(ops.round)
rsqrt = _unary(ops.rsqrt)
sigmoid = _unary(ops.sigmoid)
sign = _unary(ops.sign)
sin = _unary(ops.sin)
sinh = _unary(ops.sinh)
softplus = _unary(ops.softplus)
sqrt = _unary(ops.sqrt)
square = _unary(ops.square)
tan = _unary(ops.tan)
tanh = _unary(ops.tanh)

add = _binary(ops.add)
atan2 = _binary(ops.arctan2)
divide = _binary(ops.divide)
divide_no_nan = _binary(ops.divide_no_nan)
equal = _binary(ops.equal)
floordiv = _binary(ops.floor_divide)
floormod = _binary(ops.mod)
greater = _binary(ops.greater)
greater_equal = _binary(ops.greater_equal)
less = _binary(ops.less)
less_equal = _binary(ops.less_equal)
logical_and = _binary(ops.logical_and)
logical_or = _binary(ops.logical_or)
logical_xor = _binary(ops.logical_xor)
maximum = _binary(ops.maximum)
minimum = _binary(ops.minimum)
mod = _binary(ops.mod)
multiply = _binary(ops.multiply)
not_equal = _binary(ops.not_equal)
pow = _binary(ops.power)
subtract = _binary(ops.subtract)
truediv = _binary(ops.true_divide)


def add_n(inputs: Any, name: str | None = None) -> Any:
    """The sum of several arrays of one shape."""
    return sum(inputs[1:], start=inputs[0])


def cumsum(x: Any, axis: int = 0, exclusive: bool = False, reverse: bool = False, name: str | None = None) -> Any:
    """The running sum along `axis`, backwards with `reverse`, without the element itself with `exclusive`."""
    turned = ops.flip(x, axis) if reverse else x
    total = ops.cumsum(turned, axis)
    total = ops.subtract(total, turned) if exclusive else total
    return ops.flip(total, axis) if reverse else total


def squared_difference(x: Any, y: Any, name: str | None = None) -> Any:
    """`(x - y)**2`."""
    return ops.square(ops.subtract(x, y))


def top_k(input: Any, k: int = 1, sorted: bool = True, name: str | None = None) -> Any:
    """The `k` largest elements of the last axis, and their indices."""
    return ops.top_k(input, k, sorted)
