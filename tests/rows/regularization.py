"""Rows for `lapis/layers/regularization`."""

from tests.descriptors import Row, f32, flags


def _rows(name: str) -> list[Row]:
    """Inference, training, and the rate at which nothing happens."""
    return [
        Row(name, lambda k: getattr(k.layers, name)(0.3), (f32(2, 4, 3),), masks=(flags(2, 4),)),
        Row(
            f"{name}-training",
            lambda k: getattr(k.layers, name)(0.3, seed=7),
            (f32(2, 4, 3),),
            masks=(flags(2, 4),),
            random=True,
            training=True,
        ),
        Row(f"{name}-nothing", lambda k: getattr(k.layers, name)(0.0), (f32(2, 4, 3),), training=True),
    ]


ROWS = [
    *_rows("Dropout"),
    *_rows("AlphaDropout"),
    *_rows("GaussianDropout"),
    *_rows("GaussianNoise"),
    *_rows("SpatialDropout1D"),
    Row(
        "Dropout-noise-shape",
        lambda k: k.layers.Dropout(0.3, noise_shape=(None, 1, 3), name="drop"),
        (f32(2, 4, 3),),
        random=True,
        training=True,
    ),
    Row(
        "AlphaDropout-noise-shape",
        lambda k: k.layers.AlphaDropout(0.3, noise_shape=(2, 1, 3)),
        (f32(2, 4, 3),),
        spec_shapes=((2, 4, 3),),
        random=True,
        training=True,
    ),
    Row("SpatialDropout2D", lambda k: k.layers.SpatialDropout2D(0.3), (f32(2, 4, 3, 2),), spec_shapes=((None,) * 4,)),
    Row(
        "SpatialDropout2D-channels-first",
        lambda k: k.layers.SpatialDropout2D(0.3, data_format="channels_first"),
        (f32(2, 4, 3, 2),),
        random=True,
        training=True,
    ),
    Row(
        "SpatialDropout3D",
        lambda k: k.layers.SpatialDropout3D(0.3, seed=1),
        (f32(2, 4, 3, 2, 2),),
        random=True,
        training=True,
    ),
    Row(
        "SpatialDropout3D-channels-first",
        lambda k: k.layers.SpatialDropout3D(0.3, "channels_first"),
        (f32(2, 4, 3, 2, 2),),
    ),
    Row(
        "ActivityRegularization",
        lambda k: k.layers.ActivityRegularization(l1=0.1, l2=0.2),
        (f32(2, 4, 3),),
        masks=(flags(2, 4),),
    ),
]
