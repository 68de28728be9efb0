"""Lapis's data sets: from directories and time series, in Keras's orders and numbers, and what they are turned into."""

import gc
import os
import struct
import threading
import time
import wave

import numpy as np
import PIL.Image
import pytest

import lapis
from lapis.data.dataset import Dataset, chosen_rows
from lapis.data.resampling import resampled
from lapis.data.wav import read_wav
from lapis.utils import (
    audio_dataset_from_directory,
    image_dataset_from_directory,
    text_dataset_from_directory,
    timeseries_dataset_from_array,
)


def numbers(count=5, **options):
    return chosen_rows(lambda rows: rows, count, 2, shuffle=False, seed=None, **options)


def told(dataset):
    return [np.asarray(batch).tolist() for batch in dataset]


# The data set


def test_passes_and_lengths():
    dataset = numbers()
    assert len(dataset) == 3 and bool(Dataset(lambda: iter(()), None))
    assert told(dataset) == told(dataset) == told(dataset.as_numpy_iterator()) == [[0, 1], [2, 3], [4]]
    with pytest.raises(TypeError, match="not known"):
        len(dataset.filter(lambda x: True))
    with pytest.raises(ValueError, match="`batch_size` must be at least 1"):
        chosen_rows(lambda rows: rows, 3, 0, shuffle=False, seed=None)


@pytest.mark.parametrize(
    "change, items, length",
    [
        (lambda d: d.map(lambda x: -x), [[0, -1], [-2, -3], [-4]], 3),
        (lambda d: d.map(lambda x: -x, num_parallel_calls=3, deterministic=True), [[0, -1], [-2, -3], [-4]], 3),
        (lambda d: d.take(2), [[0, 1], [2, 3]], 2),
        (lambda d: d.take(-1), [[0, 1], [2, 3], [4]], 3),
        (lambda d: d.take(9), [[0, 1], [2, 3], [4]], 3),
        (lambda d: d.skip(2), [[4]], 1),
        (lambda d: d.skip(9), [], 0),
        (lambda d: d.repeat(2), [[0, 1], [2, 3], [4]] * 2, 6),
        (lambda d: d.repeat().take(4), [[0, 1], [2, 3], [4], [0, 1]], 4),
        (lambda d: d.filter(lambda x: len(x) == 1), [[4]], None),
        (lambda d: d.unbatch(), [0, 1, 2, 3, 4], None),
        (lambda d: d.unbatch().batch(3), [[0, 1, 2], [3, 4]], None),
        (lambda d: d.take(2).batch(2), [[[0, 1], [2, 3]]], 1),
        (lambda d: d.batch(2), [[[0, 1], [2, 3]], [[4]]], 2),
        (lambda d: d.batch(2, drop_remainder=True), [[[0, 1], [2, 3]]], 1),
        (lambda d: d.cache().prefetch(), [[0, 1], [2, 3], [4]], 3),
        (lambda d: d.prefetch(-1), [[0, 1], [2, 3], [4]], 3),
    ],
)
def test_changes(change, items, length):
    dataset = change(numbers())
    assert told(dataset) == told(dataset) == items
    assert dataset._length == length


def test_functions_get_parts_as_tf_or_one_tuple_as_grain():
    def pairs(**options):
        return chosen_rows(lambda rows: (rows, rows * 10), 3, 3, shuffle=False, seed=None, **options)

    ((x, y),) = pairs().map(lambda x, y: (x, x + y))
    assert y.tolist() == [0, 11, 22]
    ((x, y),) = pairs(unpacks=False).map(lambda pair: pair).filter(lambda pair: pair[1][0] == 0)
    assert (x.tolist(), y.tolist()) == ([0, 1, 2], [0, 10, 20])
    assert [(int(x), int(y)) for x, y in pairs().unbatch()] == [(0, 0), (1, 10), (2, 20)]


def test_shuffled_passes_repeat_with_the_seed():
    def passes(seed):
        dataset = chosen_rows(lambda rows: rows, 20, 20, shuffle=True, seed=seed)
        return [told(dataset)[0] for _ in range(2)]

    first, second = passes(3)
    assert first != second and sorted(first) == sorted(second) == list(range(20))
    assert passes(3) == [first, second] != passes(4)
    lapis.utils.set_random_seed(1)
    unseeded = passes(None)
    lapis.utils.set_random_seed(1)
    assert passes(None) == unseeded
    buffered = numbers(9).unbatch().shuffle(4, seed=1)
    one, two = told(buffered), told(buffered)
    assert one != two and sorted(one) == sorted(two) == list(range(9)) and one.index(8) > 4
    fixed = numbers(9).unbatch().shuffle(4, seed=1, reshuffle_each_iteration=False)
    assert told(fixed) == told(fixed) == one


