"""`ImageDataGenerator` and its batches against those of TensorFlow's Keras, from the same seeds."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import lapis
from lapis.preprocessing import image as ours
from tests.descriptors import f32, i32
from tests.oracle import keras

theirs = pytest.importorskip("keras.src.legacy.preprocessing.image")

pytestmark = pytest.mark.filterwarnings(  # Keras's own
    "ignore:Please import", "ignore:__array__ implementation", "ignore:This ImageDataGenerator specifies"
)
X, Y = f32(7, 10, 10, 3, low=0, high=255), i32(7, high=2)
GENERATORS = {
    "plain": {},
    "rescaled": {"rescale": 1 / 255, "dtype": "float32"},
    "moved": {"width_shift_range": 0.2, "height_shift_range": [-3, 2], "fill_mode": "constant", "cval": 7.0},
    "whole_pixels": {"width_shift_range": 3, "fill_mode": "wrap", "interpolation_order": 0},
    "everything": {
        "rotation_range": 30,
        "width_shift_range": 0.1,
        "height_shift_range": 0.1,
        "shear_range": 10,
        "zoom_range": 0.2,
        "channel_shift_range": 20.0,
        "horizontal_flip": True,
        "vertical_flip": True,
        "fill_mode": "reflect",
    },
    "brightness": {"brightness_range": (0.5, 1.5), "zoom_range": (0.8, 1.1)},
    "samplewise": {"samplewise_center": True, "samplewise_std_normalization": True},
    "featurewise": {"featurewise_center": True, "featurewise_std_normalization": True},
    "whitened": {"zca_whitening": True, "zca_epsilon": 1e-2},
    "channels_first": {"data_format": "channels_first", "rotation_range": 20, "horizontal_flip": True},
    "function": {"preprocessing_function": lambda x: x[..., ::-1] / 127.5 - 1},
}


@pytest.fixture(autouse=True)
def _axes_as_documented(monkeypatch):
    """Keras takes rows for columns, so that heights are shifted sideways; in square images the axes may be swapped."""
    original = theirs.apply_affine_transform

    def swapped(x, *args, row_axis=1, col_axis=2, **kwargs):
        return original(x, *args, row_axis=col_axis, col_axis=row_axis, **kwargs)

    monkeypatch.setattr(theirs, "apply_affine_transform", swapped)


def assert_same(mine, other):
    assert type(mine) is type(other)
    if isinstance(mine, (tuple, list)):
        assert len(mine) == len(other)
        for left, right in zip(mine, other):
            assert_same(left, right)
    else:
        assert mine.dtype == other.dtype
        np.testing.assert_allclose(mine, other, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", GENERATORS)
def test_batches_of_arrays(name):
    options = GENERATORS[name]
    x = X.transpose(0, 3, 1, 2) if "data_format" in options else X
    made = []
    for module in (ours, theirs):
        generator = module.ImageDataGenerator(**options)
        if name in ("featurewise", "whitened"):
            generator.fit(x)
        batches = generator.flow(x, Y, batch_size=3, seed=5)
        numbered = [batches[index] for index in range(len(batches))]
        batches.on_epoch_end()
        following = [next(batches) for _ in range(4)]
        np.random.seed(3)
        unseeded = next(generator.flow(x, batch_size=4, shuffle=False))
        made.append([numbered, following, unseeded, generator.random_transform(x[0].copy(), seed=2)])
    assert_same(*made)


def test_fit_on_changed_images():
    generators = [module.ImageDataGenerator(featurewise_center=True, rotation_range=30) for module in (ours, theirs)]
    for generator in generators:
        generator.fit(X, augment=True, rounds=2, seed=4)
    np.testing.assert_allclose(generators[0].mean, generators[1].mean, rtol=1e-4)


def test_weights_subsets_and_arrays_that_come_along(tmp_path):
    weights, along, y = f32(7, low=0), f32(7, 2), np.array([0, 1, 0, 1, 0, 1, 0])
    made = []
    for module in (ours, theirs):
        generator = module.ImageDataGenerator(validation_split=0.3)
        parts = [generator.flow((X, along), y, shuffle=False, subset=part) for part in ("training", "validation")]
        weighted = generator.flow(X, y, seed=1, sample_weight=weights)
        made.append([next(batches) for batches in (*parts, weighted)])
    assert_same(*made)
    weighted = ours.ImageDataGenerator(validation_split=0.3).flow(X, y, subset="validation", sample_weight=weights)
    assert len(next(weighted)[2]) == 2  # Keras gives weights of other samples here
    next(ours.ImageDataGenerator().flow(X, batch_size=2, save_to_dir=tmp_path, save_prefix="a", save_format="jpeg"))
    assert len(list(tmp_path.glob("a_*.jpeg"))) == 2


@pytest.fixture
def folder(tmp_path):
    for number in range(11):
        place = tmp_path / ("cat", "dog", "emu")[number % 3]
        place.mkdir(exist_ok=True)
        Image.fromarray(i32(9 + number, 8, 3, seed=number, high=256).astype("uint8")).save(place / f"{number}.png")
    (tmp_path / "cat" / "notes.txt").touch()
    return tmp_path


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"class_mode": "binary", "classes": ["dog", "cat"]},
        {"class_mode": "sparse", "subset": "training", "color_mode": "grayscale"},
        {"class_mode": "input", "subset": "validation", "interpolation": "bilinear"},
        {"class_mode": None, "shuffle": False, "keep_aspect_ratio": True},
    ],
    ids=str,
)
def test_batches_of_files(folder, options, capsys):
    made = []
    for module in (ours, theirs):
        generator = module.ImageDataGenerator(rescale=1 / 255, horizontal_flip=True, validation_split=0.3)
        batches = generator.flow_from_directory(folder, target_size=(6, 6), batch_size=4, seed=1, **options)
        facts = (batches.class_indices, batches.filenames, batches.samples, batches.image_shape, batches.n)
        made.append((facts, list(batches.classes), [next(batches) for _ in range(4)], capsys.readouterr().out))
    assert made[0][0] == made[1][0]
    assert made[0][1] == made[1][1]
    assert_same(made[0][2], made[1][2])
    assert made[0][3] == made[1][3]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"class_mode": "binary", "classes": ["dog", "cat"], "weight_col": "weight"},
        {"class_mode": "raw", "y_col": ["x", "y"], "subset": "training"},
        {"class_mode": "multi_output", "y_col": ["x", "y"], "shuffle": False},
        {"y_col": "labels"},
    ],
    ids=str,
)
def test_batches_of_a_table(folder, options, capsys):
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.png"))
    columns = {"class": [name[:3] for name in names], "x": f32(11, seed=1), "y": f32(11, seed=2), "weight": f32(11)}
    table = pd.DataFrame({"filename": names, **columns, "labels": [[name[:3], "all"] for name in names]})
    made = []
    for module in (ours, theirs):
        generator = module.ImageDataGenerator(rotation_range=5, validation_split=0.3)
        batches = generator.flow_from_dataframe(table, folder, target_size=(6, 6), batch_size=4, seed=1, **options)
        made.append((batches.filenames, [next(batches) for _ in range(3)], capsys.readouterr().out))
    assert list(made[0][0]) == list(made[1][0])
    assert_same(made[0][1], made[1][1])
    assert made[0][2] == made[1][2]


def test_files_that_are_missing_are_left_out(folder):
    table = pd.DataFrame({"filename": ["cat/0.png", "cat/none.png"], "class": ["cat", "cat"]})
    with pytest.warns(UserWarning, match="1 of the files in 'filename' are no images"):
        assert ours.ImageDataGenerator().flow_from_dataframe(table, folder).samples == 1


def test_models_train_on_it(folder):
    def make(k):
        return k.Sequential([k.Input((6, 5, 3)), k.layers.Flatten(), k.layers.Dense(3, activation="softmax")])

    twins = make(lapis), make(keras)
    twins[0].set_weights(twins[1].get_weights())
    curves = []
    for model, module in zip(twins, (ours, theirs)):
        generator = module.ImageDataGenerator(rescale=1 / 255, validation_split=0.3)
        options = {"target_size": (6, 5), "batch_size": 4, "shuffle": False}
        training = generator.flow_from_directory(folder, subset="training", **options)
        validation = generator.flow_from_directory(folder, subset="validation", **options)
        model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
        curves.append(model.fit(training, validation_data=validation, epochs=2, shuffle=False, verbose=0).history)
        curves[-1]["predicted"] = model.predict(validation, verbose=0)
        assert model.fit(training, steps_per_epoch=3, epochs=2, verbose=0).epoch == [0, 1]
    assert list(curves[0]) == list(curves[1])
    for name in curves[0]:
        np.testing.assert_allclose(curves[0][name], curves[1][name], rtol=1e-3, atol=1e-4, err_msg=name)


@pytest.mark.parametrize("name", ["rotation", "shift", "shear", "zoom", "channel_shift", "brightness"])
def test_single_random_changes(name):
    options = {"rotation": [40], "shift": [0.3, 0.2], "shear": [20], "zoom": [(0.7, 1.2)], "channel_shift": [30.0]}
    axes = {} if name in ("brightness",) else {"channel_axis": 2}
    if name not in ("brightness", "channel_shift"):
        axes = {"row_axis": 0, "col_axis": 1, "channel_axis": 2}
    changed = []
    for module in (ours, theirs):
        np.random.seed(0)
        changed.append(getattr(module, f"random_{name}")(X[0] * 1.1 - 9, *options.get(name, [(0.5, 2.0)]), **axes))
    np.testing.assert_allclose(*changed, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: ours.ImageDataGenerator(validation_split=1.5),
        lambda: ours.ImageDataGenerator(zoom_range=(1, 2, 3)),
        lambda: ours.ImageDataGenerator(brightness_range=0.5),
        lambda: ours.ImageDataGenerator().flow(X[0]),
        lambda: ours.ImageDataGenerator().flow(X, Y[:3]),
        lambda: ours.ImageDataGenerator().flow(X, subset="training"),
        lambda: ours.ImageDataGenerator(validation_split=0.3).flow(X, np.arange(7), subset="training"),
        lambda: ours.ImageDataGenerator().flow(X)[5],
        lambda: ours.ImageDataGenerator().flow_from_directory(".", class_mode="int"),
        lambda: ours.ImageDataGenerator().flow_from_directory(".", color_mode="hsv"),
        lambda: ours.ImageDataGenerator().fit(X[0]),
        lambda: ours.apply_affine_transform(X[0], theta=3, row_axis=0, col_axis=0),
    ],
)
def test_what_does_not_fit_is_told(wrong):
    with pytest.raises(ValueError, match=r"got|split|classes|images"):
        wrong()


def test_statistics_that_are_missing_are_told():
    generator = ours.ImageDataGenerator(featurewise_center=True)
    with pytest.warns(UserWarning, match="call `fit"):
        next(generator.flow(X))
