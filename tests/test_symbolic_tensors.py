"""Operators, indexing and refusals of symbolic tensors."""

import operator

import jax.numpy as jnp
import numpy as np
import pytest

import lapis.ops as ops
from lapis import layers, models
from lapis.graph import KerasTensor
from lapis.layers import Input

ARRAY = np.arange(1.0, 13.0, dtype="float32").reshape(4, 3)
BINARY = [
    *(operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.pow),
    *(operator.lt, operator.le, operator.gt, operator.ge, operator.ne),
]


def run(function, *arrays):
    """The function recorded on symbolic tensors with unknown first size, then run on the arrays."""
    inputs = [Input(batch_shape=(None, *x.shape[1:]), dtype=str(x.dtype)) for x in arrays]
    outputs = function(*inputs)
    result = models.Model(inputs, outputs)(list(arrays))
    assert all(m in (None, n) for m, n in zip(outputs.shape, result.shape, strict=True))
    assert outputs.dtype == str(result.dtype)
    return np.asarray(result)


@pytest.mark.parametrize("function", BINARY, ids=lambda f: f.__name__)
def test_arithmetic_with_tensors_numbers_and_arrays(function):
    np.testing.assert_allclose(run(function, ARRAY, ARRAY[::-1].copy()), function(ARRAY, ARRAY[::-1]), rtol=1e-5)
    np.testing.assert_allclose(run(lambda x: function(x, 2), ARRAY), function(ARRAY, 2), rtol=1e-5)
    np.testing.assert_allclose(run(lambda x: function(2, x), ARRAY), function(2, ARRAY), rtol=1e-5)
    row = np.array([1, 2, 3], "float32")
    np.testing.assert_allclose(run(lambda x: function(x, row), ARRAY), function(ARRAY, row), rtol=1e-5)


@pytest.mark.parametrize("function", BINARY[:7], ids=lambda f: f.__name__)
@pytest.mark.parametrize("wrap", [np.asarray, jnp.asarray], ids=["numpy", "jax"])
def test_an_array_on_the_left(function, wrap):
    row = wrap(np.array([1, 2, 3], "float32"))
    np.testing.assert_allclose(run(lambda x: function(row, x), ARRAY), function(np.asarray(row), ARRAY), rtol=1e-5)


def test_other_operators():
    mask = ARRAY > 4
    matrix = np.ones((3, 2), "float32")
    np.testing.assert_allclose(run(lambda x: x @ matrix, ARRAY), ARRAY @ matrix)
    np.testing.assert_allclose(run(lambda x: matrix.T @ ops.transpose(x), ARRAY), matrix.T @ ARRAY.T)
    np.testing.assert_allclose(run(lambda x: -x, ARRAY), -ARRAY)
    np.testing.assert_allclose(run(lambda x: abs(x), -ARRAY), ARRAY)
    np.testing.assert_allclose(run(lambda x: round(x, 1), ARRAY + 0.04), np.round(ARRAY, 1))
    np.testing.assert_array_equal(run(lambda x: ~x, mask), ~mask)
    np.testing.assert_array_equal(run(lambda x: x & (x | x) ^ x, mask), mask & (mask | mask) ^ mask)
    np.testing.assert_array_equal(run(lambda x: x.reshape((-1, 1)), ARRAY), ARRAY.reshape(-1, 1))
    np.testing.assert_array_equal(run(lambda x: x.T, ARRAY), ARRAY.T)
    np.testing.assert_array_equal(run(lambda x: x.astype("int32"), ARRAY), ARRAY.astype("int32"))
    np.testing.assert_array_equal(run(lambda x: ops.expand_dims(x, 1).squeeze(1), ARRAY), ARRAY)


