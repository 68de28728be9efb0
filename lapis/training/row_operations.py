"""Which operations between layers keep the rows of a batch apart, by an explicit list."""

import inspect
import math
from collections.abc import Callable
from typing import Any

import lapis.activations as activations
import lapis.core.nest as nest
import lapis.ops as ops
from lapis.graph import KerasTensor, Node

_ELEMENTWISE_NAMES = """
    abs absolute add arccos arccosh arcsin arcsinh arctan arctan2 arctanh bitwise_and bitwise_not bitwise_or bitwise_xor
    cast cbrt ceil celu clip copy cos cosh divide divide_no_nan elu equal erf erfc erfinv exp exp2 expm1 fabs floor
    floor_divide fmax fmin fmod gelu greater greater_equal hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh
    heaviside hypot isfinite isinf isnan leaky_relu less less_equal log log10 log1p log2 log_sigmoid logaddexp
    logical_and logical_not logical_or logical_xor maximum minimum mod multiply nan_to_num negative not_equal ones_like
    power reciprocal relu relu6 round rsqrt saturate_cast selu sigmoid sign silu sin sinc sinh soft_shrink softplus
    softsign sparse_plus sparse_sigmoid sqrt square squareplus stop_gradient subtract swish tan tanh tanh_shrink
    threshold true_divide trunc where zeros_like
"""
_ALONG_NAMES = """
    all amax amin any argmax argmin argsort concatenate count_nonzero cumprod cumsum flip glu log_softmax logsumexp max
    mean min normalize prod repeat softmax sort sparsemax split squeeze std sum swapaxes var
"""
_ACTIVATIONS = {one for one in vars(activations).values() if inspect.isfunction(one)}
_ELEMENTWISE = {getattr(ops, name) for name in _ELEMENTWISE_NAMES.split()}
_ALONG = {getattr(ops, name) for name in _ALONG_NAMES.split()}


def is_activation(function: Any) -> bool:
    """Whether a layer's activation is one of Lapis's own, which work on single elements or along the last axis."""
    return any(function is own for own in _ACTIVATIONS)


def operation_keeps_rows(node: Node) -> bool:
    """Whether each row that an operation between layers gives depends on the same row of its inputs only."""
    function = node.operation.function
    ranks = {len(x.shape) for x in node.input_tensors}
    if len(ranks) != 1 or 0 in ranks:  # of unequal ranks, the batch of one lies along another axis of the other
        return False
    rank = ranks.pop()
    given = inspect.signature(function).bind(*node.args, **node.kwargs)
    given.apply_defaults()
    if function in _ELEMENTWISE:
        return len(node.output_tensors[0].shape) == rank
    if function in _ALONG:
        axes = [value for name, value in given.arguments.items() if name in ("axis", "axis1", "axis2")]
        return bool(axes) and all(_spares(axis, rank) for axis in axes)
    rule = _RULES.get(function)
    return rule is not None and rule(given.arguments, rank, node)


def _spares(axis: Any, rank: int) -> bool:
    """Whether one axis or several are given, and none of them is that of the batch."""
    return axis is not None and all(isinstance(one, int) and one % rank != 0 for one in nest.flatten(axis))


def _reshape(arguments: dict[str, Any], rank: int, node: Node) -> bool:
    before, after = (tensors[0].shape for tensors in (node.input_tensors, node.output_tensors))
    sizes: list[Any] = [*before[1:], *after[1:]]
    return None not in sizes and before[0] == after[0] and math.prod(sizes[: rank - 1]) == math.prod(sizes[rank - 1 :])


def _get_item(arguments: dict[str, Any], rank: int, node: Node) -> bool:
    key = arguments["key"]
    key = key if isinstance(key, tuple) else (key,)
    if not all(one is None or one is ... or isinstance(one, (int, slice)) for one in key):
        return False
    taken = sum(one is not None and one is not ... for one in key)
    return key[0] == slice(None) or (key[0] is ... and taken < rank)


def _matmul(arguments: dict[str, Any], rank: int, node: Node) -> bool:
    first, second = arguments.values()
    if isinstance(first, KerasTensor) and isinstance(second, KerasTensor):
        return rank >= 3
    return isinstance(first, KerasTensor) and rank >= 2 and len(getattr(second, "shape", ())) == 2


# Where the batch must come out as the first axis too, the place of the new axis counts among one more.
_RULES: dict[Callable, Callable[[dict[str, Any], int, Node], bool]] = {
    ops.expand_dims: lambda given, rank, node: _spares(given["axis"], rank + len(nest.flatten(given["axis"]))),
    ops.stack: lambda given, rank, node: _spares(given["axis"], rank + 1),
    ops.transpose: lambda given, rank, node: given["axes"] is not None and given["axes"][0] in (0, -rank),
    ops.moveaxis: lambda given, rank, node: _spares(given["source"], rank) and _spares(given["destination"], rank),
    ops.reshape: _reshape,
    ops.get_item: _get_item,
    ops.matmul: _matmul,
}
