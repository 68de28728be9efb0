"""A primitive of JAX that a native function computes on the CPU and a function of JAX everywhere else."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from lapis.kernels import library

# The function of JAX that each primitive of this package stands for.
references: dict[Any, Callable] = {}


def define(name: str, shapes: Callable, reference: Callable, lower: Callable | None) -> Any:
    """The primitive `name`, whose outputs are the list that `reference(*arguments, **parameters)` returns.

    `shapes`, called alike, gives the list of their shapes; their type is that of the first argument. `lower` is the
    rule that puts the native function into a program for the CPU. Under vmap the primitive is what its reference is.
    """
    primitive = Primitive(f"lapis_{name}")
    primitive.multiple_results = True

    def abstract(*arguments: Any, **parameters: Any) -> list:
        found = shapes(*arguments, **parameters)
        return [jax.core.ShapedArray(shape, arguments[0].dtype) for shape in found]

    @functools.partial(jax.jit, static_argnames="parameters")
    def run(*arguments: Any, parameters: tuple) -> Any:
        return primitive.bind(*arguments, **dict(parameters))

    def batch(arguments: Any, axes: Any, **parameters: Any) -> tuple:
        outputs = jax.vmap(functools.partial(reference, **parameters), axes)(*arguments)
        return outputs, [0] * len(outputs)

    primitive.def_impl(lambda *arguments, **parameters: run(*arguments, parameters=tuple(parameters.items())))
    primitive.def_abstract_eval(abstract)
    mlir.register_lowering(primitive, mlir.lower_fun(reference, multiple_results=True))
    if lower is not None:
        mlir.register_lowering(primitive, lower, platform="cpu")
    batching.primitive_batchers[primitive] = batch
    references[primitive] = reference
    return primitive


def define_with_gradient(
    name: str, shapes: Callable, reference: Callable, handlers: tuple[str, str], linear: int
) -> tuple[Any, Any]:
    """A primitive as `define` makes it, and its gradient, each computed by one of two native functions.

    The gradient takes the cotangents and all arguments, and gives the gradients of the first `linear` arguments, which
    are those that have one. Forward mode and higher derivatives are the reference's.
    """

    def of_moved(known: tuple, fixed: dict) -> Callable:
        return lambda *moved: reference(*moved, *known[linear:], **fixed)

    def tangent_reference(*arguments: Any, **fixed: Any) -> list:
        changes, known = arguments[:linear], arguments[linear:]
        return jax.jvp(of_moved(known, fixed), known[:linear], changes)[1]

    def gradient_reference(cotangent: Any, *known: Any, **fixed: Any) -> list:
        return list(jax.vjp(of_moved(known, fixed), *known[:linear])[1]([cotangent]))

    def tangent_shapes(*arguments: Any, **fixed: Any) -> list:
        return shapes(*arguments[linear:], **fixed)

    def gradient_shapes(cotangent: Any, *known: Any, **fixed: Any) -> list:
        return [array.shape for array in known[:linear]]

    forward = define(name, shapes, reference, functools.partial(lower_native, handlers[0]))
    tangent = define(f"{name}_tangent", tangent_shapes, tangent_reference, None)
    gradient = define(
        f"{name}_gradient", gradient_shapes, gradient_reference, functools.partial(lower_native, handlers[1])
    )

    def jvp(primals: Any, tangents: Any, **fixed: Any) -> tuple:
        changes = map(ad.instantiate_zeros, tangents[:linear])
        return forward.bind(*primals, **fixed), tangent.bind(*changes, *primals, **fixed)

    ad.primitive_jvps[forward] = jvp
    ad.primitive_jvps[tangent] = reference_jvp(tangent_reference)
    ad.primitive_jvps[gradient] = reference_jvp(gradient_reference)
    define_transposes(tangent, gradient, (linear, 1))
    return forward, gradient


def lower_native(handler: str, context: Any, *arguments: Any, **parameters: Any) -> Any:
    library.handler(handler)
    single = {k: np.float32(value) if isinstance(value, float) else value for k, value in parameters.items()}
    return jax.ffi.ffi_lowering(handler)(context, *arguments, **single)


def reference_jvp(reference: Callable) -> Callable:
    """The rule for the derivative of a primitive that takes it from the reference."""

    def rule(primals: Any, tangents: Any, **parameters: Any) -> Any:
        filled = [ad.instantiate_zeros(tangent) for tangent in tangents]
        return jax.jvp(functools.partial(reference, **parameters), list(primals), filled)

    return rule


def define_transposes(first: Any, second: Any, linear: tuple[int, int]) -> None:
    """Let two primitives be each other's transpose in their first arguments, as many as `linear` says.

    All other arguments are the same for both.
    """
    for one, other, count in ((first, second, linear[0]), (second, first, linear[1])):
        ad.primitive_transposes[one] = functools.partial(_transpose, other, count)


def _transpose(other: Any, linear: int, cotangents: Any, *arguments: Any, **parameters: Any) -> list:
    known = arguments[linear:]
    outputs = other.bind(*map(ad.instantiate_zeros, cotangents), *known, **parameters)
    # Tangents that are zero from the start come as zeros, and nobody asks for their gradient.
    asked = [out if ad.is_undefined_primal(x) else None for x, out in zip(arguments, outputs)]
    return [*asked, *[None] * len(known)]
