"""Every row of the layers' table against real Keras: config, weights, outputs, gradients, specs, masks, types."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lapis
from lapis.core import nest
from lapis.graph import get_mask, set_mask
from tests.descriptors import LAYER_FAMILIES, Row, rows
from tests.oracle import keras

ROWS = rows(*LAYER_FAMILIES)
# Keras's MixUp asks for int64, which JAX tells.
pytestmark = pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64:UserWarning")
every_row = pytest.mark.parametrize("row", ROWS, ids=str)


def _fresh(row: Row) -> tuple:
    """The layer of both libraries, with names counted from the start."""
    lapis.utils.clear_session(free_memory=False)
    keras.utils.clear_session(free_memory=False)
    return row.make(lapis), row.make(keras)


class Pair:
    """A row's layer of both libraries, built, with the same weights."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.ours, self.theirs = _fresh(row)
        _call(self.theirs, row, True)
        _call(self.ours, row, False)
        self.paths = [
            [
                [(v.path, tuple(v.shape), v.dtype) for v in getattr(layer, kind)]
                for kind in ("weights", "trainable_weights")
            ]
            for layer in (self.ours, self.theirs)
        ]
        self.ours.set_weights([np.asarray(w) for w in self.theirs.weights])


@pytest.fixture(scope="module", params=ROWS, ids=str)
def pair(request) -> Pair:
    return Pair(request.param)


def _keras_mask(x):
    return getattr(x, "_keras_mask", None)


def _kwargs(row: Row) -> dict:
    return dict(row.kwargs) if row.training is None else {**row.kwargs, "training": row.training}


def _masked(row: Row, inputs: list, is_keras: bool) -> list:
    """The inputs as arrays, with the row's masks on them."""
    inputs = [nest.map_structure(jnp.asarray, x) for x in inputs]
    put = keras.src.backend.set_keras_mask if is_keras else set_mask
    for x, mask in zip(inputs, row.masks or ()):
        for leaf, m in zip(nest.flatten(x), nest.flatten(mask)):
            if m is not None:
                put(leaf, jnp.asarray(m))
    return inputs


def _call(layer, row: Row, is_keras: bool):
    return layer(*_masked(row, row.inputs, is_keras), **_kwargs(row))


def _symbolic(k, row: Row, shapes) -> list:
    return [
        nest.map_structure(lambda leaf, s: k.Input(batch_shape=s, dtype=str(leaf.dtype)), x, shape)
        for x, shape in zip(row.inputs, shapes)
    ]


def _symbolic_kwargs(k, row: Row, batch: tuple) -> dict:
    """The row's arguments of the call, arrays as symbolic tensors, whose first sizes are `batch`."""
    return {
        key: k.Input(batch_shape=(*batch, *v.shape[len(batch) :]), dtype=str(v.dtype)) if hasattr(v, "shape") else v
        for key, v in _kwargs(row).items()
    }


def _plain(config):
    """Tuples and lists alike, as JSON has them."""
    if isinstance(config, dict):
        return {key: _plain(value) for key, value in config.items()}
    if isinstance(config, (list, tuple)):
        return [_plain(value) for value in config]
    return config


@every_row
def test_config(row: Row) -> None:
    ours, theirs = _fresh(row)
    if row.config:
        assert _plain(ours.get_config()) == _plain(theirs.get_config())
    again = type(ours).from_config(ours.get_config())
    assert again.get_config() == ours.get_config()


def test_weights(pair: Pair) -> None:
    ours, theirs = pair.paths
    assert ours == theirs
    mine, other = (
        [(tuple(v.shape), v.dtype) for v in layer.non_trainable_variables] for layer in (pair.ours, pair.theirs)
    )
    assert mine == other
    built = pair.ours.get_build_config()  # layers without state of their own need none
    if pair.row.config and built is not None:
        assert _plain(built) == _plain(pair.theirs.get_build_config())


def test_forward(pair: Pair) -> None:
    row = pair.row
    expected, got = _call(pair.theirs, row, True), _call(pair.ours, row, False)
    nest.assert_same_structure(got, expected)
    for mine, other in zip(nest.flatten(got), nest.flatten(expected)):
        assert mine.shape == other.shape and mine.dtype == other.dtype
        if not row.random:
            np.testing.assert_allclose(mine, other, rtol=row.tolerance, atol=row.tolerance)
        a, b = get_mask(mine), _keras_mask(other)
        assert (a is None) == (b is None), f"mask: {a is not None} here, {b is not None} in Keras"
        if a is not None:
            np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    for mine, other in zip(pair.ours.weights, pair.theirs.weights):  # moving statistics, states
        if not row.random:
            np.testing.assert_allclose(mine.numpy(), np.asarray(other), rtol=row.tolerance, atol=row.tolerance)


def test_gradient(pair: Pair) -> None:
    row, ours, theirs = pair.row, pair.ours, pair.theirs
    if not row.gradient or row.random:
        return
    kwargs = _kwargs(row)

    def loss_of(layer, is_keras):
        fixed = [v.value for v in layer.non_trainable_variables]

        def loss(weights, floats):
            it = iter(floats)
            inputs = [
                nest.map_structure(lambda x: next(it) if np.asarray(x).dtype.kind == "f" else x, x) for x in row.inputs
            ]
            outputs, _ = layer.stateless_call(weights, fixed, *_masked(row, inputs, is_keras), **kwargs)
            flat = [y for y in nest.flatten(outputs) if jnp.issubdtype(y.dtype, jnp.floating)]
            return sum(jnp.sum(y * jnp.cos(jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape)) for y in flat)

        weights = [v.value for v in layer.trainable_variables]
        floats = [jnp.asarray(x) for x in nest.flatten(list(row.inputs)) if np.asarray(x).dtype.kind == "f"]
        return jax.jit(jax.grad(loss, argnums=(0, 1)))(weights, floats)

    for mine, other in zip(jax.tree.leaves(loss_of(ours, False)), jax.tree.leaves(loss_of(theirs, True)), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-4 * max(1.0, float(jnp.abs(other).max(initial=0))))


