"""Kernels that make a convolution a short-time Fourier transform."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lapis.core.dtypes import standardize_dtype
from lapis.core.serialization import builtin
from lapis.initializers.initializer import Initializer


@builtin("keras.initializers", "STFTInitializer")
@builtin("keras.initializers")
class STFT(Initializer):
    """The real or imaginary half of the windowed Fourier basis, shaped `(window length, 1, frequencies)`.

    `side` is `"real"` or `"imag"`; `window` names a function of `scipy.signal.windows`, or is an array of the window's
    values, or `None`; `scaling` divides by the window's L2 norm (`"density"`), its L1 norm (`"spectrum"`) or nothing
    (`None`); `periodic` makes a named window periodic instead of symmetric. With `frequencies = n // 2 + 1` of a
    transform of size n, entry (t, f) is `w[t] * cos(-2 pi t f / n)`, or `sin` for the imaginary side.

    >>> STFT("real", window=None)((4, 1, 3))[:, 0, 1].round(3)
    array([ 1.,  0., -1., -0.], dtype=float32)
    """

    def __init__(
        self,
        side: str = "real",
        window: Any = "hann",
        scaling: str | None = "density",
        periodic: bool = False,
    ) -> None:
        if side not in ("real", "imag"):
            raise ValueError(f"side is {side!r}; expected 'real' or 'imag'.")
        if scaling not in ("density", "spectrum", None):
            raise ValueError(f"scaling is {scaling!r}; expected 'density', 'spectrum' or None.")
        if isinstance(window, str):
            _named_window(window, 1, periodic)
        self.side = side
        self.window = window
        self.scaling = scaling
        self.periodic = periodic

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        length, _, frequencies = shape
        time, frequency = np.arange(length)[:, None, None], np.arange(frequencies)[None, None, :]
        angle = -2.0 * np.pi * time * frequency / (2 * (frequencies - 1))
        kernel = np.cos(angle) if self.side == "real" else np.sin(angle)
        if self.window is not None:
            kernel *= self._scaled_window(length)[:, None, None]
        return kernel.astype(standardize_dtype(dtype))

    def _scaled_window(self, length: int) -> np.ndarray:
        if isinstance(self.window, str):
            window = _named_window(self.window, length, self.periodic)
        else:
            window = np.asarray(self.window, dtype="float64")
        if window.shape != (length,):
            raise ValueError(f"The window has shape {window.shape}; the kernel needs ({length},).")
        if self.scaling == "density":
            return window / np.sqrt(np.sum(np.square(window)))
        if self.scaling == "spectrum":
            return window / np.sum(np.abs(window))
        return window

    def get_config(self) -> dict:
        return {"side": self.side, "window": self.window, "periodic": self.periodic, "scaling": self.scaling}


def _named_window(name: str, length: int, periodic: bool) -> np.ndarray:
    import scipy.signal  # slow to import, and wanted by few; JAX depends on SciPy

    return np.asarray(scipy.signal.get_window(name, length, fftbins=periodic))
