"""Rows for the layers of numbers in `lapis/layers/preprocessing`; those of strings Keras has on TensorFlow alone."""

import numpy as np

from tests.descriptors import Row, f32, flags, i32

ROWS = [
    Row("Normalization", lambda k: k.layers.Normalization(), (f32(3, 4),)),
    Row("Normalization-axes", lambda k: k.layers.Normalization(axis=(1, -1)), (f32(3, 2, 4),), masks=(flags(3, 2),)),
    Row("Normalization-all", lambda k: k.layers.Normalization(axis=None), (f32(3, 4),)),
    Row("Normalization-number", lambda k: k.layers.Normalization(mean=3.0, variance=4.0), (f32(3, 4),)),
    Row(
        "Normalization-given",
        lambda k: k.layers.Normalization(axis=(1, 2), mean=[1.0, 2.0], variance=[4.0, 0.0], invert=True),
        (f32(3, 3, 2),),
    ),
    Row("Normalization-integers", lambda k: k.layers.Normalization(mean=[1.0, 2], variance=[1.0, 4]), (i32(3, 2),)),
    Row("Rescaling", lambda k: k.layers.Rescaling(1 / 255, offset=-0.5), (i32(2, 3, 3, 1, high=255),)),
    Row("Rescaling-channels", lambda k: k.layers.Rescaling([1.0, 2.0], [0.0, 1.0]), (f32(3, 2),)),
    Row("CategoryEncoding", lambda k: k.layers.CategoryEncoding(5), (i32(3, 4, high=5),)),
    Row("CategoryEncoding-one-hot", lambda k: k.layers.CategoryEncoding(5, "one_hot"), (i32(3, 1, high=5),)),
    Row("CategoryEncoding-one-hot-each", lambda k: k.layers.CategoryEncoding(5, "one_hot"), (i32(3, 4, high=7),)),
    Row("CategoryEncoding-count", lambda k: k.layers.CategoryEncoding(5, output_mode="count"), (i32(3, 4, high=5),)),
    Row(
        "CategoryEncoding-weights",
        lambda k: k.layers.CategoryEncoding(5, output_mode="count"),
        (i32(3, 4, high=5),),
        kwargs={"count_weights": f32(3, 4)},
    ),
    Row(
        "Discretization",
        lambda k: k.layers.Discretization([-0.5, 0.0, 0.25]),
        (np.array([[-0.5, 0.0], [0.1, 7.0]], "float32"),),
        gradient=False,
    ),
    *(
        Row(
            f"Discretization-{mode}",
            lambda k, mode=mode: k.layers.Discretization([-0.5, 0.5], output_mode=mode),
            (f32(3, 4),),
            gradient=False,
        )
        for mode in ("one_hot", "multi_hot", "count")
    ),
    Row(
        "Pipeline",
        lambda k: k.layers.Pipeline([k.layers.Rescaling(2.0), k.layers.Dropout(0.5)]),
        (f32(3, 4),),
        training=False,
    ),
]