def test_cache_reads_once():
    reads = []
    dataset = chosen_rows(lambda rows: reads.append(1) or rows, 3, 1, shuffle=False, seed=None).cache()
    next(iter(dataset))  # a pass that was broken off is not kept
    before = len(reads)
    assert told(dataset) == told(dataset) == [[0], [1], [2]]
    assert len(reads) == before + 3


@pytest.mark.parametrize("make", [lambda d: d, lambda d: d.prefetch(2), lambda d: d.map(lambda x: x, 2)])
def test_batches_are_made_ahead_but_not_all(make):
    made, before = [], set(threading.enumerate())
    dataset = make(chosen_rows(lambda rows: made.append(int(rows[0])) or rows, 100, 1, False, None, workers=1))
    batches = iter(dataset)
    next(batches)
    time.sleep(0.05)
    assert 1 < len(made) < 20
    batches.close()
    stopped = len(made)
    time.sleep(0.02)
    assert len(made) == stopped
    started = set(threading.enumerate()) - before
    assert started
    del batches, dataset
    gc.collect()
    for thread in started:  # they end with the data set
        thread.join(5)
        assert not thread.is_alive()


def test_errors_in_threads_reach_the_reader():
    def fail(rows):
        raise OSError(f"no file {rows[0]}")

    for dataset in (chosen_rows(fail, 3, 1, False, None), chosen_rows(fail, 3, 1, False, None).prefetch()):
        with pytest.raises(OSError, match="no file 0"):
            list(dataset)


# Directories


@pytest.fixture
def folder(tmp_path):
    """Twelve texts in the classes x and y, and what is to be passed over."""
    for name in "yx":
        (tmp_path / name / "deep").mkdir(parents=True)
        for i in range(5):
            (tmp_path / name / f"{i}.txt").write_text(f"{name}{i}")
        (tmp_path / name / "deep" / "5.TXT").write_text(f"{name}5")
    (tmp_path / "x" / "notes.md").write_text("no")
    (tmp_path / ".hidden").mkdir()
    return tmp_path


def texts(dataset):
    return [text for batch in dataset for text in (batch[0] if isinstance(batch, tuple) else batch)]


def test_texts_in_order(folder, capsys):
    dataset = text_dataset_from_directory(folder, shuffle=False, batch_size=7)
    assert capsys.readouterr().out == "Found 12 files of 2 classes.\n"
    (x, y), (_, more) = dataset
    assert x.dtype == object and x.tolist() == ["x0", "x1", "x2", "x3", "x4", "x5", "y0"]
    assert y.dtype == np.int32 and [*y, *more] == [0] * 6 + [1] * 6
    assert dataset.class_names == ["x", "y"] and dataset.file_paths[5] == os.path.join(folder, "x", "deep", "5.TXT")
    single = text_dataset_from_directory(str(folder), shuffle=False, batch_size=None, max_length=1, verbose=False)
    assert len(single) == 12 and next(iter(single)) == ("x", 0)
    (batch,) = text_dataset_from_directory(folder / "y", None, shuffle=False, verbose=False, format="grain")
    assert batch.tolist() == ["y0", "y1", "y2", "y3", "y4", "y5"]


def test_files_are_shuffled_and_split_as_keras_does(folder, capsys):
    options = {"seed": 3, "validation_split": 0.25}
    training, validation = text_dataset_from_directory(folder, subset="both", **options)
    assert "9 of them are for training.\n3 of them are for validation.\n" in capsys.readouterr().out
    # Keras's order for this seed.
    found = [path[-5] for path in training.file_paths + validation.file_paths]
    assert found == list("541250103324")
    assert texts(validation) == texts(validation) == ["y3", "y2", "y4"]
    assert texts(training) != texts(training) and sorted(texts(training)) == sorted(
        [f"x{i}" for i in range(6)] + ["y5", "y0", "y1"]
    )
    for name, part in (("training", training), ("validation", validation)):
        one = text_dataset_from_directory(folder, subset=name, verbose=False, **options)
        assert one.file_paths == part.file_paths and len(one) == len(part)


