"""What should not be put into a loop on the CPU."""

import jax
from jax.extend.core import ClosedJaxpr, Jaxpr, jaxprs_in_params

_SLOW = "conv_general_dilated"


def slow_in_loops(jaxpr: Jaxpr | ClosedJaxpr) -> bool:
    """Whether a program holds a convolution of XLA and runs on the CPU, where that is about 20 times slower in a loop.

    >>> import jax.numpy as jnp
    >>> slow_in_loops(jax.make_jaxpr(jnp.sin)(1.0))
    False
    """
    return jax.default_backend() == "cpu" and _holds(jaxpr.jaxpr if isinstance(jaxpr, ClosedJaxpr) else jaxpr)


def _holds(jaxpr: Jaxpr) -> bool:
    return any(
        equation.primitive.name == _SLOW or any(map(_holds, jaxprs_in_params(equation.params)))
        for equation in jaxpr.eqns
    )
