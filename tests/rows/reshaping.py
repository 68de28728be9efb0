"""Rows for `lapis/layers/reshaping`."""

from tests.descriptors import Row, f32, i32

_FIRST = "channels_first"
_INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")

ROWS = [
    Row("Flatten", lambda k: k.layers.Flatten(), (f32(2, 4, 3),)),
    Row("Flatten-unknown", lambda k: k.layers.Flatten(), (f32(2, 4, 3),), spec_shapes=((None, None, 3),)),
    Row("Flatten-channels-first", lambda k: k.layers.Flatten(data_format=_FIRST), (f32(2, 4, 3, 5),)),
    Row("Flatten-vector", lambda k: k.layers.Flatten(), (f32(2),)),
    Row("Flatten-integers", lambda k: k.layers.Flatten(), (i32(2, 3, 3),), gradient=False),
    Row("Reshape", lambda k: k.layers.Reshape((3, 4)), (f32(2, 12),)),
    Row("Reshape-minus-one", lambda k: k.layers.Reshape((-1, 2, 2)), (f32(2, 12),)),
    Row("Reshape-unknown", lambda k: k.layers.Reshape((-1, 2)), (f32(2, 6, 4),), spec_shapes=((None, None, 4),)),
    Row("Reshape-to-known", lambda k: k.layers.Reshape((2, 9)), (f32(2, 6, 3),), spec_shapes=((None, None, 3),)),
    Row("Permute", lambda k: k.layers.Permute((2, 1)), (f32(2, 6, 3),), spec_shapes=((None, None, 3),)),
    Row("Permute-three", lambda k: k.layers.Permute((3, 1, 2)), (f32(2, 6, 3, 4),)),
    Row("RepeatVector", lambda k: k.layers.RepeatVector(3), (f32(2, 6),), spec_shapes=((None, None),)),
    Row("ZeroPadding1D", lambda k: k.layers.ZeroPadding1D(), (f32(2, 6, 3),), spec_shapes=((None, None, 3),)),
    Row(
        "ZeroPadding1D-sides",
        lambda k: k.layers.ZeroPadding1D((1, 2), data_format=_FIRST),
        (f32(2, 6, 3),),
    ),
    Row(
        "ZeroPadding2D",
        lambda k: k.layers.ZeroPadding2D(),
        (f32(2, 6, 3, 2),),
        spec_shapes=((None, None, None, 2),),
    ),
    Row("ZeroPadding2D-number", lambda k: k.layers.ZeroPadding2D(2), (f32(2, 6, 3, 2),)),
    Row("ZeroPadding2D-first", lambda k: k.layers.ZeroPadding2D((1, 2), data_format=_FIRST), (f32(2, 2, 6, 3),)),
    Row("ZeroPadding2D-sides", lambda k: k.layers.ZeroPadding2D(((1, 0), (0, 2))), (f32(2, 6, 3, 2),)),
    Row("ZeroPadding3D", lambda k: k.layers.ZeroPadding3D(), (f32(2, 2, 3, 2, 2),)),
    Row(
        "ZeroPadding3D-first",
        lambda k: k.layers.ZeroPadding3D((1, (0, 2), 0), data_format=_FIRST),
        (f32(2, 2, 3, 2, 2),),
        spec_shapes=((None, 2, None, None, None),),
    ),
    Row("Cropping1D", lambda k: k.layers.Cropping1D(), (f32(2, 6, 3),), spec_shapes=((None, None, 3),)),
    Row("Cropping1D-sides", lambda k: k.layers.Cropping1D((2, 0)), (f32(2, 6, 3),)),
    Row("Cropping2D", lambda k: k.layers.Cropping2D(), (f32(2, 6, 3, 2),)),
    Row(
        "Cropping2D-first",
        lambda k: k.layers.Cropping2D(1, data_format=_FIRST),
        (f32(2, 2, 6, 3),),
        spec_shapes=((None, 2, None, None),),
    ),
    Row("Cropping2D-sides", lambda k: k.layers.Cropping2D(((1, 0), (0, 2))), (f32(2, 6, 3, 2),)),
    Row("Cropping3D", lambda k: k.layers.Cropping3D(), (f32(2, 3, 3, 4, 2),)),
    Row(
        "Cropping3D-first",
        lambda k: k.layers.Cropping3D((1, 0, (0, 1)), data_format=_FIRST),
        (f32(2, 2, 3, 4, 2),),
        spec_shapes=((None, 2, None, None, None),),
    ),
    Row("UpSampling1D", lambda k: k.layers.UpSampling1D(3), (f32(2, 6, 3),), spec_shapes=((None, None, 3),)),
    Row("UpSampling3D", lambda k: k.layers.UpSampling3D(), (f32(2, 2, 3, 2, 2),)),
    Row(
        "UpSampling3D-first",
        lambda k: k.layers.UpSampling3D((1, 2, 3), data_format=_FIRST),
        (f32(2, 2, 3, 2, 2),),
        spec_shapes=((None, 2, None, None, None),),
    ),
]
for _method in _INTERPOLATIONS:
    ROWS += [
        Row(
            f"UpSampling2D-{_method}",
            lambda k, method=_method: k.layers.UpSampling2D(interpolation=method),
            (f32(2, 5, 3, 2),),
        ),
        Row(
            f"UpSampling2D-{_method}-first",
            lambda k, method=_method: k.layers.UpSampling2D((2, 3), _FIRST, method),
            (f32(2, 2, 5, 3),),
            spec_shapes=((None, 2, None, None),),
        ),
    ]