@pytest.mark.parametrize(
    "options, labels, dtype",
    [
        ({"label_mode": "binary"}, [[0]] * 6 + [[1]] * 6, "float32"),
        ({"label_mode": "categorical"}, [[1, 0]] * 6 + [[0, 1]] * 6, "float32"),
        ({"class_names": ["y"]}, [0] * 6, "int32"),
        ({"labels": [7, 2] * 6}, [7, 2] * 6, "int32"),
        ({"labels": (1, 0) * 6, "label_mode": "categorical"}, [[0, 1], [1, 0]] * 6, "float32"),
    ],
)
def test_labels(folder, options, labels, dtype):
    dataset = text_dataset_from_directory(folder, shuffle=False, verbose=False, **options)
    ((x, y),) = dataset
    assert y.tolist() == labels and y.dtype == dtype
    ((shuffled, of_shuffled),) = text_dataset_from_directory(folder, seed=1, verbose=False, **options)
    assert shuffled.tolist() != x.tolist()
    assert dict(zip(shuffled, of_shuffled.tolist())) == dict(zip(x, labels))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"labels": "guess"}, "`labels` must be 'inferred'"),
        ({"labels": [1, 2]}, "2 labels and 12 files"),
        ({"labels": [0] * 12, "class_names": ["x"]}, "`class_names` needs"),
        ({"labels": [0, 5] * 6, "label_mode": "categorical"}, "labels from 0 to 1"),
        ({"label_mode": "one"}, "`label_mode` must be"),
        ({"label_mode": "binary", "class_names": ["x"]}, "exactly 2 classes"),
        ({"class_names": ["z"]}, r"names of folders in .*\['x', 'y'\]"),
        ({"validation_split": 2, "subset": "both"}, "between 0 and 1"),
        ({"validation_split": 0.2}, "go together"),
        ({"subset": "training"}, "go together"),
        ({"validation_split": 0.2, "subset": "test"}, "`subset` must be"),
        ({"validation_split": 0.2, "subset": "both"}, "needs a `seed`"),
        ({"validation_split": 0.01, "subset": "training", "seed": 1}, "parts of 12 files empty"),
        ({"format": "torch"}, "'tf' or 'grain'"),
    ],
)
def test_arguments_that_make_no_sense(folder, options, message):
    with pytest.raises(ValueError, match=message):
        text_dataset_from_directory(folder, verbose=False, **options)


def test_directories_without_files(folder):
    with pytest.raises(FileNotFoundError, match="no directory"):
        text_dataset_from_directory(folder / "z")
    with pytest.raises(ValueError, match=r"holds no files that end in \.bmp"):
        image_dataset_from_directory(folder, verbose=False)


# Images

SQUARES = (np.arange(24).reshape(4, 6) ** 2 % 256).astype("uint8")


@pytest.mark.parametrize(
    "interpolation, values, tolerance",
    [
        ("bilinear", [19.75, 31.75, 48.25, 69.25, 113.75, 161.75, 182.25, 47.25], 0.01),
        ("nearest", [36, 64, 81, 121, 68, 144, 185, 17], 0),
        ("bicubic", [11.54, 22.3, 40.27, 73.3, 115.46, 167.53, 197.27, 35.34], 0.15),  # TensorFlow's is off a little
        ("area", [20.33, 31.0, 49.33, 68.0, 116.33, 159.0, 174.67, 54.67], 0.01),
        ("lanczos3", [4.39, 15.78, 35.04, 77.45, 116.78, 167.57, 204.55, 26.53], 0.01),
        ("lanczos5", [1.8, 16.19, 38.12, 79.39, 115.76, 166.4, 206.23, 21.88], 0.01),
        ("gaussian", [19.88, 32.05, 47.99, 68.97, 114.34, 162.67, 180.16, 48.94], 0.01),
        ("mitchellcubic", [15.16, 26.39, 44.06, 71.25, 115.32, 165.08, 188.51, 42.27], 0.01),
    ],
)
def test_images_are_resized_as_keras_does(tmp_path, interpolation, values, tolerance):
    PIL.Image.fromarray(SQUARES).save(tmp_path / "a.png")
    options = {"labels": None, "color_mode": "grayscale", "verbose": False}
    (images,) = image_dataset_from_directory(tmp_path, image_size=(2, 4), interpolation=interpolation, **options)
    assert images.dtype == np.float32 and images.shape == (1, 2, 4, 1)
    np.testing.assert_allclose(images.ravel(), values, atol=tolerance + 0.005)
    (images,) = image_dataset_from_directory(tmp_path, image_size=(4, 6), interpolation="bilinear", **options)
    np.testing.assert_array_equal(images[0, :, :, 0], SQUARES)


