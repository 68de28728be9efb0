"""Rows for `lapis/layers/pooling`."""

import numpy as np

from tests.descriptors import Row, f32, flags

_TIES = np.round(2 * f32(2, 7, 6, 3))  # several largest values in most windows

ROWS = [
    Row("MaxPooling1D", lambda k: k.layers.MaxPooling1D(), (f32(2, 7, 3),), spec_shapes=((None, None, 3),)),
    Row("MaxPooling1D-overlap", lambda k: k.layers.MaxPooling1D(3, 2, "same"), (f32(2, 8, 3),)),
    Row(
        "MaxPooling1D-first",
        lambda k: k.layers.MaxPooling1D(2, 1, data_format="channels_first"),
        (f32(2, 3, 8),),
        spec_shapes=((None, 3, None),),
    ),
    Row("MaxPooling2D", lambda k: k.layers.MaxPooling2D(), (f32(2, 7, 6, 3),), spec_shapes=((None, None, None, 3),)),
    Row("MaxPooling2D-ties", lambda k: k.layers.MaxPooling2D((2, 3)), (_TIES,)),
    Row(
        "MaxPooling2D-overlap-ties",
        lambda k: k.layers.MaxPooling2D(3, (2, 1), padding="same"),
        (_TIES,),
        spec_shapes=((None, None, None, 3),),
    ),
    Row("MaxPooling2D-gaps", lambda k: k.layers.MaxPooling2D(2, 3), (_TIES,)),
    Row(
        "MaxPooling2D-first",
        lambda k: k.layers.MaxPooling2D(3, 2, data_format="channels_first"),
        (f32(2, 3, 7, 6),),
        spec_shapes=((None, 3, None, None),),
    ),
    Row("MaxPooling2D-wide", lambda k: k.layers.MaxPooling2D((17, 2)), (f32(1, 20, 4, 2),)),
    Row("MaxPooling3D", lambda k: k.layers.MaxPooling3D((1, 2, 3)), (f32(1, 4, 5, 6, 2),)),
    Row(
        "MaxPooling3D-first",
        lambda k: k.layers.MaxPooling3D(2, 1, "same", data_format="channels_first", name="pool"),
        (np.round(2 * f32(1, 2, 4, 3, 4)),),
        spec_shapes=((None, 2, None, 3, None),),
    ),
    Row("AveragePooling1D", lambda k: k.layers.AveragePooling1D(2), (f32(2, 7, 3),), spec_shapes=((None, None, 3),)),
    Row("AveragePooling1D-same", lambda k: k.layers.AveragePooling1D(3, 2, padding="same"), (f32(2, 8, 3),)),
    Row(
        "AveragePooling2D",
        lambda k: k.layers.AveragePooling2D((2, 3), 1),
        (f32(2, 7, 6, 3),),
        spec_shapes=((None, None, None, 3),),
    ),
    Row(
        "AveragePooling2D-same",
        lambda k: k.layers.AveragePooling2D(3, (2, 1), "same"),
        (f32(2, 7, 6, 3),),
        spec_shapes=((None, None, None, 3),),
    ),
    Row(
        "AveragePooling2D-first",
        lambda k: k.layers.AveragePooling2D(2, padding="same", data_format="channels_first"),
        (f32(2, 3, 7, 6),),
    ),
    Row("AveragePooling2D-wide", lambda k: k.layers.AveragePooling2D((17, 2), 2, "same"), (f32(1, 20, 4, 2),)),
    Row("AveragePooling3D", lambda k: k.layers.AveragePooling3D(2), (f32(1, 4, 5, 6, 2),)),
    Row(
        "AveragePooling3D-first",
        lambda k: k.layers.AveragePooling3D(2, data_format="channels_first"),
        (f32(1, 2, 4, 5, 6),),
    ),
    Row(
        "GlobalAveragePooling1D",
        lambda k: k.layers.GlobalAveragePooling1D(),
        (f32(2, 7, 3),),
        spec_shapes=((None, None, 3),),
    ),
    Row(
        "GlobalAveragePooling1D-masked",
        lambda k: k.layers.GlobalAveragePooling1D(),
        (f32(3, 7, 2),),
        masks=(flags(3, 7),),
        gradient=False,  # Keras loses masks while differentiating
    ),
    Row(
        "GlobalAveragePooling1D-masked-first",
        lambda k: k.layers.GlobalAveragePooling1D("channels_first", keepdims=True),
        (f32(3, 2, 7),),
        masks=(flags(3, 7),),
        gradient=False,  # Keras loses masks while differentiating
    ),
    Row(
        "GlobalAveragePooling1D-mask-argument",
        lambda k: k.layers.GlobalAveragePooling1D(),
        (f32(3, 7, 2),),
        kwargs={"mask": flags(3, 7)},
    ),
    Row(
        "GlobalAveragePooling2D",
        lambda k: k.layers.GlobalAveragePooling2D(),
        (f32(2, 5, 4, 3),),
        spec_shapes=((None, None, None, 3),),
    ),
    Row(
        "GlobalAveragePooling2D-first",
        lambda k: k.layers.GlobalAveragePooling2D(data_format="channels_first", keepdims=True),
        (f32(2, 3, 5, 4),),
        spec_shapes=((None, 3, None, None),),
    ),
    Row("GlobalAveragePooling3D", lambda k: k.layers.GlobalAveragePooling3D(keepdims=True), (f32(2, 2, 3, 4, 3),)),
    Row("GlobalMaxPooling1D", lambda k: k.layers.GlobalMaxPooling1D(), (f32(2, 7, 3),), spec_shapes=((None, None, 3),)),
    Row("GlobalMaxPooling1D-first", lambda k: k.layers.GlobalMaxPooling1D("channels_first", True), (f32(2, 3, 7),)),
    Row(
        "GlobalMaxPooling2D",
        lambda k: k.layers.GlobalMaxPooling2D(keepdims=True),
        (f32(2, 5, 4, 3),),
        spec_shapes=((None, None, None, 3),),
    ),
    Row("GlobalMaxPooling2D-ties", lambda k: k.layers.GlobalMaxPooling2D(), (_TIES,)),
    Row("GlobalMaxPooling3D", lambda k: k.layers.GlobalMaxPooling3D(), (f32(2, 2, 3, 4, 3),)),
    Row("GlobalMaxPooling3D-first", lambda k: k.layers.GlobalMaxPooling3D("channels_first"), (f32(2, 3, 2, 3, 4),)),
    Row(
        "AdaptiveAveragePooling1D",
        lambda k: k.layers.AdaptiveAveragePooling1D(3),
        (f32(2, 7, 3),),
        spec_shapes=((None, None, 3),),
    ),
    Row("AdaptiveAveragePooling2D", lambda k: k.layers.AdaptiveAveragePooling2D((2, 4)), (_TIES,)),
    Row(
        "AdaptiveAveragePooling2D-first",
        lambda k: k.layers.AdaptiveAveragePooling2D(3, data_format="channels_first"),
        (f32(2, 3, 7, 6),),
        spec_shapes=((None, 3, None, None),),
    ),
    Row("AdaptiveAveragePooling3D", lambda k: k.layers.AdaptiveAveragePooling3D((2, 3, 1)), (f32(1, 4, 5, 6, 2),)),
    Row(
        "AdaptiveMaxPooling1D",
        lambda k: k.layers.AdaptiveMaxPooling1D(3),
        (f32(2, 7, 3),),
        spec_shapes=((None, None, 3),),
    ),
    Row("AdaptiveMaxPooling2D", lambda k: k.layers.AdaptiveMaxPooling2D((2, 4)), (_TIES,)),
    Row(
        "AdaptiveMaxPooling2D-first",
        lambda k: k.layers.AdaptiveMaxPooling2D(3, data_format="channels_first"),
        (f32(2, 3, 7, 6),),
        spec_shapes=((None, 3, None, None),),
    ),
    Row("AdaptiveMaxPooling3D", lambda k: k.layers.AdaptiveMaxPooling3D((2, 3, 1)), (f32(1, 4, 5, 6, 2),)),
]
