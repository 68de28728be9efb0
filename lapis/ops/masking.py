"""How the mask of a tensor goes on to what operations in a graph make of it.

A mask `(batch, time, …)` says which entries along a tensor's leading axes count. It goes on where these axes do:
through elementwise operations and slices, along joined features, in sums over features. What an operation without a
rule here gives, such as a reshape or a sum over time, has no mask, nor has what an integer picks from a masked axis,
nor what is left without features or gets axes behind them: layers and losses would read such a mask otherwise.
"""

import builtins
from collections.abc import Callable, Sequence
from typing import Any

from lapis.core import nest
from lapis.graph import get_mask
from lapis.ops import math
from lapis.ops.core import cast, saturate_cast, stop_gradient
from lapis.ops.nn import activations, normalization
from lapis.ops.numpy import arithmetic, exponents, indexing, joining, products, reduction, shaping, trigonometry
from lapis.ops.numpy.comparison import logical_or
from lapis.ops.numpy.creation import ones_like


def _rank(x: Any) -> int:
    return len(x.shape)


def _either(masks: list[Any]) -> Any:
    """An entry counts where it does in any of the masks; tensors without one say nothing about it."""
    if not masks or len({_rank(mask) for mask in masks}) > 1:
        return None
    merged = masks[0]
    for mask in masks[1:]:
        merged = merged if mask is merged else logical_or(merged, mask)
    return merged


def _along_leading_axes(x: Any, mask: Any, out: Any) -> bool:
    """Whether the axes that the mask speaks of are the same ones in the result."""
    count = _rank(mask)
    sizes = zip(x.shape[:count], out.shape[:count])
    return _rank(x) == _rank(out) and builtins.all(a is None or a == b for a, b in sizes)


def _elementwise(out: Any, *args: Any, **kwargs: Any) -> Any:
    """The masks of arguments that are not broadcast along a masked axis."""
    tensors = [(x, get_mask(x)) for x in nest.flatten((args, kwargs)) if get_mask(x) is not None]
    return _either([mask for x, mask in tensors if _along_leading_axes(x, mask, out)])


def _get_item(out: Any, x: Any, key: Any) -> Any:
    """The mask cut likewise, unless an integer or array takes a masked axis away."""
    keys = list(key) if isinstance(key, tuple) else [key]
    if not builtins.all(k is None or k is Ellipsis or isinstance(k, (int, slice)) for k in keys):
        return None
    used = sum(k is not None and k is not Ellipsis for k in keys)
    place = keys.index(Ellipsis) if Ellipsis in keys else len(keys)
    keys[place : place + 1] = [slice(None)] * (_rank(x) - used)
    mask = get_mask(x)
    wanted: list[Any] = []
    while keys and sum(k is not None for k in wanted) < _rank(mask):
        wanted.append(keys.pop(0))
    if None in keys or builtins.any(isinstance(k, int) for k in wanted):
        return None
    return mask[tuple(wanted)]


def _concatenate(out: Any, xs: Sequence[Any], axis: int = 0) -> Any:
    """Along features the masks together; along a masked axis one after the other, where unmasked tensors count."""
    masks = [get_mask(x) for x in xs]
    given = [mask for mask in masks if mask is not None]
    count = _rank(given[0])
    axis %= _rank(out)
    if axis >= count:
        return _either(given)
    if {_rank(mask) for mask in given} != {count}:
        return None
    features = tuple(range(count, _rank(out)))
    filled = [
        reduction.any(ones_like(x, "bool"), axis=features) if mask is None else mask for x, mask in zip(xs, masks)
    ]
    return joining.concatenate(filled, axis=axis)


def _expand_dims(out: Any, x: Any, axis: int | Sequence[int]) -> Any:
    """The mask with new axes where they lie between masked ones."""
    mask = get_mask(x)
    for a in sorted(a % _rank(out) for a in nest.flatten(axis)):
        if a >= _rank(mask):
            return None
        mask = shaping.expand_dims(mask, a)
    return mask


def _squeeze(out: Any, x: Any, axis: Any = None) -> Any:
    """The mask as it is, where no masked axis goes."""
    axes = [a for a, size in enumerate(x.shape) if size == 1] if axis is None else nest.flatten(axis)
    return get_mask(x) if _spares(x, axes) else None


