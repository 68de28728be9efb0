"""Native CPU kernels behind XLA's foreign function interface, and their references in JAX."""

from lapis.kernels.library import available as available
from lapis.kernels.library import handler as handler
from lapis.kernels.loops import slow_in_loops as slow_in_loops
from lapis.kernels.primitive import references as references