def test_images_are_cut_or_framed_as_keras_does(tmp_path):
    PIL.Image.fromarray(SQUARES).save(tmp_path / "a.png")
    options = {"labels": None, "color_mode": "grayscale", "verbose": False, "image_size": (3, 2)}
    (cut,) = image_dataset_from_directory(tmp_path, crop_to_aspect_ratio=True, **options)
    np.testing.assert_allclose(cut.ravel(), [14.0, 21.0, 130.0, 153.0, 152.67, 191.67], atol=0.01)
    (framed,) = image_dataset_from_directory(tmp_path, pad_to_aspect_ratio=True, **options)
    np.testing.assert_allclose(framed.ravel(), [109, 50, 0, 0, 0, 0], atol=0.01)
    (framed,) = image_dataset_from_directory(tmp_path, pad_to_aspect_ratio=True, **options | {"image_size": (4, 10)})
    np.testing.assert_array_equal(framed[0, :, 2:8, 0], SQUARES)
    assert not framed[0, :, [0, 1, 8, 9]].any()
    with pytest.raises(ValueError, match="Only one of"):
        image_dataset_from_directory(tmp_path, crop_to_aspect_ratio=True, pad_to_aspect_ratio=True)


def test_images_of_all_kinds(tmp_path):
    colours = np.zeros((5, 8, 4), "uint8") + np.array([10, 20, 30, 40], "uint8")
    for place, name in enumerate(("a.bmp", "a.png", "b.jpg", "b.jpeg", "c.gif", "d.PNG")):
        (tmp_path / str(place % 2)).mkdir(exist_ok=True)
        PIL.Image.fromarray(colours if "png" in name.lower() else colours[:, :, :3]).save(
            tmp_path / str(place % 2) / name
        )
    for mode, channels in (("rgb", 3), ("rgba", 4), ("grayscale", 1)):
        ((x, y),) = image_dataset_from_directory(tmp_path, color_mode=mode, image_size=6, shuffle=False, verbose=False)
        assert x.shape == (6, 6, 6, channels) and y.tolist() == [0, 0, 0, 1, 1, 1]
        if channels > 1:
            np.testing.assert_allclose(x[..., :3], np.broadcast_to([10, 20, 30], (6, 6, 6, 3)), atol=4)
    ((x, y),) = image_dataset_from_directory(tmp_path, data_format="channels_first", image_size=(4, 6), verbose=False)
    assert x.shape == (6, 3, 4, 6)
    (tmp_path / "0" / "e.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"e\.png cannot be read"):
        list(image_dataset_from_directory(tmp_path, verbose=False))
    for wrong, message in (
        ({"color_mode": "cmyk"}, "`color_mode`"),
        ({"image_size": (1, 2, 3)}, "`image_size`"),
        ({"interpolation": "sharp"}, "`interpolation`"),
    ):
        with pytest.raises(ValueError, match=message):
            image_dataset_from_directory(tmp_path, **wrong)


# Sounds


def write_wav(path, samples, rate=8000, width=2):
    with wave.open(str(path), "wb") as file:
        file.setparams((samples.shape[1], width, rate, 0, "NONE", None))
        file.writeframes(samples.tobytes())


def test_sounds(tmp_path):
    for name, length in (("a", 3), ("b", 5), ("c", 2)):
        write_wav(tmp_path / f"{name}.wav", np.full((length, 2), 16384, "<i2"))
    options = {"labels": None, "shuffle": False, "verbose": False}
    first, second = audio_dataset_from_directory(tmp_path, batch_size=2, **options)
    assert first.dtype == np.float32 and first.shape == (2, 5, 2) and second.shape == (1, 2, 2)
    assert first[0, :, 1].tolist() == [0.5, 0.5, 0.5, 0, 0]
    (cut,) = audio_dataset_from_directory(tmp_path, output_sequence_length=4, **options)
    assert (cut != 0).sum(axis=(1, 2)).tolist() == [6, 8, 4] and cut.shape == (3, 4, 2)
    (ragged,) = audio_dataset_from_directory(tmp_path, ragged=True, **options)
    assert [sound.shape for sound in ragged] == [(3, 2), (5, 2), (2, 2)]
    write_wav(tmp_path / "d.wav", np.zeros((2, 1), "<i2"))
    with pytest.raises(ValueError, match="same number of channels"):
        list(audio_dataset_from_directory(tmp_path, **options))
    for wrong in ({"sampling_rate": 0}, {"sampling_rate": 8000.0}, {"ragged": True, "output_sequence_length": 3}):
        with pytest.raises(ValueError, match=r"`sampling_rate`|`ragged`"):
            audio_dataset_from_directory(tmp_path, **wrong)


def test_sounds_at_another_rate(tmp_path):
    def tone(rate, seconds=0.1, pitch=440):
        return np.sin(2 * np.pi * pitch * (np.arange(round(rate * seconds)) + 0.5) / rate)[:, None]

    write_wav(tmp_path / "a.wav", (tone(16000) * 20000).astype("<i2"), 16000)
    options = {"labels": None, "verbose": False}
    for rate in (8000, 22050):
        (sound,) = audio_dataset_from_directory(tmp_path, sampling_rate=rate, **options)
        expected = tone(rate) * 20000 / 32768
        assert sound.shape == (1, *expected.shape)
        np.testing.assert_allclose(sound[0, 100:-100], expected[100:-100], atol=2e-3)
    # What the lower rate cannot hold is taken out instead of being folded back.
    write_wav(tmp_path / "a.wav", (tone(16000, pitch=6000) * 20000).astype("<i2"), 16000)
    (sound,) = audio_dataset_from_directory(tmp_path, sampling_rate=8000, **options)
    assert np.abs(sound[0, 100:-100]).max() < 2e-3


def riff(coding, bits, data, extra=b""):
    width = bits // 8
    form = struct.pack("<HHIIHH", coding, 1, 8000, 8000 * width, width, bits) + extra
    chunks = b"LIST\x03\0\0\0abc\0" + b"fmt " + struct.pack("<I", len(form)) + form
    chunks += b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


@pytest.mark.parametrize(
    "content",
    [
        riff(1, 8, bytes([0, 128, 192])),
        riff(1, 16, struct.pack("<3h", -32768, 0, 16384)),
        riff(1, 24, b"\0\0\x80\0\0\0\0\0\x40"),
        riff(1, 32, struct.pack("<3i", -(2**31), 0, 2**30)),
        riff(3, 32, struct.pack("<3f", -1, 0, 0.5)),
        riff(3, 64, struct.pack("<3d", -1, 0, 0.5)),
        riff(0xFFFE, 16, struct.pack("<3h", -32768, 0, 16384), struct.pack("<HHIH14x", 22, 16, 4, 1)),
    ],
)
def test_wav_codings(tmp_path, content):
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    sound, rate = read_wav(str(path))
    assert sound.tolist() == [[-1], [0], [0.5]] and sound.dtype == np.float32 and rate == 8000


@pytest.mark.parametrize(
    "content, why",
    [
        (b"", "no WAV file"),
        (b"RIFF\0\0\0\0WAVE", "lacks a description"),
        (riff(1, 16, b"")[:-8], "lacks sound"),
        (riff(7, 8, b"abc"), "coding 7 with 8 bits"),
        (riff(1, 12, b"abc"), "coding 1 with 12 bits"),
    ],
)
def test_other_sounds_are_refused(tmp_path, content, why):
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=why):
        read_wav(str(path))


