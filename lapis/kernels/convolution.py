"""Convolution and its gradients as primitives of JAX: oneDNN on the CPU, XLA elsewhere.

All arrays are channels last: activations `(batch, ..., channels)`, kernels `(..., channels // groups, filters)`.
Convolution is linear in its inputs and in its kernel, and so are its two gradients; each of the three is the
derivative of the other two, which gives derivatives of any order.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from lapis.kernels import library
from lapis.kernels.geometry import Geometry
from lapis.kernels.primitive import references


def reference(x: Any, w: Any, geometry: Geometry) -> Any:
    """The convolution as XLA computes it."""
    rank = len(geometry.strides)
    last = (0, rank + 1, *range(1, rank + 1))
    return lax.conv_general_dilated(
        x,
        w,
        geometry.strides,
        geometry.padding,
        rhs_dilation=geometry.dilation,
        dimension_numbers=lax.ConvDimensionNumbers(last, (rank + 1, rank, *range(rank)), last),
        feature_group_count=geometry.groups,
    )


def _reference_data(y: Any, w: Any, geometry: Geometry, sizes: tuple[int, ...]) -> Any:
    x = jax.ShapeDtypeStruct((y.shape[0], *sizes, w.shape[-2] * geometry.groups), y.dtype)
    return jax.linear_transpose(lambda x: reference(x, w, geometry), x)(y)[0]


def _reference_weight(x: Any, y: Any, geometry: Geometry, window: tuple[int, ...]) -> Any:
    w = jax.ShapeDtypeStruct((*window, x.shape[-1] // geometry.groups, y.shape[-1]), x.dtype)
    return jax.linear_transpose(lambda w: reference(x, w, geometry), w)(y)[0]


def _reference_affine(x: Any, w: Any, b: Any, geometry: Geometry, relu: bool) -> Any:
    y = reference(x, w, geometry) + b
    return jnp.maximum(y, 0) if relu else y


def _reference_weight_bias(x: Any, y: Any, geometry: Geometry, window: tuple[int, ...]) -> Any:
    return _reference_weight(x, y, geometry, window), y.sum(range(y.ndim - 1))


def convolve(x: Any, w: Any, geometry: Geometry) -> Any:
    """`reference(x, w, geometry)` natively; for what `choice.native_dtype` gives a type for."""
    return _conv.bind(x, w, geometry=geometry)


def convolve_affine(x: Any, w: Any, b: Any, geometry: Geometry, relu: bool = False) -> Any:
    """`convolve(x, w, geometry) + b`, or with `relu` its positive part."""
    return _affine.bind(x, w, b, geometry=geometry, relu=relu)


def transpose(y: Any, w: Any, geometry: Geometry, sizes: tuple[int, ...]) -> Any:
    """The inputs' gradient for the gradient `y` of the outputs, where the inputs have the spatial `sizes`."""
    return _data.bind(y, w, geometry=geometry, sizes=sizes)


def _weight_gradient(x: Any, y: Any, geometry: Geometry, window: tuple[int, ...]) -> Any:
    return _weight.bind(x, y, geometry=geometry, window=window)


def _primitive(name: str, shapes: Callable, fallback: Callable, handler: str, *kept: str, several: bool = False) -> Any:
    """A primitive that the native `handler` computes on the CPU, given the parameters `kept`, and `fallback` elsewhere.

    `shapes(*arguments, **parameters)` gives the shape of the result, or with `several` a list of them.
    """
    primitive = Primitive(f"lapis_{name}")
    primitive.multiple_results = several

    def abstract(*arguments: Any, **parameters: Any) -> Any:
        found = shapes(*arguments, **parameters)
        made = [jax.core.ShapedArray(shape, arguments[0].dtype) for shape in (found if several else [found])]
        return made if several else made[0]

    @functools.partial(jax.jit, static_argnames="parameters")
    def run(*arguments: Any, parameters: tuple) -> Any:
        return primitive.bind(*arguments, **dict(parameters))

    def lower(context: Any, *arguments: Any, geometry: Geometry, **parameters: Any) -> Any:
        extra = {name: parameters[name] for name in kept}
        library.handler(handler)
        return jax.ffi.ffi_lowering(handler)(context, *arguments, geometry=geometry.flat(), **extra)

    primitive.def_impl(lambda *arguments, **parameters: run(*arguments, parameters=tuple(parameters.items())))
    primitive.def_abstract_eval(abstract)
    mlir.register_lowering(primitive, mlir.lower_fun(fallback, multiple_results=several))
    mlir.register_lowering(primitive, lower, platform="cpu")
    references[primitive] = fallback
    return primitive


def _y_shape(x: Any, w: Any, geometry: Geometry) -> tuple[int, ...]:
    return (x.shape[0], *geometry.outputs(x.shape[1:-1], w.shape[:-2]), w.shape[-1])


def _x_shape(y: Any, w: Any, geometry: Geometry, sizes: tuple[int, ...]) -> tuple[int, ...]:
    return (y.shape[0], *sizes, w.shape[-2] * geometry.groups)


