"""Sound files as batches of arrays."""

import functools
from typing import Any

import numpy as np

from lapis.data.directory import datasets_from_directory
from lapis.data.resampling import resampled
from lapis.data.wav import read_wav

ENDINGS = (".wav",)


def audio_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Any = None,
    batch_size: int | None = 32,
    sampling_rate: int | None = None,
    output_sequence_length: int | None = None,
    ragged: bool = False,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    verbose: bool = True,
) -> Any:
    """The sounds (`.wav`) below a directory as batches `(sounds, labels)`, read when they are asked for.

    With `shuffle`, each pass has an order of its own.

    Args:
        directory: with `labels="inferred"` it holds a folder per class.
        labels: "inferred", `None`, or a list of whole numbers, one per file in the order of their paths.
        label_mode: labels as "int" `(batch,)`, "categorical" (one-hot) `(batch, classes)`, "binary" `(batch, 1)`, or
            `None` for batches of sounds alone.
        class_names: which folders count, in this order; by default all in alphanumeric order.
        batch_size: sounds in a batch; `None` for single sounds.
        sampling_rate: samples a second that sounds are brought to, by a windowed sinc of 16 zero crossings a side; by
            default they stay as they are.
        output_sequence_length: samples that sounds are cut or, with zeros, filled up to; by default those of a batch
            are filled up to its longest.
        ragged: whether sounds keep their lengths; a batch is then an array of arrays.
        shuffle: whether to shuffle; otherwise the sounds come in the order of their paths.
        seed: seed of the order.
        validation_split: the part of the files, from 0 to 1, that is kept for validation.
        subset: "training", "validation", or "both" for a pair of data sets.
        follow_links: whether to go into folders that are links.
        verbose: whether to tell how many files were found.

    Returns:
        A data set of float32 sounds `(batch, samples, channels)` from -1 to 1, with the attributes `class_names` and
        `file_paths`; for `subset="both"` two.

    Raises:
        ValueError: arguments that make no sense, or a directory without sounds.
        FileNotFoundError: there is no such directory.

    >>> import tempfile, wave
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with wave.open(f"{folder}/a.wav", "wb") as file:
    ...         file.setparams((1, 2, 8000, 0, "NONE", None))
    ...         file.writeframes(np.array([0, 16384], "<i2").tobytes())
    ...     print(next(iter(audio_dataset_from_directory(folder, labels=None, verbose=False))).tolist())
    [[[0.0], [0.5]]]
    """
    if ragged and output_sequence_length is not None:
        raise ValueError("Only one of `ragged` and `output_sequence_length` can be given.")
    if sampling_rate is not None and (not isinstance(sampling_rate, int) or sampling_rate <= 0):
        raise ValueError(f"`sampling_rate` must be a whole number above 0; got {sampling_rate!r}.")
    read = functools.partial(read_sounds, rate=sampling_rate, length=output_sequence_length, ragged=ragged)
    return datasets_from_directory(
        read,
        directory,
        labels,
        label_mode,
        class_names,
        batch_size,
        shuffle,
        seed,
        validation_split,
        subset,
        follow_links,
        verbose,
        endings=ENDINGS,
    )


def read_sounds(paths: list[str], rate: int | None, length: int | None, ragged: bool) -> np.ndarray:
    """A batch of sounds."""
    sounds = [read_sound(path, rate) for path in paths]
    if ragged:
        batch = np.empty(len(sounds), object)
        batch[:] = sounds
        return batch
    channels = {sound.shape[1] for sound in sounds}
    if len(channels) > 1:
        told = ", ".join(f"{path} has {sound.shape[1]}" for path, sound in zip(paths, sounds))
        raise ValueError(f"The sounds of a batch must have the same number of channels, but {told}.")
    length = max(len(sound) for sound in sounds) if length is None else length
    batch = np.zeros((len(sounds), length, *channels), np.float32)
    for row, sound in zip(batch, sounds):
        row[: len(sound)] = sound[:length]
    return batch


def read_sound(path: str, rate: int | None) -> np.ndarray:
    """A sound file as float32 `(samples, channels)`, at the rate."""
    sound, own_rate = read_wav(path)
    if rate is None or rate == own_rate or not len(sound):
        return sound
    return resampled(sound, max(round(len(sound) * rate / own_rate), 1), "lanczos16", antialias=True)
