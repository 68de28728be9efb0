"""JAX's profiler, for floors that do not know JAX."""

import jax


def start_trace(folder: str) -> None:
    """Record what runs from now on, for TensorBoard's profile view, into a folder."""
    jax.profiler.start_trace(folder)


def stop_trace() -> None:
    """Write down what has been recorded."""
    jax.profiler.stop_trace()