def _w_shape(x: Any, y: Any, geometry: Geometry, window: tuple[int, ...]) -> tuple[int, ...]:
    return (*window, x.shape[-1] // geometry.groups, y.shape[-1])


_conv = _primitive("conv", _y_shape, reference, "lapis_conv_v1")
_data = _primitive("conv_data_gradient", _x_shape, _reference_data, "lapis_conv_data_v1")
_weight = _primitive("conv_weight_gradient", _w_shape, _reference_weight, "lapis_conv_weight_v1")
_affine = _primitive(
    "conv_affine",
    lambda x, w, b, geometry, relu: _y_shape(x, w, geometry),
    _reference_affine,
    "lapis_conv_bias_v1",
    "relu",
)
_weight_bias = _primitive(
    "conv_weight_bias_gradient",
    lambda x, y, geometry, window: [_w_shape(x, y, geometry, window), y.shape[-1:]],
    _reference_weight_bias,
    "lapis_conv_weight_bias_v1",
    several=True,
)
ad.defbilinear(
    _conv,
    lambda ct, x, w, geometry: transpose(ct, w, geometry, x.aval.shape[1:-1]),
    lambda ct, x, w, geometry: _weight_gradient(x, ct, geometry, w.aval.shape[:-2]),
)
ad.defbilinear(
    _data,
    lambda ct, y, w, geometry, sizes: convolve(ct, w, geometry),
    lambda ct, y, w, geometry, sizes: _weight_gradient(ct, y, geometry, w.aval.shape[:-2]),
)
ad.defbilinear(
    _weight,
    lambda ct, x, y, geometry, window: transpose(y, ct, geometry, x.aval.shape[1:-1]),
    lambda ct, x, y, geometry, window: convolve(x, ct, geometry),
)


def _sum_of(*parts: Any) -> Any:
    return functools.reduce(lax.add, parts)


def _zero_tangent(x: Any) -> ad.Zero:
    return ad.Zero(jax.typeof(x).to_tangent_aval())


def _affine_jvp(primals: Any, tangents: Any, geometry: Geometry, relu: bool) -> Any:
    x, w, b = primals
    dx, dw, db = tangents
    y = convolve_affine(x, w, b, geometry, relu)
    parts = [] if isinstance(dx, ad.Zero) else [convolve(dx, w, geometry)]
    if not isinstance(dw, ad.Zero) and not isinstance(db, ad.Zero):
        # In one piece, so that its transpose gives the gradients of kernel and bias in one go.
        parts.append(convolve_affine(x, dw, db, geometry))
    elif not isinstance(dw, ad.Zero):
        parts.append(convolve(x, dw, geometry))
    elif not isinstance(db, ad.Zero):
        parts.append(jnp.broadcast_to(db, y.shape))
    if not parts:
        return y, _zero_tangent(y)
    tangent = _sum_of(*parts)
    return y, lax.select(y > 0, tangent, jnp.zeros_like(tangent)) if relu else tangent


def _affine_transpose(ct: Any, x: Any, w: Any, b: Any, geometry: Geometry, relu: bool) -> Any:
    assert ad.is_undefined_primal(w) and ad.is_undefined_primal(b) and not relu
    if isinstance(ct, ad.Zero):
        return None, ad.Zero(w.aval), ad.Zero(b.aval)
    return None, *_weight_bias.bind(x, ct, geometry=geometry, window=w.aval.shape[:-2])


def _weight_bias_jvp(primals: Any, tangents: Any, geometry: Geometry, window: tuple[int, ...]) -> Any:
    (x, y), (dx, dy) = primals, tangents
    outputs = _weight_bias.bind(x, y, geometry=geometry, window=window)
    dw, db = [], _zero_tangent(outputs[1])
    if not isinstance(dy, ad.Zero):
        first, db = _weight_bias.bind(x, dy, geometry=geometry, window=window)
        dw.append(first)
    if not isinstance(dx, ad.Zero):
        dw.append(_weight_gradient(dx, y, geometry, window))
    return outputs, [_sum_of(*dw) if dw else _zero_tangent(outputs[0]), db]


def _weight_bias_transpose(cts: Any, x: Any, y: Any, geometry: Geometry, window: tuple[int, ...]) -> Any:
    assert ad.is_undefined_primal(y)
    if all(isinstance(ct, ad.Zero) for ct in cts):
        return None, ad.Zero(y.aval)
    dw, db = map(ad.instantiate_zeros, cts)
    return None, convolve_affine(x, dw, db, geometry)


ad.primitive_jvps[_affine] = _affine_jvp
ad.primitive_transposes[_affine] = _affine_transpose
ad.primitive_jvps[_weight_bias] = _weight_bias_jvp
ad.primitive_transposes[_weight_bias] = _weight_bias_transpose


def _define_batching(primitive: Any, fallback: Callable, folds: bool) -> None:
    """A mapped axis: with `folds`, one of the activations alone joins the batch; any other is left to XLA."""

    def rule(arguments: Any, axes: Any, **parameters: Any) -> Any:
        first, *others = axes
        if folds and all(axis is None for axis in others):
            mapped = jnp.moveaxis(arguments[0], first, 0)
            y = primitive.bind(mapped.reshape(-1, *mapped.shape[2:]), *arguments[1:], **parameters)
            return y.reshape(*mapped.shape[:2], *y.shape[1:]), 0
        outputs = jax.vmap(lambda *each: fallback(*each, **parameters), axes)(*arguments)
        return outputs, [0] * len(outputs) if primitive.multiple_results else 0

    batching.primitive_batchers[primitive] = rule


_define_batching(_conv, reference, folds=True)
_define_batching(_data, _reference_data, folds=True)
_define_batching(_affine, _reference_affine, folds=True)
_define_batching(_weight, _reference_weight, folds=False)
_define_batching(_weight_bias, _reference_weight_bias, folds=False)