@every_row
def test_symbolic_equals_real(row: Row) -> None:
    shapes = row.spec_shapes or tuple(nest.map_structure(lambda x: (None, *x.shape[1:]), x) for x in row.inputs)

    def spec(k, layer):
        outputs = layer(*_symbolic(k, row, shapes), **_symbolic_kwargs(k, row, (None,)))
        return nest.map_structure(lambda y: (tuple(y.shape), y.dtype), [outputs])

    ours, theirs = _fresh(row)
    assert nest.flatten(spec(lapis, ours)) == nest.flatten(spec(keras, theirs))


def test_inferred_equals_real(pair: Pair) -> None:
    row = pair.row
    specs = [nest.map_structure(lambda a: lapis.KerasTensor(a.shape, str(a.dtype)), x) for x in row.inputs]
    inferred = pair.ours.compute_output_spec(*specs, **_specs(row.kwargs))
    for a, b in zip(nest.flatten(inferred), nest.flatten(_call(pair.ours, row, False)), strict=True):
        assert a.shape == b.shape and a.dtype == str(b.dtype)


@every_row
def test_spec_holds_for_every_size(row: Row) -> None:
    """What is inferred for unknown sizes is what calls of several sizes give; these are traced, not compiled."""
    if row.name == "Reshape-to-known":
        pytest.skip("one size fits")
    shapes = row.spec_shapes or tuple(nest.map_structure(lambda x: (None, *x.shape[1:]), x) for x in row.inputs)
    layer = row.make(lapis)
    inferred = nest.flatten(layer(*_symbolic(lapis, row, shapes), **_symbolic_kwargs(lapis, row, (None,))))
    found = []
    for more in (0, 1, 64):

        def grown(x, shape, more=more):
            sizes = [n if known is not None else n + more for n, known in zip(x.shape, shape)]
            return jax.ShapeDtypeStruct(sizes, x.dtype)

        inputs = [nest.map_structure(grown, x, shape) for x, shape in zip(row.inputs, shapes)]
        arrays = {k: grown(v, (None, *v.shape[1:])) for k, v in _kwargs(row).items() if hasattr(v, "shape")}
        plain = {k: v for k, v in _kwargs(row).items() if k not in arrays}

        def call(inputs, arrays, plain=plain):
            with lapis.StatelessScope():
                return layer(*inputs, **arrays, **plain)

        found.append([tuple(y.shape) for y in nest.flatten(jax.eval_shape(call, inputs, arrays))])
    for spec, *real in zip(inferred, *found, strict=True):
        for known, *sizes in zip(spec.shape, *real, strict=True):
            assert sizes == [known] * 3 if known is not None else len(set(sizes)) > 1, (spec.shape, real)


def _specs(kwargs: dict) -> dict:
    return {k: lapis.KerasTensor(v.shape, str(v.dtype)) if hasattr(v, "shape") else v for k, v in kwargs.items()}


def test_compiled_equals_eager(pair: Pair) -> None:
    row, ours = pair.row, pair.ours
    if row.masks:
        return
    state = [v.value for v in ours.non_trainable_variables]
    weights = [v.value for v in ours.trainable_variables]
    kwargs = _kwargs(row)
    compiled, after = jax.jit(lambda w, s, x: ours.stateless_call(w, s, *x, **kwargs))(weights, state, list(row.inputs))
    eager, after_eager = ours.stateless_call(weights, state, *row.inputs, **kwargs)
    for a, b in zip(jax.tree.leaves((compiled, after)), jax.tree.leaves((eager, after_eager)), strict=True):
        np.testing.assert_allclose(a, b, rtol=row.tolerance, atol=row.tolerance)


@every_row
@pytest.mark.parametrize("policy", ["mixed_bfloat16", pytest.param("float16", marks=pytest.mark.slow)])
def test_types(row: Row, policy: str) -> None:
    outputs = []
    for k in (lapis, keras):
        k.config.set_dtype_policy(policy)
        try:
            layer = row.make(k)
            try:
                outputs.append(_types(k, layer, row))
            except Exception as error:
                if k is lapis:
                    raise
                pytest.skip(f"Keras cannot: {error}")  # half-precision LAPACK, random crops in a trace
        finally:
            k.config.set_dtype_policy("float32")
    assert outputs[0] == outputs[1]


def _types(k, layer, row: Row) -> list:
    """Types of weights and outputs; the call is traced, which compiles nothing."""
    layer(*_symbolic(k, row, [nest.map_structure(np.shape, x) for x in row.inputs]), **_symbolic_kwargs(k, row, ()))

    def call(*inputs):
        with k.StatelessScope():
            return layer(*_masked(row, inputs, k is keras), **_kwargs(row))

    outputs = jax.eval_shape(call, *row.inputs)
    return [[str(v.dtype) for v in layer.weights], [str(leaf.dtype) for leaf in nest.flatten(outputs)]]
