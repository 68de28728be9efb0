"""Fourier transforms, windows over sequences, and complex numbers as pairs of real ones."""

from typing import Any

import jax
import jax.numpy as jnp

from lapis.graph import op
from lapis.ops.arrays import Tensor


def _complex(name: str, x: Any) -> Any:
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise ValueError(f"{name} takes a pair of arrays, the real and the imaginary part, and got {type(x).__name__}.")
    real, imag = jnp.asarray(x[0]), jnp.asarray(x[1])
    if real.shape != imag.shape:
        raise ValueError(f"{name} takes two parts of one shape, and got {real.shape} and {imag.shape}.")
    if not (jnp.issubdtype(real.dtype, jnp.floating) and jnp.issubdtype(imag.dtype, jnp.floating)):
        raise ValueError(f"{name} takes two parts of a float type, and got {real.dtype} and {imag.dtype}.")
    return jax.lax.complex(real, imag)


def _pair(x: Any) -> tuple[Tensor, Tensor]:
    return jnp.real(x), jnp.imag(x)


@op
def fft(x: tuple[Any, Any]) -> tuple[Tensor, Tensor]:
    """The Fourier transform along the last axis; numbers come and go as (real part, imaginary part).

    >>> [part.tolist() for part in fft(([1.0, 1.0], [0.0, 0.0]))]
    [[2.0, 0.0], [0.0, 0.0]]
    """
    return _pair(jnp.fft.fft(_complex("fft", x)))


@op
def fft2(x: tuple[Any, Any]) -> tuple[Tensor, Tensor]:
    """The Fourier transform over the last two axes.

    >>> fft2((jnp.ones((2, 2)), jnp.zeros((2, 2))))[0].tolist()
    [[4.0, 0.0], [0.0, 0.0]]
    """
    return _pair(jnp.fft.fft2(_complex("fft2", x)))


@op
def ifft2(x: tuple[Any, Any]) -> tuple[Tensor, Tensor]:
    """The inverse of `fft2`.

    >>> ifft2((jnp.ones((2, 2)), jnp.zeros((2, 2))))[0].tolist()
    [[1.0, 0.0], [0.0, 0.0]]
    """
    return _pair(jnp.fft.ifft2(_complex("ifft2", x)))


@op
def rfft(x: Any, fft_length: int | None = None) -> tuple[Tensor, Tensor]:
    """The first half of the Fourier transform of real numbers along the last axis, which determines the rest.

    `fft_length` cuts or pads the axis first.

    >>> rfft([1.0, 1.0])[0].tolist()
    [2.0, 0.0]
    """
    return _pair(jnp.fft.rfft(jnp.asarray(x), n=fft_length))


@op
def irfft(x: tuple[Any, Any], fft_length: int | None = None) -> Tensor:
    """The inverse of `rfft`; `fft_length` is the length of the result.

    >>> irfft(([2.0, 0.0], [0.0, 0.0])).tolist()
    [1.0, 1.0]
    """
    return jnp.fft.irfft(_complex("irfft", x), n=fft_length)


@op
def extract_sequences(x: Any, sequence_length: int, sequence_stride: int) -> Tensor:
    """Windows of `sequence_length` along the last axis, `sequence_stride` apart, on a new last axis.

    >>> extract_sequences([1, 2, 3, 4], 2, 1).tolist()
    [[1, 2], [2, 3], [3, 4]]
    """
    x = jnp.asarray(x)
    starts = jnp.arange(0, x.shape[-1] - sequence_length + 1, sequence_stride)
    return x[..., starts[:, None] + jnp.arange(sequence_length)]


def _window(window: Any, sequence_length: int, fft_length: int, dtype: Any) -> Any:
    """The window's numbers, padded to `fft_length` on both sides."""
    before = (fft_length - sequence_length) // 2
    if window is None:
        return jnp.ones(fft_length, dtype)
    if isinstance(window, str):
        if window not in ("hann", "hamming"):
            raise ValueError(f"window is {window!r}; expected 'hann', 'hamming', an array or None.")
        middle = {"hann": 0.5, "hamming": 0.54}[window]
        turn = 2 * jnp.pi * jnp.arange(sequence_length) / sequence_length
        window = middle - (1 - middle) * jnp.cos(turn) if sequence_length > 1 else jnp.ones(1)
    window = jnp.asarray(window, dtype)
    if window.shape != (sequence_length,):
        raise ValueError(f"window must have shape ({sequence_length},), and has {window.shape}.")
    return jnp.pad(window, (before, fft_length - sequence_length - before))


