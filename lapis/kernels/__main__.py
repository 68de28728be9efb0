"""`python -m lapis.kernels`: what the native kernels do on this machine, or what they lack."""

import os
import pathlib
import platform
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

from lapis.kernels import attention, choice, columns, layer_norm, library, matmul, pooling, recurrent
from lapis.kernels.geometry import Geometry

_FEATURES = ("avx2", "fma", "f16c", "avx512f", "avx512_bf16", "amx_tile", "amx_bf16")
# One of each kind: the name, the shapes of inputs and kernel, the groups.
_CONVOLUTIONS = (
    ("convolution 1D", (8, 32, 16), (3, 16, 16), 1),
    ("convolution 2D", (8, 16, 16, 16), (3, 3, 16, 16), 1),
    ("convolution 2D, 1x1", (8, 16, 16, 64), (1, 1, 64, 64), 1),
    ("convolution 2D, depthwise", (8, 16, 16, 16), (3, 3, 1, 16), 16),
    ("convolution 3D", (2, 8, 8, 8, 16), (3, 3, 3, 16, 16), 1),
)
_PRODUCT = ("ij,jk->ik", (64, 256), (256, 256))


def report() -> Iterator[str]:
    """The lines of the report."""
    yield f"platform: {platform.system()} on {platform.machine()}, JAX {jax.__version__} on {jax.default_backend()}"
    yield f"processor: {' '.join(_features()) or 'no known features'}"
    found = library.library()
    if found.functions is None:
        yield f"library: none, XLA serves: {found.reason}"
        return
    yield f"library: {found.path}"
    yield f"threads: {found.functions.lapis_threads()}"
    waiting = {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    yield "environment: " + (", ".join(f"{n}={v}" for n, v in waiting.items() if v) or "nothing set for OpenMP")
    if not library.serves_here():
        yield "use: none, since the kernels serve a single CPU device"
        return
    for name, x, w, groups in _CONVOLUTIONS:
        yield from (f"{name}, {dtype}: {_convolution(x, w, dtype, groups)}" for dtype in ("float32", "bfloat16"))
    image = jax.ShapeDtypeStruct((8, 16, 16, 16), np.float32)
    windows = pooling.Windows(image.shape[1:3], (2, 2), (2, 2), ((0, 0), (0, 0)))
    for dtype in ("float32", "bfloat16"):
        pooled = pooling.native_dtype(image.shape, jnp.dtype(dtype), windows)
        yield f"max and average pooling, {dtype}: {_native(pooled == dtype)}"
        yield f"products of matrices, {dtype}: {_native(matmul.serves(_PRODUCT, dtype))}"
    steps = jax.ShapeDtypeStruct((8, 32, 64), np.float32)
    yield f"LSTM, float32: {_native(recurrent.serves(steps))}"
    heads = jax.ShapeDtypeStruct((8, 16, 4, 32), np.float32)
    yield f"attention, float32: {_native(attention.serves(heads, heads, heads, None, 1.0))}"
    yield f"batch normalization's sums, float32: {_native(columns.serves(image, (0, 1, 2)))}"
    yield f"layer normalization, float32: {_native(layer_norm.serves(steps, [2], 1e-3))}"


def _features() -> list[str]:
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    flags = cpuinfo.read_text().split() if cpuinfo.exists() else []
    return [feature for feature in _FEATURES if feature in flags]


def _convolution(x: tuple[int, ...], w: tuple[int, ...], dtype: str, groups: int) -> str:
    rank = len(x) - 2
    geometry = Geometry((1,) * rank, ((0, 0),) * rank, (1,) * rank, groups)
    computed = choice.native_dtype(x, w, dtype, geometry)
    if computed is None:
        return _native(False)
    names = ", ".join(f"{kind} {choice.describe(kind, x, w, computed, geometry)}" for kind in choice.KINDS)
    return f"native{'' if computed == dtype else f' in {computed}'} ({names})"


def _native(serves: bool) -> str:
    return "native" if serves else "by XLA"


if __name__ == "__main__":
    print("\n".join(report()))
