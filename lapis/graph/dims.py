"""Names of dimensions, which travel with symbolic tensors through operations that keep them.

The names of a tensor are a tuple, one for each axis, `None` for an axis without one. What a rule does not know has no
names, so that names never forbid what is right.
"""

from collections.abc import Callable, Sequence
from typing import Any

from lapis.graph.tensor import KerasTensor

Dims = tuple[str | None, ...]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_UNARY = _words(
    "abs absolute negative fabs sign square reciprocal logical_not isfinite isinf isnan exp exp2 expm1 log log10 log2 "
    "log1p sqrt cbrt ceil floor trunc round nan_to_num sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh "
    "arctanh relu relu6 leaky_relu elu celu selu gelu silu sigmoid log_sigmoid hard_sigmoid hard_silu hard_tanh "
    "softplus softsign tanh_shrink soft_shrink hard_shrink threshold softmax log_softmax normalize cast clip copy "
    "stop_gradient rsqrt erf erfc zeros_like ones_like flip"
)
_BINARY = _words(
    "add subtract multiply divide true_divide divide_no_nan floor_divide mod power maximum minimum fmax fmin hypot "
    "equal not_equal less less_equal greater greater_equal logical_and logical_or logical_xor where"
)
_REDUCTIONS = _words("sum prod mean var std max min amax amin all any count_nonzero median logsumexp")


def described(x: Any) -> str:
    """A tensor's name and dimensions, as errors show them: `'a' (batch, time, channel=64)`."""
    sizes = []
    for axis, (name, size) in enumerate(zip(x.dims or (None,) * len(x.shape), x.shape)):
        sizes.append(
            name if name and size is None else f"{name}={size}" if name else "batch" if axis == 0 else str(size)
        )
    return f"{x.name!r} ({', '.join(sizes)})"


def disagreement(who: str, tensors: Sequence[Any], found: str, advice: str) -> ValueError:
    """The error for tensors whose dimensions do not agree."""
    named = ", ".join(map(described, tensors))
    return ValueError(f"{who} got tensors whose dimensions do not agree: {named}; {found}. {advice}")


def merged(tensors: Sequence[Any], who: str, skip: int | None = None) -> Dims | None:
    """The names of what tensors that are broadcast against one another give.

    Names must agree, but for axes of size 1 and for the axis `skip`, counted from the right as `-1`, `-2`…, which has
    a name only if all agree on it.
    """
    rank = max(len(x.shape) for x in tensors)
    names: list[str | None] = []
    for back in range(-rank, 0):
        here: dict[str, Any] = {}
        present = [x for x in tensors if len(x.shape) >= -back]
        for x in present:
            if x.dims is not None and x.dims[back] is not None and (x.shape[back] != 1 or len(present) == 1):
                here.setdefault(x.dims[back], x)
        if len(here) > 1 and back != skip:
            (one, _), (two, _) = list(here.items())[:2]
            advice = (
                "Bring them into one order, for example with `ops.transpose`, or give equal dimensions equal names."
            )
            raise disagreement(who, tensors, f"along axis {rank + back}, {one!r} meets {two!r}", advice)
        agreed = back != skip or all(x.dims is not None and x.dims[back] in here for x in tensors)
        names.append(next(iter(here), None) if len(here) == 1 and agreed else None)
    return tuple(names)


def contracted(one: Any, one_axis: int, two: Any, two_axis: int, who: str) -> None:
    """Raise the error if two axes that are summed over have different names."""
    first, second = (x.dims[axis] if x.dims is not None else None for x, axis in ((one, one_axis), (two, two_axis)))
    if first is not None and second is not None and first != second:
        advice = "Sum over dimensions of one name, or transpose one of the tensors."
        raise disagreement(who, [one, two], f"it would sum over {first!r} and {second!r}", advice)


def permuted(dims: Dims, order: Sequence[int]) -> Dims:
    """The names in another order."""
    return tuple(dims[axis] for axis in order)