def _check_stride(sequence_stride: Any) -> None:
    if not isinstance(sequence_stride, int) or sequence_stride <= 0:
        raise ValueError(f"sequence_stride must be a whole number from 1 up, and is {sequence_stride!r}.")


@op
def stft(
    x: Any, sequence_length: int, sequence_stride: int, fft_length: int, window: Any = "hann", center: bool = True
) -> tuple[Tensor, Tensor]:
    """The Fourier transform of windows along the last axis: `(..., time)` to `(..., windows, fft_length // 2 + 1)`.

    Args:
        x: `float32` or `float64`.
        sequence_length: the length of a window; `fft_length` is at least that.
        sequence_stride: how far apart windows begin.
        window: `"hann"`, `"hamming"`, an array of `sequence_length` factors, or `None`.
        center: reflect the signal at both ends, so that the first window is centred on its first element.

    >>> stft(jnp.ones(8), 4, 2, 4)[0].shape
    (5, 3)
    """
    x = jnp.asarray(x)
    _check_stride(sequence_stride)
    if x.dtype not in ("float32", "float64"):
        raise TypeError(f"stft takes float32 or float64, and got {x.dtype}; cast it first.")
    if fft_length < sequence_length:
        raise ValueError(f"fft_length must be at least sequence_length, {sequence_length}, and is {fft_length}.")
    if center:
        x = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(fft_length // 2, fft_length // 2)], mode="reflect")
    frames = extract_sequences(x, fft_length, sequence_stride)
    return _pair(jnp.fft.rfft(frames * _window(window, sequence_length, fft_length, x.dtype)))


@op
def istft(
    x: tuple[Any, Any],
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: Any = "hann",
    center: bool = True,
) -> Tensor:
    """The inverse of `stft`: windows are added up and divided by the sum of the squared window.

    `length` is that of the result.

    >>> signal = jnp.arange(8.0)
    >>> back = istft(stft(signal, 4, 2, 4), 4, 2, 4)
    >>> bool(jnp.allclose(back, signal, atol=1e-5))
    True
    """
    _check_stride(sequence_stride)
    spectrum = _complex("istft", x)
    if spectrum.ndim < 2:
        raise ValueError(f"istft takes arrays of shape (..., windows, frequencies), and got {spectrum.shape}.")
    factors = _window(window, sequence_length, fft_length, jnp.real(spectrum).dtype)
    frames = jnp.fft.irfft(spectrum, n=fft_length) * factors
    count, total = frames.shape[-2], fft_length + sequence_stride * (frames.shape[-2] - 1)
    places = jnp.arange(count)[:, None] * sequence_stride + jnp.arange(fft_length)
    signal = jnp.zeros((*frames.shape[:-2], total), frames.dtype).at[..., places].add(frames)
    weight = jnp.zeros(total, frames.dtype).at[places].add(jnp.broadcast_to(factors**2, places.shape))
    signal = signal / jnp.where(weight > 1e-10, weight, 1.0)
    start = fft_length // 2 if center else 0
    end = start + length if length is not None else total - start
    return signal[..., start:end]


@op
def view_as_complex(x: Any) -> Tensor:
    """Pairs along the last axis as complex numbers: `(..., 2)` to `(...)`.

    >>> view_as_complex([[1.0, 2.0]]).tolist()
    [(1+2j)]
    """
    x = jnp.asarray(x)
    if x.ndim < 1 or x.shape[-1] != 2:
        raise ValueError(f"view_as_complex takes an array whose last axis has size 2, and got shape {x.shape}.")
    return jax.lax.complex(x[..., 0].astype("float32"), x[..., 1].astype("float32"))


@op
def view_as_real(x: Any) -> Tensor:
    """Complex numbers as pairs along a new last axis.

    >>> view_as_real([1 + 2j]).tolist()
    [[1.0, 2.0]]
    """
    return jnp.stack(_pair(jnp.asarray(x)), axis=-1)


@op
def polar(abs_: Any, angle: Any) -> Tensor:
    """The complex numbers of the given lengths and angles (in radians).

    >>> polar([1.0], [0.0]).tolist()
    [(1+0j)]
    """
    length, angle = jnp.asarray(abs_), jnp.asarray(angle)
    return _complex("polar", (length * jnp.cos(angle), length * jnp.sin(angle)))
