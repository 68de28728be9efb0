"""The weights of cuDNN's LSTM, checked against JAX's own reference for it, and when it is refused."""

import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import rnn

import lapis
from lapis.kernels import cudnn


@pytest.mark.parametrize("use_bias", [True, False])
def test_packed_weights_give_the_same_lstm(use_bias: bool) -> None:
    random = np.random.default_rng(0)
    x = jnp.asarray(random.normal(size=(3, 6, 5)), "float32")
    layer = lapis.layers.LSTM(4, return_sequences=True, return_state=True, use_bias=use_bias)
    layer.build(x.shape)
    layer.set_weights([random.normal(size=weight.shape).astype("float32") for weight in layer.weights])
    states = [jnp.asarray(random.normal(size=(3, 4)), "float32") for _ in range(2)]
    packed = cudnn.pack(*(weight.value for weight in layer.weights), *([] if use_bias else [None]))
    assert packed.shape == (rnn.get_num_params_in_lstm(5, 4, 1, False),)
    weights = rnn.unpack_lstm_weights(packed, 5, 4, 1, False)
    lengths = jnp.full((3,), 6, "int32")
    outputs, h, c = rnn.lstm_ref(x, *(state[None] for state in states), *weights, lengths, 5, 4, 1, 0.0, False)
    for mine, other in zip(layer(x, initial_state=states), (outputs, h[0], c[0]), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, "no NVIDIA GPU"),
        ({"activation": "relu"}, "activation='tanh'"),
        ({"unroll": True}, "unroll"),
        ({"dropout": 0.5}, "dropout"),
    ],
)
def test_refusals(options: dict, reason: str) -> None:
    layer = lapis.layers.LSTM(4, use_cudnn=True, **options)
    with pytest.raises(ValueError, match=rf"cuDNN cannot run it here: .*{reason}"):
        layer(np.ones((2, 3, 4), "float32"), training=True)
    with pytest.raises(ValueError, match="cuDNN cannot run it here"):
        lapis.layers.GRU(4, use_cudnn=True)(np.ones((2, 3, 4), "float32"))
