"""Rows for the layers of `lapis/layers/preprocessing` that take signals."""

import numpy as np

from tests.descriptors import Row, f32

_WINDOW = np.linspace(0.1, 1.0, 8, dtype="float32")


def _stft(note, *shape, **options):
    return Row(
        f"STFTSpectrogram-{note}",
        lambda k: k.layers.STFTSpectrogram(frame_length=8, **options),
        (f32(*shape),),
        tolerance=1e-4,
    )


def _mel(note, *shape, spec_shapes=None, **options):
    return Row(
        f"MelSpectrogram-{note}",
        lambda k: k.layers.MelSpectrogram(fft_length=32, sequence_stride=8, sampling_rate=1000, **options),
        (f32(*shape),),
        spec_shapes=spec_shapes,
        tolerance=1e-4,
    )


ROWS = [
    _stft("log", 2, 40, 1),
    _stft("magnitude", 2, 40, 2, mode="magnitude", padding="same", frame_step=3, window="hamming"),
    _stft("psd", 2, 40, 2, mode="psd", expand_dims=True, fft_length=16, scaling="spectrum", periodic=True),
    _stft("real", 2, 2, 40, mode="real", data_format="channels_first", scaling=None),
    _stft("imag", 2, 2, 40, mode="imag", data_format="channels_first", expand_dims=True),
    _stft("angle", 1, 20, 1, mode="angle", trainable=False),
    _stft("stft", 2, 40, 2, mode="stft", window=None),
    _mel("decibels", 2, 100, num_mel_bins=6),
    _mel("power", 2, 96, num_mel_bins=5, power_to_db=False, mag_exp=1.0, window="hamming", spec_shapes=((None, None),)),
    _mel("frames", 3, 64, num_mel_bins=4, sequence_length=20, min_freq=50.0, max_freq=400, top_db=5.0, ref_power=0.3),
]
