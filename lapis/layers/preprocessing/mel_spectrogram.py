"""Signals as spectrograms on the mel scale."""

from typing import Any, Unpack

import numpy as np

import lapis.ops as ops
from lapis.core.serialization import builtin, deserialize_keras_object, serialize_keras_object
from lapis.layers.layer import Layer
from lapis.layers.options import LayerOptions
from lapis.state import claim_memory


@builtin("keras.layers")
class MelSpectrogram(Layer):
    """The power of a signal in bands of equal width on the mel scale, over time, in decibels.

    Input `(batch, samples)` or `(samples,)`, output `(batch, num_mel_bins, frames)` or `(num_mel_bins, frames)`.
    Decibels are `10 * log10(power / ref_power)`, no lower than `top_db` below the highest of the whole batch.

    Args:
        fft_length: length of the transform.
        sequence_stride: samples between frames.
        sequence_length: samples in a frame, at most `fft_length`, which it is when not given.
        window: `"hann"`, `"hamming"`, an array `(sequence_length,)`, or `None`.
        sampling_rate: samples per second.
        num_mel_bins: number of bands.
        min_freq, max_freq: the lowest and highest frequency in hertz; `max_freq` is half the rate when not given.
        power_to_db: whether to give decibels.
        top_db: the range of decibels.
        mag_exp: what the magnitude is raised to: 1 for magnitudes, 2 for power.
        min_power: the least power, and the least `ref_power`, so that logarithms are finite.
        ref_power: the power of 0 decibels.

    A `ValueError` where a frame is longer than the transform.

    >>> import numpy as np
    >>> MelSpectrogram(num_mel_bins=80, sampling_rate=8000, sequence_stride=128)(np.ones((2, 16000))).shape
    (2, 80, 126)
    """

    def __init__(
        self,
        fft_length: int = 2048,
        sequence_stride: int = 512,
        sequence_length: int | None = None,
        window: Any = "hann",
        sampling_rate: int = 16000,
        num_mel_bins: int = 128,
        min_freq: float = 20.0,
        max_freq: float | None = None,
        power_to_db: bool = True,
        top_db: float = 80.0,
        mag_exp: float = 2.0,
        min_power: float = 1e-10,
        ref_power: float = 1.0,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.fft_length = fft_length
        self.sequence_stride = sequence_stride
        self.sequence_length = sequence_length or fft_length
        if self.sequence_length > fft_length:
            raise ValueError(
                f"MelSpectrogram got sequence_length={sequence_length}; expected at most fft_length={fft_length}."
            )
        self.window = window
        self.sampling_rate = sampling_rate
        self.num_mel_bins = num_mel_bins
        self.min_freq = min_freq
        self.max_freq = max_freq or int(sampling_rate / 2)
        self.power_to_db = power_to_db
        self.top_db = top_db
        self.mag_exp = mag_exp
        self.min_power = min_power
        self.ref_power = ref_power

    def call(self, inputs: Any) -> Any:
        # The filters and the window are made here, even where only shapes are asked for.
        claim_memory(f"{self.path}/filters", (self.fft_length // 2 + 1, self.num_mel_bins), "float64")
        claim_memory(f"{self.path}/window", (self.sequence_length,), "float64")
        # There are no Fourier transforms of 16-bit numbers.
        dtype = self.compute_dtype if self.compute_dtype == "float64" else "float32"
        real, imag = ops.stft(
            ops.cast(inputs, dtype),
            sequence_length=self.sequence_length,
            sequence_stride=self.sequence_stride,
            fft_length=self.fft_length,
            window=self.window,
        )
        spectrum = ops.power(ops.sqrt(ops.square(real) + ops.square(imag)), self.mag_exp)
        bands = self.linear_to_mel_weight_matrix(
            self.num_mel_bins, spectrum.shape[-1], self.sampling_rate, self.min_freq, self.max_freq, dtype
        )
        mel = ops.tensordot(spectrum, bands, axes=1)
        if self.power_to_db:
            mel = self._decibels(mel)
        return ops.cast(ops.swapaxes(mel, -1, -2), self.compute_dtype)

    def _decibels(self, power: Any) -> Any:
        reference = np.log10(max(abs(self.ref_power), self.min_power))
        decibels = 10.0 * ops.log10(ops.maximum(power, self.min_power)) - 10.0 * float(reference)
        return ops.maximum(decibels, ops.max(decibels) - self.top_db)

    def linear_to_mel_weight_matrix(
        self,
        num_mel_bins: int = 20,
        num_spectrogram_bins: int = 129,
        sampling_rate: float = 8000,
        lower_edge_hertz: float = 125.0,
        upper_edge_hertz: float = 3800.0,
        dtype: Any = "float32",
    ) -> Any:
        """The triangular filters `(num_spectrogram_bins, num_mel_bins)` that turn linear bins into bands.

        Bands overlap by half, have a peak of 1, and leave out the bin of frequency 0. The mel scale is that of the
        Hidden Markov Model Toolkit: `mel(f) = 1127 * log(1 + f / 700)`.
        """

        def mel(hertz: Any) -> Any:
            return 1127.0 * np.log1p(hertz / 700.0)

        bins = mel(np.linspace(0.0, sampling_rate / 2.0, num_spectrogram_bins)[1:, None])
        edges = np.linspace(mel(lower_edge_hertz), mel(upper_edge_hertz), num_mel_bins + 2)
        lower, center, upper = edges[:-2], edges[1:-1], edges[2:]
        rising, falling = (bins - lower) / (center - lower), (upper - bins) / (upper - center)
        weights = np.maximum(0.0, np.minimum(rising, falling))
        return ops.cast(np.pad(weights, ((1, 0), (0, 0))), dtype)

    def convert_weight(self, weight: Any) -> Any:
        """The weight as it is: there is one engine only."""
        return weight

    def _mixes_rows(self, ranks: list[int], training: bool) -> bool:
        return self.power_to_db or min(ranks) < 2

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "fft_length": self.fft_length,
            "sequence_stride": self.sequence_stride,
            "sequence_length": self.sequence_length,
            "window": serialize_keras_object(self.window),
            "sampling_rate": self.sampling_rate,
            "num_mel_bins": self.num_mel_bins,
            "min_freq": self.min_freq,
            "max_freq": self.max_freq,
            "power_to_db": self.power_to_db,
            "top_db": self.top_db,
            "mag_exp": self.mag_exp,
            "min_power": self.min_power,
            "ref_power": self.ref_power,
        }

    @classmethod
    def from_config(cls, config: dict) -> Any:
        return super().from_config({**config, "window": deserialize_keras_object(config.get("window", "hann"))})