KEYS = [
    (slice(None), 0),
    (slice(None), -1),
    (..., 1),
    (slice(None), slice(1, None)),
    (slice(None), slice(None, None, -1)),
    (slice(None), None, 2),
    (..., None),
    1,
    slice(1, 3),
    (slice(None), np.array([0, 2])),
]


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_indexing(key):
    np.testing.assert_array_equal(run(lambda x: x[key], ARRAY), ARRAY[key])


def test_index_out_of_range_is_an_error_while_the_graph_is_made():
    with pytest.raises(IndexError, match=r"Index 3 is out of range for axis 1 of size 3"):
        Input((3,))[:, 3]
    with pytest.raises(IndexError, match=r"axis 2 of size 4"):
        Input((3, 4))[..., -5]


def test_equality_is_identity():
    x = Input((3,))
    assert x == x and x in [x] and {x: 1}[x] == 1


@pytest.mark.parametrize(
    "use",
    [
        lambda x: jnp.sin(x),
        lambda x: np.sin(x),
        lambda x: np.asarray(x),
        lambda x: np.concatenate([x, x]),
        lambda x: float(x),
        lambda x: int(x),
    ],
)
def test_functions_that_are_not_ours_name_the_way(use):
    with pytest.raises(TypeError, match=r"lapis\.ops"):
        use(Input((3,)))


def test_truth_length_and_iteration_name_the_way():
    x = Input((3,))
    with pytest.raises(TypeError, match=r"lapis\.ops\.(where|cond)"):
        if x > 0:
            pass
    with pytest.raises(TypeError, match=r"\.shape"):
        len(x)
    with pytest.raises(TypeError, match=r"unstack"):
        list(x)


def test_unknown_sizes_are_refused_where_numbers_are_needed():
    x = Input((3,))
    with pytest.raises(ValueError, match=r"zeros needs every size to be known, and got shape \(None, 3\)"):
        ops.zeros(ops.shape(x))


def test_reshape_keeps_an_unknown_size_in_place():
    assert ops.reshape(KerasTensor((None, 4)), (None, 2, 2)).shape == (None, 2, 2)


def test_errors_of_shapes_show_none():
    with pytest.raises(Exception, match="None") as error:
        ops.concatenate([KerasTensor((None, 3)), KerasTensor((None, 4))], axis=0)
    assert "48" not in str(error.value) and "_batch_" not in str(error.value)


SHAPED = {
    "tile": lambda x, sizes: ops.tile(x[:1], sizes([ops.shape(x)[0], 1, 1])),
    "reshape": lambda x, sizes: ops.reshape(x, sizes([ops.shape(x)[0], -1])),
    "zeros": lambda x, sizes: ops.zeros(sizes([ops.shape(x)[0], 2])),
    "broadcast_to": lambda x, sizes: ops.broadcast_to(x[0, 0], sizes([ops.shape(x)[0], 3])),
}
JOINED = {
    "stacked": ops.stack,
    "converted": lambda sizes: ops.convert_to_tensor(sizes, "int32"),
    "concatenated": lambda sizes: ops.concatenate([ops.expand_dims(sizes[0], -1), ops.convert_to_tensor(sizes[1:])], 0),
    "reshaped and cast": lambda sizes: ops.concatenate([ops.reshape(ops.cast(n, "int32"), (1,)) for n in sizes], 0),
}


@pytest.mark.parametrize("shaped", SHAPED)
@pytest.mark.parametrize("joined", JOINED)
def test_sizes_joined_by_operations_are_a_shape_in_a_compiled_layer(shaped, joined):
    class Shaped(layers.Layer):
        def call(self, x):
            return SHAPED[shaped](x, JOINED[joined])

    x = np.arange(24.0, dtype="float32").reshape(4, 2, 3)
    inputs = Input((2, 3))
    model = models.Model(inputs, Shaped()(inputs))
    expected = np.asarray(SHAPED[shaped](jnp.asarray(x), tuple))
    assert model.output_shape == (None, *expected.shape[1:])
    np.testing.assert_array_equal(model.predict(x, verbose=0), expected)
