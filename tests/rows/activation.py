"""Rows for `lapis/layers/activation`."""

from tests.descriptors import Row, f32, flags, i32

ROWS = [
    Row("Activation", lambda k: k.layers.Activation("relu"), (f32(2, 4, 3),), masks=(flags(2, 4),)),
    Row("Activation-function", lambda k: k.layers.Activation(k.activations.softmax), (f32(2, 4, 3),)),
    Row("ReLU", lambda k: k.layers.ReLU(), (f32(2, 4),), spec_shapes=((None, None),)),
    Row(
        "ReLU-everything",
        lambda k: k.layers.ReLU(max_value=0.6, negative_slope=0.2, threshold=0.1),
        (f32(2, 4, 3),),
        masks=(flags(2, 4),),
    ),
    Row("LeakyReLU", lambda k: k.layers.LeakyReLU(), (f32(2, 4),)),
    Row("LeakyReLU-slope", lambda k: k.layers.LeakyReLU(negative_slope=0.1), (f32(2, 4, 3),), masks=(flags(2, 4),)),
    Row("PReLU", lambda k: k.layers.PReLU(), (f32(2, 4, 3),), masks=(flags(2, 4),)),
    Row(
        "PReLU-shared",
        lambda k: k.layers.PReLU(
            alpha_initializer="ones", alpha_regularizer="l2", alpha_constraint="non_neg", shared_axes=[1, 2]
        ),
        (f32(2, 4, 3, 2),),
        spec_shapes=((None, None, None, 2),),
    ),
    Row("PReLU-one-shared", lambda k: k.layers.PReLU("he_normal", shared_axes=1), (f32(2, 4, 3),)),
    Row("ELU", lambda k: k.layers.ELU(), (f32(2, 4, 3),), masks=(flags(2, 4),)),
    Row("ELU-alpha", lambda k: k.layers.ELU(alpha=0.5), (f32(2, 4),)),
    Row("Softmax", lambda k: k.layers.Softmax(), (f32(2, 4, 3),), spec_shapes=((None, None, 3),)),
    Row("Softmax-axis", lambda k: k.layers.Softmax(axis=1), (f32(2, 4, 3),)),
    Row("Softmax-axes", lambda k: k.layers.Softmax(axis=(1, 2)), (f32(2, 4, 3),)),
    Row("Softmax-axis-list", lambda k: k.layers.Softmax(axis=[-1]), (f32(2, 4, 3),)),
    Row("Softmax-mask", lambda k: k.layers.Softmax(), (f32(2, 4, 3),), {"mask": flags(2, 4, 3)}),
    Row(
        "Softmax-mask-nothing-left",
        lambda k: k.layers.Softmax(),
        (f32(2, 4, 3),),
        {"mask": (i32(2, 4, 1) > 4).astype("float32")},
    ),
]