def test_resampling_keeps_constants():
    for method in ("bilinear", "bicubic", "lanczos3", "area", "gaussian", "nearest"):
        for size in (1, 3, 7, 20):
            np.testing.assert_allclose(resampled(np.full((2, 7), 3.0), size, method, axis=1), 3, rtol=1e-6)


# Time series


@pytest.mark.parametrize(
    "options, x, y",
    [
        (
            {"sequence_length": 3},
            [[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5], [4, 5, 6], [5, 6, 7]],
            [0, 1, 2, 3, 4, 5],
        ),
        ({"sequence_length": 2, "sequence_stride": 2, "sampling_rate": 3}, [[0, 3], [2, 5], [4, 7]], [0, 2, 4]),
        ({"sequence_length": 2, "start_index": 3, "end_index": 6}, [[3, 4], [4, 5]], [3, 4]),
        ({"sequence_length": 9}, None, None),
    ],
)
def test_windows(options, x, y):
    dataset = timeseries_dataset_from_array(np.arange(8), np.arange(8) * 10, **options)
    if x is None:
        assert len(dataset) == 0 and list(dataset) == []
        return
    ((windows, targets),) = dataset
    assert windows.tolist() == x and targets.tolist() == [10 * i for i in y]
    (alone,) = timeseries_dataset_from_array(np.arange(8), None, **options)
    assert alone.tolist() == x


