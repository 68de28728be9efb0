"""Rows for `lapis/layers/foreign`."""

import jax
import jax.numpy as jnp
import numpy as np

import lapis
from tests.descriptors import Row, f32

_named = lapis.saving.register_keras_serializable("rows")


@_named
def _linear_init(rng, inputs):
    return {"kernel": jnp.linspace(-1, 1, inputs.shape[-1] * 2).reshape(-1, 2), "more": [jnp.ones(2)]}


@_named
def _linear(params, inputs):
    return jnp.tanh(inputs @ params["kernel"]) + params["more"][0]


@_named
def _counting_init(rng, inputs, training):
    return jnp.ones(inputs[0].shape[-1:]), {"count": jnp.zeros((), "int32"), "mean": np.zeros(3, "float32")}


@_named
def _counting(params, state, inputs, training):
    total = inputs[0] * params + inputs[1]
    mean = 0.5 * state["mean"] + 0.5 * jnp.mean(total, axis=0) if training else state["mean"]
    return total - mean, {"count": state["count"] + 1, "mean": mean}


@_named
def _noisy(params, rng, inputs, training):
    return inputs * params + jax.random.normal(rng, inputs.shape) if training else inputs * params


@_named
def _scalar_init(rng, inputs):
    return 2.0


@_named
def _bare(inputs):
    return jnp.sin(inputs)


# Keras can call an `init_fn` only where there is TensorFlow, so that the weights are given too. The configs name
# functions that Keras has not registered.
_PARAMS = {"kernel": np.linspace(-1, 1, 10, dtype="float32").reshape(5, 2), "more": [np.ones(2, "float32")]}
_STATE = {"count": np.zeros((), "int32"), "mean": np.zeros(3, "float32")}

ROWS = [
    Row("JaxLayer", lambda k: k.layers.JaxLayer(_linear, _linear_init, _PARAMS), (f32(2, 5),), config=False),
    Row("JaxLayer-no-weights", lambda k: k.layers.JaxLayer(_bare), (f32(2, 5),), config=False),
    Row(
        "JaxLayer-state",
        lambda k: k.layers.JaxLayer(_counting, _counting_init, np.ones(3, "float32"), _STATE),
        ([f32(2, 3), f32(2, 3, seed=1)],),
        training=True,
        config=False,
    ),
    Row(
        "JaxLayer-random",
        lambda k: k.layers.JaxLayer(_noisy, _scalar_init, 2.0, seed=3),
        (f32(2, 3),),
        training=True,
        random=True,
        config=False,
    ),
]
