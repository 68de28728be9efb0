"""Symbolic tensors, inference of shapes, nodes, plans, and the errors that teach."""

import jax.numpy as jnp
import numpy as np
import pytest

import lapis
from lapis import layers, ops
from lapis.graph import KerasTensor, Plan, inferring, op
from tests.oracle import keras

pytestmark = pytest.mark.usefixtures("quick_compilation")

CASES = {
    "broadcast": (lambda o, x, y: x + y, [(None, 3), (5, 3)]),
    "unknown against one": (lambda o, x, y: x * y, [(None, 4, 8), (None, 1, 8)]),
    "concatenate": (lambda o, x, y: o.concatenate([x, y], axis=1), [(None, None, 8), (None, 4, 8)]),
    "flatten": (lambda o, x: o.reshape(x, (-1, 12)), [(None, 3, 4)]),
    "transpose": (lambda o, x: o.transpose(x, (2, 0, 1)), [(None, None, 8)]),
    "split": (lambda o, x: o.split(x, 3, axis=-1)[1], [(None, 9)]),
    "sum": (lambda o, x: o.sum(x, axis=1, keepdims=True), [(None, None, 2)]),
    "slice": (lambda o, x: x[:, 1:-1, ::2], [(None, 8, 6)]),
    "newaxis": (lambda o, x: x[:, None, ..., 0], [(None, 8, 6)]),
    "matmul": (lambda o, x, y: x @ y, [(None, None, 8), (None, 8, 5)]),
    "einsum": (lambda o, x, y: o.einsum("bij,bjk->bik", x, y), [(None, 7, 8), (None, 8, None)]),
    "compare": (lambda o, x: x > 0.5, [(None, 3)]),
    "integer divided": (lambda o, x: o.cast(x, "int32") / 2, [(None, 3)]),
    "repeat": (lambda o, x: o.repeat(x, 3, axis=1), [(None, None, 4)]),
    "pad": (lambda o, x: o.pad(x, ((0, 0), (1, 2))), [(None, None)]),
}


@pytest.mark.parametrize("name", CASES)
def test_inferred_like_keras(name: str) -> None:
    function, shapes = CASES[name]
    mine = function(ops, *[lapis.KerasTensor(shape) for shape in shapes])
    other = function(keras.ops, *[keras.KerasTensor(shape) for shape in shapes])
    assert (mine.shape, mine.dtype) == (tuple(other.shape), other.dtype)


def test_lesser_of_known_and_unknown_is_unknown() -> None:
    assert ops.qr(KerasTensor((None, 8)))[0].shape == (None, None)


def test_inference_is_remembered_with_types() -> None:
    x = KerasTensor((None, 3), "int32")
    assert (x * 1).dtype == "int32"
    assert (x * 1.0).dtype == "float32"
    assert (x * True).dtype == "int32"


def test_tracing_changes_nothing() -> None:
    seen = []

    class Counter(layers.Layer):
        def build(self, shape):
            self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False)

        def call(self, x):
            seen.append(inferring())
            self.calls.assign_add(1.0)
            return x * self.calls

    layer = Counter()
    layer(lapis.Input((2,)))
    assert all(seen) and float(layer.calls.value) == 0.0
    layer(np.ones((1, 2), "float32"))
    assert float(layer.calls.value) == 1.0


@pytest.mark.parametrize("misuse", [jnp.sin, np.sin, np.asarray, float], ids=["jnp", "ufunc", "asarray", "float"])
def test_foreign_function_names_the_way_out(misuse) -> None:
    with pytest.raises(TypeError, match=r"lapis\.ops"):
        misuse(lapis.Input((3,)))


def test_truth_of_symbolic_tensor() -> None:
    with pytest.raises(TypeError, match="if"):
        assert lapis.Input((3,)) > 0
    with pytest.raises(TypeError, match="unstack"):
        list(lapis.Input((3,)))


def test_arrays_and_symbolic_tensors_mix() -> None:
    x = lapis.Input((3,))
    for array in (np.ones(3, "float32"), jnp.ones(3)):
        for y in (array * x, x + array, array - x, array @ ops.transpose(x)):
            assert isinstance(y, KerasTensor)
    model = lapis.Model(x, 2 - np.ones(3, "float32") * x)
    np.testing.assert_array_equal(model(np.full((1, 3), 5.0)), [[-3.0, -3.0, -3.0]])


def test_errors_show_none_and_the_layer() -> None:
    with pytest.raises(ValueError, match=r"dense.*expected at least 2 axes"):
        layers.Dense(3, name="dense")(lapis.KerasTensor((None,)))
    with pytest.raises((ValueError, TypeError)) as caught:
        lapis.KerasTensor((None, 4)) + lapis.KerasTensor((None, 3))
    assert (
        str(caught.value).startswith("In ops.add")
        and "None" in str(caught.value)
        and "_batch_" not in str(caught.value)
    )


def test_disconnected() -> None:
    a, b = lapis.Input((2,), name="a"), lapis.Input((2,), name="b")
    joined = layers.Add(name="sum")([a, b])
    with pytest.raises(ValueError, match=r"'b'.*cannot be reached.*\['a'\]"):
        lapis.Model(a, joined)


def test_deep_graphs_do_not_recurse() -> None:
    x = inputs = lapis.Input((2,))
    for _ in range(3000):
        x = x + 1.0
    model = lapis.Model(inputs, x)
    assert float(model(np.zeros((1, 2)))[0, 0]) == 3000.0


def test_unneeded_is_not_computed() -> None:
    ran = []

    @op
    def loud(x, tag):
        if not inferring():
            ran.append(tag)
        return x * 1.0

    x = lapis.Input((2,))
    a = loud(x, "a")
    b = loud(a, "b")
    lapis.Model(x, a)(np.ones((1, 2)))
    assert ran == ["a"]
    ran.clear()
    Plan([x], [b]).run([jnp.ones((1, 2))])
    assert ran == ["a", "b"]
