"""Functions of JAX and modules of Flax as layers: built, trained, saved and loaded; refusals and errors."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lapis
from tests.descriptors import f32

pytestmark = pytest.mark.usefixtures("quick_compilation")

X, Y = f32(32, 4), f32(32, 3, seed=1)
_named = lapis.saving.register_keras_serializable("foreign")


@_named
def init(rng, inputs, training):
    kernel = jax.random.normal(rng, (inputs.shape[-1], 3)) * 0.1
    return {"kernel": kernel, "bias": 0.0}, {"mean": jnp.zeros(3), "calls": jnp.zeros((), "int32")}


@_named
def call(params, state, rng, inputs, training):
    y = inputs @ params["kernel"] + params["bias"]
    if training:
        y = y + 0.01 * jax.random.normal(rng, y.shape)
        state = {"mean": 0.9 * state["mean"] + 0.1 * y.mean(0), "calls": state["calls"] + 1}
    return y, state


def _jax_model():
    return lapis.Sequential([lapis.Input((4,)), lapis.layers.JaxLayer(call, init, seed=5)])


@_named
class Net(nn.Module):
    units: int = 3

    @nn.compact
    def __call__(self, inputs, training=False):
        x = nn.BatchNorm(use_running_average=not training)(nn.Dense(8)(inputs))
        return nn.Dense(self.units)(nn.Dropout(0.5, deterministic=not training)(x))

    def get_config(self):
        return {"units": self.units}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def _flax_model():
    return lapis.Sequential([lapis.Input((4,)), lapis.layers.FlaxLayer(Net())])


@pytest.mark.parametrize("make, trainable, fixed", [(_jax_model, 2, 2), (_flax_model, 6, 2)])
def test_trained_and_loaded(make, trainable, fixed, tmp_path):
    lapis.utils.set_random_seed(0)
    model = make()
    assert (len(model.trainable_weights), len(model.non_trainable_weights)) == (trainable, fixed)
    lapis.utils.set_random_seed(0)
    for a, b in zip(make().get_weights(), model.get_weights()):
        np.testing.assert_array_equal(a, b)
    before = model.get_weights()
    model.compile("adam", "mse")
    loss = model.evaluate(X, Y, verbose=0)
    model.fit(X, Y, epochs=20, batch_size=8, verbose=0)
    assert model.evaluate(X, Y, verbose=0) < loss
    assert not any(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))
    model.save(tmp_path / "model.keras")
    again = lapis.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    np.testing.assert_array_equal(model(X[:3]), model(X[:3]))
    assert again.layers[0].get_config() == model.layers[0].get_config()


def test_state_and_keys_advance_in_training_only():
    layer = _jax_model().layers[0]
    first, second, quiet = layer(X, training=True), layer(X, training=True), layer(X)
    assert not np.array_equal(first, second) and int(layer.state["calls"].value) == 2
    np.testing.assert_array_equal(quiet, layer(X))
    assert layer.state["calls"].dtype == "int32" and layer.params["bias"].shape == ()


def test_given_weights_and_traced_building():
    layer = lapis.layers.JaxLayer(lambda params, inputs: inputs * params, params=np.float32(3.0))
    assert layer.built and float(layer(np.ones((1, 1)))[0, 0]) == 3.0

    class Outer(lapis.Model):
        def __init__(self):
            super().__init__()
            self.inner = lapis.layers.JaxLayer(call, init)

        def call(self, inputs):
            return self.inner(inputs)

    outer = Outer()
    outer.build((None, 4))  # by tracing
    assert len(outer.weights) == 4 and outer(X).shape == (32, 3)


def test_flax_methods_and_variables():
    def doubled(module, inputs):
        return 2 * module(inputs)

    variables = Net().init(jax.random.key(0), X)
    plain, twice = lapis.layers.FlaxLayer(Net(), variables=variables), lapis.layers.FlaxLayer(Net(), doubled, variables)
    np.testing.assert_allclose(twice(X), 2 * plain(X), rtol=1e-6)
    np.testing.assert_allclose(plain(X), Net().apply(variables, X), rtol=1e-5, atol=1e-6)
    module = Net()
    bound = lapis.layers.FlaxLayer(module, module.__call__)
    assert bound.get_config()["method"] == "__call__"
    assert type(bound).from_config(bound.get_config())(X).shape == (32, 3)


def test_errors():
    layers = lapis.layers
    for make, error, words in (
        (lambda: layers.TFSMLayer("model"), NotImplementedError, "load_model"),
        (lambda: layers.TFSMLayer.from_config({}), NotImplementedError, "load_model"),
        (lambda: layers.TorchModuleWrapper(None), NotImplementedError, "JaxLayer"),
        (lambda: layers.JaxLayer(lambda x: x), ValueError, "'inputs'"),
        (lambda: layers.JaxLayer(lambda inputs, mask: inputs), ValueError, "mask"),
        (lambda: layers.JaxLayer(lambda params, inputs: inputs), ValueError, "init_fn"),
        (
            lambda: layers.JaxLayer(lambda state, inputs: (inputs, [state]), state=1.0)(X),
            ValueError,
            "another structure",
        ),
    ):
        with pytest.raises(error, match=words):
            make()