def test_windows_in_batches_and_shuffled():
    dataset = timeseries_dataset_from_array(np.arange(20.0)[:, None], range(15), 4, batch_size=6, format="grain")
    assert [len(x) for x, _ in dataset] == [6, 6, 3] and len(dataset) == 3
    single = timeseries_dataset_from_array(np.arange(20), None, 4, batch_size=None)
    assert len(single) == 17 and next(iter(single)).tolist() == [0, 1, 2, 3]
    for dataset in (timeseries_dataset_from_array(np.arange(20), range(20), 4, shuffle=True, seed=2) for _ in range(2)):
        ((x, y),), ((again, _),) = dataset, dataset
        assert y.tolist() == x[:, 0].tolist() != again[:, 0].tolist() and sorted(y) == list(range(17))
    for wrong, message in (
        ({"start_index": -1}, "`start_index` must be from 0 to 7 for data of 8 steps; got -1"),
        ({"start_index": 4, "end_index": 4}, "`end_index`"),
        ({"sampling_rate": 0}, "`sampling_rate`"),
        ({"sequence_stride": 8}, "`sequence_stride`"),
        ({"sequence_length": 0}, "`sequence_length`"),
        ({"format": "torch"}, "'tf' or 'grain'"),
    ):
        with pytest.raises(ValueError, match=message):
            timeseries_dataset_from_array(np.arange(8), None, **{"sequence_length": 2} | wrong)


def test_a_model_of_a_time_series(tmp_path):
    series = np.sin(np.arange(300) / 5)[:, None].astype("float32")
    options = {"sequence_length": 10, "batch_size": 64}
    train = timeseries_dataset_from_array(series[:-10], series[10:], end_index=200, shuffle=True, seed=0, **options)
    test = timeseries_dataset_from_array(series[:-10], series[10:], start_index=200, **options)
    inputs = lapis.Input((10, 1))
    model = lapis.Model(inputs, lapis.layers.Dense(1)(lapis.layers.GRU(8)(inputs)))
    model.compile(lapis.optimizers.Adam(0.02), "mse")
    history = model.fit(train, validation_data=test, epochs=25, verbose=0).history
    assert history["val_loss"][-1] < 0.02 < history["val_loss"][0]
    model.save(tmp_path / "series.keras")
    again = lapis.models.load_model(tmp_path / "series.keras")
    np.testing.assert_array_equal(again.predict(test, verbose=0), model.predict(test, verbose=0))
    assert again.evaluate(test, verbose=0) == pytest.approx(history["val_loss"][-1], rel=1e-5)
    again.fit(train.map(lambda x, y: (x, y)).prefetch(), epochs=1, verbose=0)


def test_a_model_of_texts_in_a_directory(tmp_path):
    for name, word in (("bad", "awful"), ("good", "lovely")):
        (tmp_path / name).mkdir()
        for i in range(6):
            (tmp_path / name / f"{i}.txt").write_text(f"a film so {word} {'indeed ' * i}")
    texts = text_dataset_from_directory(tmp_path, label_mode="binary", batch_size=4, seed=0, verbose=False)
    words = lapis.layers.TextVectorization(output_mode="multi_hot")
    words.adapt(texts.map(lambda x, y: x))
    assert {"awful", "lovely"} <= set(words.get_vocabulary())
    inputs = lapis.Input((), dtype="string")
    model = lapis.Model(inputs, lapis.layers.Dense(1, activation="sigmoid")(words(inputs)))
    model.compile(lapis.optimizers.Adam(0.1), "binary_crossentropy", metrics=["accuracy"])
    assert model.fit(texts, epochs=8, verbose=0).history["accuracy"][-1] == 1
    assert model.evaluate(texts, verbose=0)[1] == 1
