"""Layers that change colours: Keras's numbers from the same seed, what belongs to images, distributions, training."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lapis
from lapis import layers
from tests.oracle import keras
from tests.rows.image_color import IMAGES

pytestmark = [
    pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64"),  # Keras's MixUp
    pytest.mark.usefixtures("quick_compilation"),
]

MASKS = (IMAGES[..., :1] % 3).astype("uint8")
ONE_HOT = np.eye(3, dtype="float32")[[0, 1]]
BOXES = {
    "boxes": np.array([[[0, 1, 3, 3], [1, 0, 4, 4]], [[0, 0, 2, 2], [2, 1, 5, 4]]], "float32"),
    "labels": np.array([[0, 1], [1, 2]]),
}
JITTER = {"brightness_factor": 0.2, "contrast_factor": 0.3, "saturation_factor": (0.2, 0.7), "hue_factor": 0.2}
SEEDED = {
    "AugMix": {},
    "CutMix": {"factor": (0.5, 1.0)},
    "MixUp": {},
    "RandAugment": {"factor": (0.2, 0.8), "num_ops": 3},
    "RandomBrightness": {"factor": 0.5},
    "RandomColorDegeneration": {"factor": 0.5},
    "RandomColorJitter": JITTER,
    "RandomContrast": {"factor": (0.5, 0.9)},
    "RandomErasing": {"factor": (0.9, 1.0), "scale": (0.2, 0.6), "fill_value": 7.0},
    "RandomGaussianBlur": {"factor": (0.9, 1.0), "kernel_size": (3, 5), "sigma": (0.5, 2.0)},
    "RandomGrayscale": {},
    "RandomHue": {"factor": 0.5},
    "RandomInvert": {},
    "RandomPosterization": {"factor": 4},
    "RandomSaturation": {"factor": (0.2, 0.8)},
    "RandomSharpness": {"factor": (0.1, 0.9)},
    "Solarization": {"addition_factor": 0.4, "threshold_factor": (0.1, 0.9)},
}
FIXED = ("AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization", "Equalization")


# Drawing from a beta distribution takes seconds to compile, and Keras equalizes a histogram bin by bin.
LONG = ("AugMix", "CutMix", "MixUp", "RandAugment", "RandomColorJitter", "Equalization", FIXED[1])


def _each(*names):
    return [pytest.param(name, marks=[pytest.mark.slow] if name in LONG else []) for name in names]


def _made(k, name, **options):
    if name in SEEDED:
        options = {**SEEDED[name], "seed": 3, **options}
    elif name.startswith("Contrast"):
        options = {"tile_grid_size": (2, 2), **options}
    return getattr(k.layers, name)(**options)


# Keras's AugMix chooses its layers by Python's `random`, once for a compiled program.
@pytest.mark.parametrize("name", _each(*sorted(set(SEEDED) - {"AugMix"}), *FIXED))
def test_the_same_seed_gives_the_numbers_of_keras(name) -> None:
    ours, theirs = (_made(k, name)(IMAGES, training=True) for k in (lapis, keras))
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
    "name", _each("AutoContrast", "Equalization", "RandomHue", "Solarization", "RandomPosterization")
)
def test_values_from_zero_to_one(name) -> None:
    ours, theirs = (_made(k, name, value_range=(0, 1))(IMAGES / 255, training=True) for k in (lapis, keras))
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", _each(*SEEDED, *FIXED))
def test_channels_first_is_channels_last_turned(name) -> None:
    expected = _made(lapis, name, data_format="channels_last")(IMAGES, training=True)
    got = _made(lapis, name, data_format="channels_first")(IMAGES.transpose(0, 3, 1, 2), training=True)
    np.testing.assert_allclose(got.transpose(0, 2, 3, 1), expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("name", _each(*SEEDED, *FIXED))
def test_whole_numbers_one_image_and_inference(name) -> None:
    whole = IMAGES.astype("uint8")
    made = _made(lapis, name)
    got = made(whole, training=True)
    keeps_type = name == "RandomGrayscale" or name.startswith("ContrastLimited")
    assert got.dtype == ("uint8" if keeps_type else "float32")
    expected = _made(lapis, name)(whole.astype("float32"), training=True)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1 if keeps_type else 1e-3)
    assert made(whole[0], training=True).shape == whole[0].shape
    if name not in ("AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization"):
        np.testing.assert_array_equal(made(whole, training=False), whole)


@pytest.mark.parametrize(
    "name", ["AutoContrast", "RandomBrightness", "RandomErasing", "RandomGrayscale", "Solarization"]
)
@pytest.mark.parametrize("one", [False, True])
def test_what_belongs_to_images_stays(name, one) -> None:
    data = {"images": IMAGES, "labels": ONE_HOT, "segmentation_masks": MASKS, "bounding_boxes": BOXES}
    if one:
        data = jax.tree.map(lambda x: x[0], data)
    got = _made(lapis, name, bounding_box_format="xyxy")(data, training=True)
    assert not np.array_equal(got["images"], data["images"]) or name != "AutoContrast"
    for key in ("labels", "segmentation_masks", "bounding_boxes"):
        jax.tree.map(np.testing.assert_array_equal, got[key], data[key])


def test_mixup_mixes_what_belongs_to_images() -> None:
    layer = layers.MixUp(bounding_box_format="xyxy")
    drawn = {"mix_weight": jnp.array([0.25, 0.5]), "permutation_order": jnp.array([1, 0])}
    w = np.array([0.25, 0.5], "float32")
    mixed = layer.transform_images(IMAGES, drawn)
    np.testing.assert_allclose(mixed, w.reshape(2, 1, 1, 1) * IMAGES + (1 - w).reshape(2, 1, 1, 1) * IMAGES[::-1])
    np.testing.assert_allclose(mixed, keras.layers.MixUp().transform_images(IMAGES, drawn), rtol=1e-6)
    np.testing.assert_allclose(layer.transform_labels(jnp.array(ONE_HOT), drawn), [[0.25, 0.75, 0], [0.5, 0.5, 0]])
    np.testing.assert_allclose(layer.transform_labels(jnp.array([1.0, 3.0]), drawn), [2.5, 2.0])
    masks = layer.transform_segmentation_masks(jnp.array(MASKS), drawn)
    np.testing.assert_allclose(masks[0], 0.25 * MASKS[0] + 0.75 * MASKS[1])
    boxes = layer.transform_bounding_boxes(jax.tree.map(jnp.array, BOXES), drawn)
    np.testing.assert_array_equal(boxes["boxes"], np.concatenate([BOXES["boxes"], BOXES["boxes"][::-1]], axis=1))
    np.testing.assert_array_equal(boxes["labels"], [[0, 1, 1, 2], [1, 2, 0, 1]])


@pytest.mark.slow
def test_cutmix_cuts_what_its_labels_say() -> None:
    layer = layers.CutMix((0.9, 1.0), seed=2)
    images = np.arange(64, dtype="float32").reshape(64, 1, 1, 1) + np.zeros((64, 20, 30, 1), "float32")
    drawn = layer.get_random_transformation(images)
    labels = layer.transform_labels(jnp.eye(64), drawn)
    cut = np.asarray(layer.transform_images(images, drawn))
    theirs = keras.layers.CutMix()
    np.testing.assert_array_equal(cut, theirs.transform_images(images, drawn))
    np.testing.assert_allclose(labels, theirs.transform_labels(jnp.eye(64), drawn), rtol=1e-6)
    kept = (cut == images).mean(axis=(1, 2, 3))
    partner = np.asarray(drawn["permutation_order"])
    moved = partner != np.arange(64)
    # The rectangle's ends lie between pixels, at most one row and one column off.
    np.testing.assert_allclose(kept[moved], np.diag(labels)[moved], atol=1 / 20 + 1 / 30)
    masks = layer.transform_segmentation_masks(jnp.array(images.astype("int32")), drawn)
    np.testing.assert_array_equal(masks, cut)
    assert {float(v) for i in np.flatnonzero(moved) for v in np.unique(cut[i])} <= set(range(64))


def test_rand_augment_moves_what_belongs_to_images() -> None:
    ours, theirs = (k.layers.RandAugment(seed=5, bounding_box_format="xyxy") for k in (lapis, keras))
    drawn = theirs.get_random_transformation(jnp.array(IMAGES))
    layers_of = list(drawn["transforms"])
    for chosen in ([0, 1], [2, 3], [8, 1], [1, 1]):
        drawn["layer_idxes"] = jnp.array(chosen)
        images, masks = jnp.array(IMAGES), jnp.array(MASKS)
        boxes = expected = jax.tree.map(jnp.array, BOXES)
        for name in (layers_of[i] for i in chosen):
            told = drawn["transforms"][name]
            images = getattr(theirs, name).transform_images(images, told)
            masks = getattr(theirs, name).transform_segmentation_masks(masks, told)
            expected = getattr(ours, name).transform_bounding_boxes(expected, told)
        np.testing.assert_allclose(ours.transform_images(IMAGES, drawn), images, rtol=1e-4, atol=1e-3)
        np.testing.assert_array_equal(ours.transform_segmentation_masks(jnp.array(MASKS), drawn), masks)
        assert masks.dtype == "uint8"
        got = ours.transform_bounding_boxes(boxes, drawn)
        jax.tree.map(np.testing.assert_array_equal, got, expected)


@pytest.mark.slow
def test_augmix_is_keras_with_the_same_chains() -> None:
    ours, theirs = (k.layers.AugMix(seed=5) for k in (lapis, keras))
    drawn = ours.get_random_transformation(IMAGES)
    drawn["layer_idxes"] = jnp.array([[0, 3, 5], [11, 1, 8], [2, 4, 11]])
    seeds_from = lapis.layers.preprocessing.image.aug_mix._SeedsFrom

    def chain(indices, seeds):
        names = [(ours._names[i], seed) for i, seed in zip(indices.tolist(), seeds) if i < len(ours._names)]
        return [
            {"layer_name": n, "transformation": getattr(ours, n)._draw(IMAGES.shape, seeds_from(s))} for n, s in names
        ]

    told = {**drawn, "chain_transforms": [chain(*row) for row in zip(drawn["layer_idxes"], drawn["seeds"])]}
    for method, x in (("transform_images", IMAGES), ("transform_segmentation_masks", MASKS)):
        got, expected = (getattr(layer, method)(jnp.array(x), told) for layer in (ours, theirs))
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-3)
    assert float(drawn["chain_mixing_weights"].sum()) == pytest.approx(1)
    again = ours.get_random_transformation(IMAGES)
    assert not np.array_equal(again["layer_idxes"], drawn["layer_idxes"]) or not np.array_equal(
        again["seeds"], drawn["seeds"]
    )


def test_distributions() -> None:
    many = jax.ShapeDtypeStruct((4000, 4, 5, 3), "float32")

    def drawn(layer):
        return jax.tree.map(np.asarray, layer.get_random_transformation(many))

    delta = drawn(layers.RandomBrightness((-0.1, 0.3), (0, 10), seed=1))["rgb_delta"]
    assert -1 <= delta.min() < -0.98 and 2.98 < delta.max() <= 3 and delta.mean() == pytest.approx(1, abs=0.06)
    assert drawn(layers.RandomInvert((0.3, 0.5), seed=1))["apply_inversion"].mean() == pytest.approx(0.4, abs=0.03)
    assert drawn(layers.RandomGrayscale(0.2, seed=1)).mean() == pytest.approx(0.2, abs=0.03)
    hue = drawn(layers.RandomHue((0.2, 0.4), seed=1))["factor"]
    assert (hue > 0).mean() == pytest.approx(0.5, abs=0.03) and 0.1 <= np.abs(hue).min() < np.abs(hue).max() <= 0.2
    shift = drawn(layers.RandomPosterization((2, 5), seed=1))["shift_factor"]
    assert sorted(set(shift.tolist())) == [4, 5, 6]
    contrast = drawn(layers.RandomContrast((0.5, 0.2), seed=1))["contrast_factor"]
    assert 0.8 <= contrast.min() < 0.81 and 1.49 < contrast.max() <= 1.5
    erased = drawn(layers.RandomErasing(1.0, (0.25, 0.25), fill_value=0.0, seed=1))
    assert erased["apply_erasing"].mean() == pytest.approx(0.5, abs=0.03)
    assert erased["batch_masks"].mean() == pytest.approx(0.24, abs=0.01)  # 2.5 pixels across cover 2.4 middles
    chosen = np.concatenate([drawn(layers.RandAugment(num_ops=50, seed=i))["layer_idxes"] for i in range(4)])
    assert set(chosen.tolist()) == set(range(11))


def test_training_draws_anew_in_every_step() -> None:
    lapis.utils.set_random_seed(1)
    inputs = lapis.Input((None, None, 3))
    x = inputs
    for name in ("RandomBrightness", "RandomErasing", "RandAugment"):
        x = _made(lapis, name)(x)
    model = lapis.Model(inputs, layers.GlobalAveragePooling2D()(x))
    model.compile(lapis.optimizers.SGD(0.0), "mse")
    y = np.zeros((2, 3), "float32")
    losses = model.fit(IMAGES, y, epochs=4, shuffle=False, verbose=0).history["loss"]
    assert len(set(losses)) == 4
    expected = (IMAGES.mean(axis=(1, 2)) ** 2).mean()
    assert model.evaluate(IMAGES, y, verbose=0) == pytest.approx(expected, rel=1e-5)
    again = lapis.Model.from_config(model.get_config())
    again.compile(lapis.optimizers.SGD(0.0), "mse")
    np.testing.assert_allclose(
        again.fit(IMAGES, y, epochs=4, shuffle=False, verbose=0).history["loss"], losses, rtol=1e-5
    )


def test_dicts_inside_a_model() -> None:
    inputs = {"images": lapis.Input((4, 5, 3)), "labels": lapis.Input((3,))}
    outputs = layers.RandomInvert((1.0, 1.0))(inputs)
    assert outputs["images"].shape == (None, 4, 5, 3) and outputs["labels"].shape == (None, 3)
    got = lapis.Model(inputs, outputs)({"images": IMAGES, "labels": ONE_HOT}, training=True)
    np.testing.assert_allclose(got["images"], 255 - IMAGES)
    np.testing.assert_array_equal(got["labels"], ONE_HOT)


def test_grayscale_keeps_its_seed() -> None:
    config = layers.RandomGrayscale(0.3, seed=4).get_config()
    theirs = keras.layers.RandomGrayscale(0.3, seed=4).get_config()
    assert {key: config[key] for key in ("factor", "seed", "data_format")} == {
        "factor": theirs["factor"],
        "seed": 4,
        "data_format": theirs["data_format"],
    }


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda k: k.layers.RandomBrightness(1.5), "factor=1.5"),
        (lambda k: k.layers.RandomBrightness(0.5, value_range=5), "value_range=5"),
        (lambda k: k.layers.RandomContrast("much"), "factor='much'"),
        (lambda k: k.layers.RandomGrayscale(1.5), "factor=1.5"),
        (lambda k: k.layers.RandomPosterization(9), "factor=9"),
        (lambda k: k.layers.Solarization(addition_factor=2.0), "addition_factor=2.0"),
        (lambda k: k.layers.RandomGaussianBlur(kernel_size=4), "kernel_size=4"),
        (lambda k: k.layers.RandomSharpness(0.5, value_range=(1,)), "value_range="),
        (lambda k: k.layers.AutoContrast(factor=0.5), "factor=0.5"),
        (lambda k: k.layers.RandAugment(factor=-1.0), "factor=-1.0"),
        (lambda k: k.layers.RandomInvert()(np.zeros((3, 3)), training=True), "(3, 3)"),
    ],
)
def test_wrong_arguments(make, words) -> None:
    with pytest.raises(ValueError):
        make(keras)
    with pytest.raises(ValueError) as error:
        make(lapis)
    assert words in str(error.value)


def test_what_cannot_be_mixed() -> None:
    with pytest.raises(ValueError, match="one_hot"):
        layers.MixUp().transform_labels(jnp.array([0, 1]), {})
    with pytest.raises(NotImplementedError, match="bounding boxes"):
        layers.CutMix().transform_bounding_boxes(BOXES, None)
    with pytest.raises(ValueError, match="fill_value"):
        layers.RandomErasing(fill_value=(1, 2))
