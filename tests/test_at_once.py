"""Prediction of one batch, whose way to the program is remembered."""

import numpy as np
import pytest

import lapis
import lapis.layers as layers


def make_model(outputs=None):
    x = lapis.Input((4,))
    y = layers.Dense(3, activation="tanh")(x)
    return lapis.Model(x, {"a": y, "b": y * 2.0} if outputs == "dict" else y)


def expected(model, x):
    kernel, bias = (np.asarray(one) for one in model.get_weights())
    return np.tanh(x @ kernel + bias)


@pytest.mark.parametrize("rows", [1, 3, 8])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int64", "uint8", "bool"])
def test_again_gives_what_the_first_time_gave(rows, dtype):
    model = make_model()
    x = np.arange(rows * 4).reshape(rows, 4).astype(dtype)
    for _ in range(3):
        found = model.predict(x, verbose=0)
        assert found.dtype == "float32"
        np.testing.assert_allclose(found, expected(model, x.astype("float32")), atol=1e-5)
        found[:] = 0  # its own memory, free to be changed


def test_new_values_are_seen():
    model, x = make_model(), np.ones((1, 4), "float32")
    for scale in (1.0, 2.0, 3.0):
        model.set_weights([np.full((4, 3), 0.1 * scale), np.zeros(3)])
        np.testing.assert_allclose(model.predict(x, verbose=0), np.full((1, 3), np.tanh(0.4 * scale)), rtol=1e-5)
        x = x.copy()


def test_the_array_is_read_each_time():
    model, x = make_model(), np.ones((1, 4), "float32")
    for factor in (1, 2, 3):
        x *= factor
        np.testing.assert_allclose(model.predict(x, verbose=0), expected(model, x), atol=1e-6)


def test_several_outputs():
    model, x = make_model("dict"), np.ones((3, 4), "float32")
    for _ in range(2):
        found = model.predict(x, verbose=0)
        assert found["a"].shape == (3, 3)
        np.testing.assert_allclose(found["b"], 2 * found["a"])


def test_a_step_of_the_models_own_is_seen():
    model, x = make_model(), np.ones((1, 4), "float32")
    model.predict(x, verbose=0)
    model.predict_step = lambda state, data: (model.stateless_call(*state, data)[0] * 0 + 7, state[1])
    model.make_predict_function(force=True)
    assert model.predict(x, verbose=0).tolist() == [[7.0, 7.0, 7.0]]


def test_a_step_that_changes_variables_leaves_them_changed():
    class Counting(layers.Layer):
        def build(self, shape):
            self.calls = self.add_weight((), "zeros", trainable=False)

        def call(self, x):
            self.calls.assign(self.calls + 1)
            return x + self.calls

    model = lapis.Sequential([lapis.Input((2,)), Counting()])
    found = [model.predict(np.zeros((1, 2), "float32"), verbose=0)[0, 0] for _ in range(3)]
    assert found == [1.0, 2.0, 3.0]
    assert float(model.layers[-1].calls.numpy()) == 3.0


def test_nothing_is_walked_the_second_time(monkeypatch):
    model, x = make_model(), np.ones((1, 4), "float32")
    model.predict(x, verbose=0)
    monkeypatch.setattr(type(model), "variables", property(lambda self: pytest.fail("walked again")))
    assert model.predict(x, verbose=0).shape == (1, 3)
