"""Native CPU kernels behind XLA's foreign function interface, and their references in JAX."""

from typing import Any

from lapis.kernels.library import available as available
from lapis.kernels.library import handler as handler


def slow_in_loops(jaxpr: Any) -> bool:
    """Whether a plain convolution, slow inside loops on a CPU, is among the equations."""
    return "conv_general_dilated" in str(jaxpr)
