"""Rows for the layers of `lapis/layers/preprocessing/image` that move pixels.

Where a factor's bounds are equal nothing is left to chance, and the numbers are compared.
"""

from tests.descriptors import Row, f32

IMAGES = (f32(2, 5, 6, 2, low=0, high=1),)
PLANES = (f32(2, 2, 5, 6, low=0, high=1),)


def _row(name, make, inputs=IMAGES, **kwargs):
    return Row(name, make, inputs, **{"gradient": False, "training": True, **kwargs})


ROWS = [
    _row("Resizing", lambda k: k.layers.Resizing(3, 4), gradient=True, training=None),
    _row("Resizing-crop", lambda k: k.layers.Resizing(4, 3, "nearest", crop_to_aspect_ratio=True), training=None),
    _row(
        "Resizing-pad",
        lambda k: k.layers.Resizing(
            8, 8, pad_to_aspect_ratio=True, fill_value=0.5, antialias=True, data_format="channels_first"
        ),
        PLANES,
    ),
    _row("CenterCrop", lambda k: k.layers.CenterCrop(3, 4), gradient=True, training=None),
    _row("CenterCrop-larger", lambda k: k.layers.CenterCrop(7, 4, "channels_first"), PLANES, training=False),
    _row("RandomCrop", lambda k: k.layers.RandomCrop(3, 4, seed=3), random=True),
    _row("RandomCrop-middle", lambda k: k.layers.RandomCrop(5, 3, seed=3)),
    _row(
        "RandomCrop-larger",
        lambda k: k.layers.RandomCrop(7, 4, seed=3, data_format="channels_first", name="larger"),
        PLANES,
    ),
    _row("RandomFlip", lambda k: k.layers.RandomFlip(seed=3), random=True),
    _row(
        "RandomFlip-inference",
        lambda k: k.layers.RandomFlip("vertical", data_format="channels_first"),
        kwargs={"training": False},
        training=None,
    ),
    _row("RandomRotation", lambda k: k.layers.RandomRotation(0.2, seed=3), random=True),
    _row("RandomRotation-fixed", lambda k: k.layers.RandomRotation((0.1, 0.1))),
    _row(
        "RandomRotation-constant",
        lambda k: k.layers.RandomRotation(
            (-0.3, -0.3), "constant", "nearest", fill_value=2.0, data_format="channels_first"
        ),
        PLANES,
    ),
    _row("RandomTranslation", lambda k: k.layers.RandomTranslation(0.2, (0.1, 0.3), seed=3), random=True),
    _row("RandomTranslation-fixed", lambda k: k.layers.RandomTranslation((0.1, 0.1), (-0.3, -0.3), "wrap")),
    _row(
        "RandomTranslation-constant",
        lambda k: k.layers.RandomTranslation(
            (-0.2, -0.2), (0.3, 0.3), "constant", "nearest", fill_value=2.0, data_format="channels_first"
        ),
        PLANES,
    ),
    _row("RandomZoom", lambda k: k.layers.RandomZoom(0.2, (-0.3, 0.1), seed=3), random=True),
    _row("RandomZoom-fixed", lambda k: k.layers.RandomZoom((0.3, 0.3)), gradient=True),
    _row(
        "RandomZoom-nearest",
        lambda k: k.layers.RandomZoom((-0.3, -0.3), (0.4, 0.4), "nearest", data_format="channels_first"),
        PLANES,
    ),
    _row("RandomShear", lambda k: k.layers.RandomShear((0.1, 0.3), (0.2, 0.4), seed=3), random=True),
    _row("RandomPerspective", lambda k: k.layers.RandomPerspective(seed=3), random=True),
    _row("RandomElasticTransform", lambda k: k.layers.RandomElasticTransform(seed=3), random=True),
    _row(
        "RandomElasticTransform-nothing",
        lambda k: k.layers.RandomElasticTransform(0.5, 0, value_range=(0, 1), data_format="channels_first"),
        PLANES,
    ),
    _row("MaxNumBoundingBoxes", lambda k: k.layers.MaxNumBoundingBoxes(3, bounding_box_format="xyxy")),
]
