"""A primitive of JAX that a native function computes on the CPU and a function of JAX everywhere else."""

import functools
from collections.abc import Callable
from typing import Any

import jax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir


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
    return primitive


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
