"""Models nested several levels deep, shared and in stacks, for the tests that look into models."""

from typing import Any

import numpy as np

import lapis
from lapis import layers


def four_levels() -> Any:
    """`m` holds the model `enc`, which calls the stack `seq` twice, which holds the model `block`."""
    a = lapis.Input((8, 8, 3), name="a")
    c = layers.BatchNormalization(name="bn")(layers.Conv2D(4, 3, name="c1", padding="same")(a))
    block = lapis.Model(a, c + layers.Conv2D(4, 1, name="c2")(a), name="block")
    seq = lapis.Sequential([lapis.Input((8, 8, 3)), block, layers.Conv2D(3, 1, name="back")], name="seq")
    b = lapis.Input((8, 8, 3), name="b")
    enc = lapis.Model(b, layers.GlobalAveragePooling2D(name="gap")(seq(seq(b))), name="enc")
    img = lapis.Input((8, 8, 3), name="img")
    return lapis.Model(img, layers.Dense(2, name="head")(lapis.ops.relu(enc(img))), name="m")


def stack_of_models() -> Any:
    """A stack that holds a model, which calls a stack."""
    inner = lapis.Sequential(
        [lapis.Input((6,)), layers.Dense(5, "relu", name="d1"), layers.Dense(4, name="d2")], name="inner"
    )
    i = lapis.Input((6,), name="i")
    middle = lapis.Model(i, inner(i) * 2.0, name="middle")
    return lapis.Sequential([lapis.Input((6,)), middle, layers.Dense(3, name="top")], name="outer")


def shared_layers() -> Any:
    """One layer called three times, one model called twice, on two inputs."""
    dense = layers.Dense(4, name="dense")
    i = lapis.Input((4,), name="i")
    twice = lapis.Model(i, dense(layers.Dense(4, "tanh", name="first")(i)), name="twice")
    a, b = lapis.Input((4,), name="a"), lapis.Input((4,), name="b")
    out = layers.Concatenate(name="both")([dense(twice(a)), dense(twice(b) - a)])
    return lapis.Model([a, b], {"sum": lapis.ops.sum(out, axis=-1), "all": out}, name="shared")


def many_outputs() -> Any:
    """Layers with several outputs, arguments by name, masks, wrappers and functions of all kinds."""
    i = lapis.Input((5,), dtype="int32", name="words")
    e = layers.Embedding(10, 4, mask_zero=True, name="embed")(i)
    o, h, c = layers.LSTM(3, return_state=True, return_sequences=True, name="lstm")(e)
    both = layers.Bidirectional(layers.GRU(3), merge_mode="sum", name="both")(o, initial_state=[h, c])
    each = layers.TimeDistributed(layers.Dense(3, kernel_initializer=lapis.initializers.HeNormal(seed=3)), name="each")(
        o
    )
    a = layers.MultiHeadAttention(2, 3, name="mha")(o, o, use_causal_mask=True)
    d = layers.Dropout(0.3, name="drop")(a, training=False)
    k = lapis.ops.concatenate(
        [d[:, 0, 1:], each[..., -1, :], lapis.ops.where(h > 0, -h, 2.0**h) * np.array([1.0, 2, 3], "float32")], axis=-1
    )
    return lapis.Model(i, {"joined": k, "ends": [both, c]}, name="many")


MAKERS = (four_levels, stack_of_models, shared_layers, many_outputs)


def inputs_of(model: Any, batch: int = 3) -> Any:
    """A batch for a model, the same at every call."""
    rng = np.random.default_rng(7)

    def one(x: Any) -> np.ndarray:
        shape = (batch, *(2 if size is None else size for size in x.shape[1:]))
        return rng.integers(0, 9, shape).astype(x.dtype) if "int" in x.dtype else rng.normal(size=shape).astype(x.dtype)

    made = [one(x) for x in model.inputs]
    return made if len(made) > 1 else made[0]


def settle(model: Any, seed: int = 0) -> Any:
    """Random weights for a model, batch statistics among them, and the model."""
    rng = np.random.default_rng(seed)
    for w in model.weights:
        positive = any(part in w.path for part in ("variance", "gamma", "stddev"))
        spread = max(float(np.prod(w.shape[:-1])), 1.0) ** -0.5
        w.assign(rng.uniform(0.5, 1.5, w.shape) if positive else rng.normal(size=w.shape) * spread)
    return model
