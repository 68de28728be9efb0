"""Signals as spectrograms, by a convolution with the Fourier basis."""

import math
import warnings
from typing import Any, Unpack

import numpy as np

import lapis.initializers as initializers
import lapis.ops as ops
from lapis.core.config import epsilon, image_data_format
from lapis.core.dtypes import is_float_dtype
from lapis.core.serialization import builtin, deserialize_keras_object, serialize_keras_object
from lapis.layers.input_spec import InputSpec
from lapis.layers.layer import Layer
from lapis.layers.options import LayerOptions

_MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")


@builtin("keras.layers")
class STFTSpectrogram(Layer):
    """The short-time Fourier transform of each channel, with kernels that start as its basis and can be trained.

    Input `(batch, time, channels)`, output `(batch, frames, channels * bins)` with `bins = fft_length // 2 + 1` (twice
    that for `mode="stft"`); with `expand_dims` `(batch, frames, bins, channels)`. For `data_format="channels_first"`
    input `(batch, channels, time)`, output `(batch, channels * bins, frames)` or `(batch, channels, frames, bins)`.

    Args:
        mode: `"magnitude"`; `"log"`, its logarithm; `"psd"`, the one-sided power, with the bins between the first and
            the last doubled; `"angle"`; `"real"` or `"imag"`; `"stft"`, the real bins and then the imaginary ones.
        frame_length: samples in a frame.
        frame_step: samples between the starts of frames; half a frame when not given.
        fft_length: length of the transform, at least a frame; the next power of two when not given.
        window: the name of one of SciPy's windows, an array `(frame_length,)`, or `None`.
        periodic: whether a named window is periodic, rather than symmetric.
        scaling: `"density"` divides by the window's L2 norm, `"spectrum"` by its L1 norm, `None` by nothing.
        padding: `"valid"` or `"same"`.
        expand_dims: whether bins and channels have axes of their own, as in an image.
        data_format: `"channels_last"` or `"channels_first"`; the global setting when not given.

    A `ValueError` for an unknown mode, scaling, padding or window, a step outside of 1 to `frame_length` or a transform
    shorter than a frame; a `TypeError` for inputs that are not floating-point.

    >>> import numpy as np
    >>> STFTSpectrogram(frame_length=256, frame_step=128, fft_length=512)(np.ones((3, 16000, 1))).shape
    (3, 124, 257)
    """

    real_kernel: Any
    imag_kernel: Any

    def __init__(
        self,
        mode: str = "log",
        frame_length: int = 256,
        frame_step: int | None = None,
        fft_length: int | None = None,
        window: Any = "hann",
        periodic: bool = False,
        scaling: str | None = "density",
        padding: str = "valid",
        expand_dims: bool = False,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        if mode not in _MODES:
            raise ValueError(f"STFTSpectrogram got mode={mode!r}; expected one of {_MODES}.")
        if padding not in ("valid", "same"):
            raise ValueError(f"STFTSpectrogram got padding={padding!r}; expected 'valid' or 'same'.")
        if frame_step is not None and not 1 <= frame_step <= frame_length:
            raise ValueError(
                f"STFTSpectrogram got frame_step={frame_step}; expected a whole number from 1 to "
                f"frame_length={frame_length}."
            )
        if fft_length is not None and fft_length < frame_length:
            raise ValueError(
                f"STFTSpectrogram got fft_length={fft_length}; expected at least frame_length={frame_length}."
            )
        if fft_length is not None and fft_length & (fft_length - 1):
            warnings.warn(f"fft_length={fft_length} is not a power of two, as transforms prefer.", stacklevel=2)
        if data_format not in (None, "channels_last", "channels_first"):
            raise ValueError(
                f"STFTSpectrogram got data_format={data_format!r}; expected 'channels_last' or 'channels_first'."
            )
        super().__init__(**kwargs)
        self.mode = mode
        self.frame_length = frame_length
        self.frame_step = frame_step
        self.fft_length = fft_length
        self.window = window
        self.periodic = periodic
        self.scaling = scaling
        self.padding = padding
        self.expand_dims = expand_dims
        self.data_format = data_format or image_data_format()
        self.input_spec = InputSpec(ndim=3)
        self._bins = (fft_length or 2 ** math.ceil(math.log2(frame_length))) // 2 + 1
        # Made here so that a wrong window or scaling is told at once.
        self._bases = {side: initializers.STFT(side, window, scaling, periodic) for side in ("real", "imag")}

    def build(self, input_shape: tuple) -> None:
        for side in ("real", "imag"):
            if self.mode in (side, *(mode for mode in _MODES if mode not in ("real", "imag"))):
                shape = (self.frame_length, 1, self._bins)
                kernel = self.add_weight(name=f"{side}_kernel", shape=shape, initializer=self._bases[side])
                setattr(self, f"{side}_kernel", kernel)

    def call(self, inputs: Any) -> Any:
        if not is_float_dtype(inputs.dtype):
            raise TypeError(f"STFTSpectrogram got inputs of type {inputs.dtype}; expected floating-point numbers.")
        signals = ops.swapaxes(inputs, 1, 2) if self.data_format == "channels_last" else inputs
        if self.mode in ("real", "imag"):
            return self._arranged(self._transformed(signals, getattr(self, f"{self.mode}_kernel")))
        real, imag = self._transformed(signals, self.real_kernel), self._transformed(signals, self.imag_kernel)
        if self.mode == "stft":
            return self._arranged(ops.concatenate([real, imag], axis=-1))
        if self.mode == "angle":
            return self._arranged(ops.arctan2(imag, real))
        power = ops.square(real) + ops.square(imag)
        if self.mode == "psd":
            twice = np.full(self._bins, 2.0)
            twice[[0, -1]] = 1.0
            return self._arranged(power * ops.cast(twice, power.dtype))
        magnitude = self._arranged(ops.sqrt(ops.maximum(power, epsilon())))
        return magnitude if self.mode == "magnitude" else ops.log(ops.maximum(magnitude, epsilon()))

    def _transformed(self, signals: Any, kernel: Any) -> Any:
        """From `(batch, channels, time)` to `(batch, channels, frames, bins)`."""
        batch, channels, time = signals.shape
        flat = ops.reshape(signals, (batch * channels, time, 1))
        step = self.frame_step or self.frame_length // 2
        frames = ops.conv(flat, kernel, step, self.padding, "channels_last")
        return ops.reshape(frames, (batch, channels, *frames.shape[1:]))

    def _arranged(self, x: Any) -> Any:
        """The axes `(batch, channels, frames, bins)` in the order of the outputs."""
        batch, channels, frames, bins = x.shape
        if self.data_format == "channels_first":
            return x if self.expand_dims else ops.reshape(ops.swapaxes(x, 2, 3), (batch, channels * bins, frames))
        if self.expand_dims:
            return ops.transpose(x, (0, 2, 3, 1))
        return ops.reshape(ops.swapaxes(x, 1, 2), (batch, frames, channels * bins))

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "mode": self.mode,
            "frame_length": self.frame_length,
            "frame_step": self.frame_step,
            "fft_length": self.fft_length,
            "window": serialize_keras_object(self.window),
            "periodic": self.periodic,
            "scaling": self.scaling,
            "padding": self.padding,
            "data_format": self.data_format,
            "expand_dims": self.expand_dims,
        }

    @classmethod
    def from_config(cls, config: dict) -> Any:
        return super().from_config({**config, "window": deserialize_keras_object(config.get("window", "hann"))})