def of_function(function: Callable, args: tuple, kwargs: dict, who: str) -> Dims | None:
    """The names of what an operation gives for symbolic tensors, `None` where they are not known."""
    name = getattr(function, "__name__", "")
    if name in _BINARY:
        tensors = [x for x in args if isinstance(x, KerasTensor)]
        return None if kwargs or len(tensors) != sum(hasattr(x, "shape") for x in args) else merged(tensors, who)
    x, rest = (args[0], args[1:]) if args else (None, ())
    if name in ("concatenate", "stack") and isinstance(x, (list, tuple)):
        axis = rest[0] if rest else kwargs.get("axis", 0)
        return _joined(name, x, axis, who)
    if not isinstance(x, KerasTensor):
        return None
    if name == "matmul":
        return _matmul(x, rest[0] if rest else kwargs.get("x2"), who)
    if x.dims is None:
        return None
    if name in _UNARY:
        return x.dims
    if name in _REDUCTIONS:
        given = dict(zip(("axis", "keepdims"), rest)) | kwargs
        return reduced(x.dims, given.get("axis"), given.get("keepdims", False)) if len(rest) <= 1 else None
    rule = _ORDERS.get(name)
    return None if rule is None else rule(x.dims, *rest, **kwargs)


def reduced(dims: Dims, axis: Any, keepdims: Any = False) -> Dims | None:
    """The names without those of some axes."""
    rank = len(dims)
    axes = range(rank) if axis is None else [axis] if isinstance(axis, int) else axis
    gone = {one % rank for one in axes}
    if keepdims:
        return tuple(None if axis in gone else name for axis, name in enumerate(dims))
    return tuple(name for axis, name in enumerate(dims) if axis not in gone)


def _joined(name: str, tensors: Sequence[Any], axis: Any, who: str) -> Dims | None:
    if not all(isinstance(x, KerasTensor) for x in tensors) or not isinstance(axis, int):
        return None
    rank = len(tensors[0].shape)
    if name == "concatenate":
        return merged(tensors, who, skip=axis % rank - rank)
    dims = list(merged(tensors, who) or ())
    dims.insert(axis % (rank + 1), None)
    return tuple(dims)


def _matmul(one: Any, two: Any, who: str) -> Dims | None:
    if not isinstance(two, KerasTensor):
        two_dims = None if getattr(two, "ndim", 0) != 2 else (None, None)
    elif len(one.shape) > 1 and len(two.shape) > 1:
        contracted(one, -1, two, -2, who)
        two_dims = two.dims or (None,) * len(two.shape)
    else:
        two_dims = None
    if two_dims is None or len(one.shape) < len(two_dims):
        return None
    one_dims = one.dims or (None,) * len(one.shape)
    return (*one_dims[:-1], two_dims[-1])


def _transpose(dims: Dims, axes: Any = None) -> Dims:
    return permuted(dims, range(len(dims))[::-1] if axes is None else axes)


def _swapaxes(dims: Dims, axis1: int, axis2: int) -> Dims:
    names = list(dims)
    names[axis1], names[axis2] = names[axis2], names[axis1]
    return tuple(names)


def _expand(dims: Dims, axis: Any) -> Dims | None:
    if not isinstance(axis, int):
        return None
    names = list(dims)
    names.insert(axis % (len(dims) + 1), None)
    return tuple(names)


def _squeeze(dims: Dims, axis: Any = None) -> Dims | None:
    return None if axis is None else reduced(dims, axis)


def _get_item(dims: Dims, key: Any) -> Dims | None:
    """Names for whole numbers, slices, `None` and one `...`; a slice of its own length keeps the name all the same."""
    keys = key if isinstance(key, tuple) else (key,)
    if not all(one is None or one is Ellipsis or isinstance(one, (int, slice)) for one in keys):
        return None
    used = sum(one is not None and one is not Ellipsis for one in keys)
    spare = [slice(None)] * (len(dims) - used)
    if Ellipsis in keys:
        place = keys.index(Ellipsis)
        keys = (*keys[:place], *spare, *keys[place + 1 :])
    else:
        keys = (*keys, *spare)
    rest, names = iter(dims), []
    for one in keys:
        if one is None:
            names.append(None)
        else:
            name = next(rest)
            if not isinstance(one, int):
                names.append(name if one == slice(None) else None)
    return tuple(names)


_ORDERS: dict[str, Callable] = {
    "transpose": _transpose,
    "swapaxes": _swapaxes,
    "expand_dims": _expand,
    "squeeze": _squeeze,
    "get_item": _get_item,
}


def name_outputs(operation: Any, args: tuple, kwargs: dict, tensors: Sequence[KerasTensor]) -> None:
    """Give the tensors that a call made the names that the operation knows for them."""
    found = operation.output_dims(*args, **kwargs)
    several = found if isinstance(found, list) else [found]
    for x, dims in zip(tensors, several):
        if dims is not None and len(dims) == len(x.shape) and any(dims):
            x.dims = dims
