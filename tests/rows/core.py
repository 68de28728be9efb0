"""Rows for `lapis/layers/core`."""

import numpy as np

import lapis
from tests.descriptors import Row, f32, flags, i32

_STEPS = np.where(flags(3, 4, 1, seed=3), f32(3, 4, 2), 0.0).astype("float32")
_STEPS[1, 2:] = 0.0

_named = lapis.saving.register_keras_serializable("rows")


@_named
def _scale(x, by):
    return x * by


@_named
def _in_training(x, training=None):
    return x * 2.0 if training else x


@_named
def _masked(x, mask=None):
    return x if mask is None else x * mask[..., None]


@_named
def _same_mask(inputs, mask):
    return mask


ROWS = [
    Row("Dense", lambda k: k.layers.Dense(3), (f32(2, 5),)),
    Row(
        "Dense-activation-no-bias",
        lambda k: k.layers.Dense(3, activation="relu", use_bias=False),
        (f32(2, 4, 5),),
        spec_shapes=((None, None, 5),),
    ),
    Row(
        "Dense-everything",
        lambda k: k.layers.Dense(
            3,
            activation="tanh",
            kernel_initializer="he_normal",
            bias_initializer="ones",
            kernel_regularizer="l2",
            bias_regularizer=k.regularizers.L2(0.1),
            activity_regularizer=k.regularizers.L1L2(0.1, 0.2),
            kernel_constraint="max_norm",
            bias_constraint=k.constraints.NonNeg(),
            name="everything",
        ),
        (f32(2, 5),),
    ),
    Row(
        "Dense-initializer-objects",
        lambda k: k.layers.Dense(
            3,
            kernel_initializer=k.initializers.VarianceScaling(2.0, mode="fan_out", distribution="uniform", seed=3),
            bias_initializer=k.initializers.Constant(2.0),
            trainable=False,
        ),
        (f32(2, 5),),
    ),
    Row("Dense-masked", lambda k: k.layers.Dense(3), (f32(2, 4, 5),), masks=(flags(2, 4),)),
    Row("Dense-integers", lambda k: k.layers.Dense(3), (i32(2, 5),)),
    Row("Dense-lora", lambda k: k.layers.Dense(3, lora_rank=2), (f32(2, 5),)),
    Row("EinsumDense", lambda k: k.layers.EinsumDense("ab,bc->ac", output_shape=4, bias_axes="c"), (f32(2, 5),)),
    Row(
        "EinsumDense-sequence",
        lambda k: k.layers.EinsumDense("abc,cd->abd", output_shape=(6, 4), activation="relu"),
        (f32(2, 6, 5),),
    ),
    Row(
        "EinsumDense-ellipsis-left",
        lambda k: k.layers.EinsumDense("...x,xy->...y", output_shape=4, bias_axes="y"),
        (f32(2, 6, 5),),
        spec_shapes=((None, None, 5),),
    ),
    Row(
        "EinsumDense-ellipsis-right",
        lambda k: k.layers.EinsumDense("ab...,bc->ac...", output_shape=4, bias_axes="c"),
        (f32(2, 6, 5, 3),),
    ),
    Row(
        "EinsumDense-heads",
        lambda k: k.layers.EinsumDense(
            "abc,cde->abde",
            output_shape=(None, 2, 4),
            bias_axes="de",
            kernel_initializer="he_normal",
            kernel_regularizer="l2",
            bias_constraint="non_neg",
            activity_regularizer="l2",
        ),
        (f32(2, 6, 5),),
        spec_shapes=((None, None, 5),),
    ),
    Row(
        "EinsumDense-lora",
        lambda k: k.layers.EinsumDense("abcd,cde->abe", output_shape=(6, 4), bias_axes="be", lora_rank=2),
        (f32(2, 6, 5, 3),),
    ),
    Row("Embedding", lambda k: k.layers.Embedding(10, 3), (i32(2, 4),), spec_shapes=((None, None),)),
    Row(
        "Embedding-mask-zero",
        lambda k: k.layers.Embedding(
            10, 3, "normal", embeddings_regularizer="l2", embeddings_constraint="unit_norm", mask_zero=True
        ),
        (i32(4, 5, high=3),),
    ),
    Row("Embedding-one-axis", lambda k: k.layers.Embedding(10, 3), (i32(4),)),
    Row("Embedding-floats", lambda k: k.layers.Embedding(10, 3), (i32(2, 4).astype("float32"),)),
    Row("Embedding-lora", lambda k: k.layers.Embedding(10, 3, lora_rank=2), (i32(2, 4),)),
    Row("ReversibleEmbedding", lambda k: k.layers.ReversibleEmbedding(10, 3, mask_zero=True), (i32(2, 4, high=3),)),
    Row(
        "ReversibleEmbedding-back",
        lambda k: k.layers.ReversibleEmbedding(10, 3, logit_soft_cap=0.01),
        (f32(2, 4, 3),),
        kwargs={"reverse": True},
        spec_shapes=((None, None, 3),),
    ),
    Row(
        "ReversibleEmbedding-untied",
        lambda k: k.layers.ReversibleEmbedding(10, 3, tie_weights=False, reverse_dtype="float32"),
        (f32(2, 4, 3),),
        kwargs={"reverse": True},
    ),
    Row("Masking", lambda k: k.layers.Masking(), (_STEPS,), spec_shapes=((None, None, 2),)),
    Row("Masking-value", lambda k: k.layers.Masking(mask_value=1.0), (np.where(_STEPS == 0, 1, _STEPS),)),
    Row("Identity", lambda k: k.layers.Identity(), (f32(2, 4, 3),), masks=(flags(2, 4),)),
    Row("Identity-list", lambda k: k.layers.Identity(), ([f32(2, 4), f32(2, 3)],)),
    Row("Lambda", lambda k: k.layers.Lambda(_scale, arguments={"by": 3.0}), (f32(2, 4),), config=False),
    Row("Lambda-training", lambda k: k.layers.Lambda(_in_training), (f32(2, 4),), training=True, config=False),
    Row(
        "Lambda-mask",
        lambda k: k.layers.Lambda(_masked, mask=_same_mask),
        (f32(2, 4, 3),),
        masks=(flags(2, 4),),
        gradient=False,
        config=False,
    ),
]
