"""Activations: values, names and configs as in Keras."""

import numpy as np
import pytest

import lapis
from lapis import activations
from lapis.layers import Input
from tests.oracle import keras

pytestmark = pytest.mark.usefixtures("quick_compilation")

NAMES = """
    celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu linear log_sigmoid
    log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus sparse_sigmoid
    squareplus swish tanh tanh_shrink
    """.split()  # noqa: SIM905
X = np.random.default_rng(0).normal(size=(4, 6)).astype("float32") * 4


@pytest.mark.parametrize("name", NAMES)
def test_by_name_as_keras(name):
    ours, theirs = activations.get(name), keras.activations.get(name)
    np.testing.assert_allclose(ours(X), theirs(X), atol=1e-5, rtol=1e-5)
    assert activations.serialize(ours) == keras.activations.serialize(theirs)
    assert activations.deserialize(activations.serialize(ours)) is ours
    symbolic = ours(Input((6,)))
    assert symbolic.shape == (None, *np.shape(theirs(X))[1:]) and symbolic.dtype == "float32"


@pytest.mark.parametrize(
    "options",
    [
        {"negative_slope": 0.2},
        {"max_value": 3.0},
        {"max_value": 6.0},
        {"threshold": 1.5},
        {"threshold": -1.5, "max_value": 2.0},
        {"negative_slope": 0.3, "max_value": 2.0, "threshold": 1.0},
    ],
    ids=str,
)
def test_relu_options(options):
    np.testing.assert_allclose(activations.relu(X, **options), keras.activations.relu(X, **options), atol=1e-6)
    assert activations.relu(Input((6,)), **options).shape == (None, 6)


def test_none_is_linear():
    assert activations.get(None) is activations.linear
    assert activations.serialize(activations.linear) == "linear"


def test_callables_and_objects_pass_through():
    layer = lapis.layers.ReLU()
    assert activations.get(layer) is layer

    def own(x):
        return x

    assert activations.get(own) is own


def test_registered_function_by_name_and_config():
    @lapis.saving.register_keras_serializable("activations_test")
    def double(x):
        return 2 * x

    config = activations.serialize(double)
    assert config["config"] == "activations_test>double" and config["class_name"] == "function"
    assert activations.deserialize(config) is double
    assert activations.get("activations_test>double") is double
    assert activations.deserialize("triple", custom_objects={"triple": double}) is double


def test_unknown_name_suggests():
    with pytest.raises(ValueError, match=r"no activation named 'rellu'.*'relu'"):
        activations.get("rellu")
    with pytest.raises(ValueError, match="activation"):
        activations.get(3)


def test_softmax_over_one_class_warns():
    with pytest.warns(UserWarning, match="size 1"):
        activations.softmax(np.ones((2, 1), "float32"))