def _flip(out: Any, x: Any, axis: Any = None) -> Any:
    """The mask turned round along the same axes."""
    mask = get_mask(x)
    axes = range(_rank(x)) if axis is None else [a % _rank(x) for a in nest.flatten(axis)]
    masked = tuple(a for a in axes if a < _rank(mask))
    return shaping.flip(mask, masked) if masked else mask


def _matmul(out: Any, x1: Any, x2: Any) -> Any:
    """The mask of the rows that are multiplied with a matrix of weights; those of scores have their own meaning."""
    mask = get_mask(x1)
    return mask if mask is not None and len(x2.shape) == 2 and _rank(mask) < _rank(x1) else None


def _reduction(out: Any, x: Any, axis: Any = None, **_: Any) -> Any:
    """The mask as it is, where only features are reduced."""
    return get_mask(x) if axis is not None and _spares(x, nest.flatten(axis)) else None


def _spares(x: Any, axes: Sequence[int]) -> bool:
    return builtins.all(a % _rank(x) >= _rank(get_mask(x)) for a in axes)


_RULES: dict[Callable, Sequence[Callable]] = {
    _elementwise: (
        *(cast, saturate_cast, stop_gradient, math.rsqrt, math.erf, math.erfc, math.erfinv, indexing.where),
        *(arithmetic.add, arithmetic.subtract, arithmetic.multiply, arithmetic.divide, arithmetic.true_divide),
        *(arithmetic.divide_no_nan, arithmetic.floor_divide, arithmetic.mod, arithmetic.fmod, arithmetic.power),
        *(arithmetic.negative, arithmetic.absolute, arithmetic.abs, arithmetic.fabs, arithmetic.sign),
        *(arithmetic.square, arithmetic.reciprocal, arithmetic.maximum, arithmetic.minimum, arithmetic.fmax),
        *(arithmetic.fmin, arithmetic.clip, arithmetic.hypot, arithmetic.logaddexp, arithmetic.logaddexp2),
        *(exponents.exp, exponents.exp2, exponents.expm1, exponents.log, exponents.log10, exponents.log2),
        *(exponents.log1p, exponents.sqrt, exponents.cbrt, exponents.ceil, exponents.floor, exponents.trunc),
        *(exponents.round, exponents.nan_to_num),
        *(trigonometry.sin, trigonometry.cos, trigonometry.tan, trigonometry.arcsin, trigonometry.arccos),
        *(trigonometry.arctan, trigonometry.arctan2, trigonometry.sinh, trigonometry.cosh, trigonometry.tanh),
        *(trigonometry.arcsinh, trigonometry.arccosh, trigonometry.arctanh, trigonometry.sinc),
        *(activations.relu, activations.relu6, activations.leaky_relu, activations.elu, activations.celu),
        *(activations.selu, activations.gelu, activations.silu, activations.sigmoid, activations.log_sigmoid),
        *(activations.hard_sigmoid, activations.hard_silu, activations.hard_tanh, activations.sparse_sigmoid),
        *(activations.softplus, activations.sparse_plus, activations.squareplus, activations.softsign),
        *(activations.tanh_shrink, activations.soft_shrink, activations.hard_shrink, activations.threshold),
        *(activations.glu, activations.softmax, activations.log_softmax, activations.sparsemax),
        *(normalization.normalize, normalization.layer_normalization, normalization.rms_normalization),
        normalization.batch_normalization,
    ),
    _reduction: (
        *(reduction.sum, reduction.prod, reduction.mean, reduction.var, reduction.std, reduction.max, reduction.min),
        *(reduction.amax, reduction.amin, math.logsumexp),
    ),
    _get_item: (indexing.get_item,),
    _concatenate: (joining.concatenate,),
    _expand_dims: (shaping.expand_dims,),
    _squeeze: (shaping.squeeze,),
    _flip: (shaping.flip,),
    _matmul: (products.matmul,),
}
for _rule, _operations in _RULES.items():
    for _operation in _operations:
        _operation.carried_mask = _rule  # pyright: ignore[reportFunctionMemberAccess]
