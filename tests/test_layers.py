"""Every row of the layers' table against real Keras: config, weights, outputs, gradients, specs, masks, types."""

import functools
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lapis
from lapis.core import nest
from lapis.graph import get_mask, set_mask
from tests.descriptors import LAYER_FAMILIES, Row, rows
from tests.oracle import keras, numpy_weights

ROWS = rows(*LAYER_FAMILIES)
pytestmark = [
    pytest.mark.usefixtures("quick_compilation", "quick_oracle"),
    # Keras's MixUp asks for int64, which JAX tells.
    pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64:UserWarning"),
]
# Their gradients hang on which values reach a bound exactly: both sides round alike only with XLA's optimizations.
OPTIMIZED = ("AutoContrast", "AutoContrast-range")
every_row = pytest.mark.parametrize("row", ROWS, ids=str)


def _fresh(row: Row) -> tuple:
    """The layer of both libraries, with names counted from the start."""
    lapis.utils.clear_session(free_memory=False)
    keras.utils.clear_session(free_memory=False)
    return row.make(lapis), row.make(keras)


class Pair:
    """A row's layer of both libraries, built, with the same weights.

    Each library runs the row in one program, for outputs, masks, what the layer holds afterwards and gradients.
    """

    def __init__(self, row: Row) -> None:
        self.row = row
        self.ours, self.theirs = _fresh(row)
        _build(lapis, self.ours, row)
        _build(keras, self.theirs, row)
        self.paths = [
            [
                [(v.path, tuple(v.shape), v.dtype) for v in getattr(layer, kind)]
                for kind in ("weights", "trainable_weights")
            ]
            for layer in (self.ours, self.theirs)
        ]
        self.ours.set_weights([np.asarray(w) for w in self.theirs.weights])
        self.start = (
            [v.value for v in self.ours.trainable_variables],
            [v.value for v in self.ours.non_trainable_variables],
        )

    @functools.cached_property
    def compiled(self) -> "Run":
        return _run(self.ours, self.row, False, *self.start)

    @functools.cached_property
    def expected(self) -> "Run":
        weights, held = ([v.value for v in self.theirs.trainable_variables], self.theirs.non_trainable_variables)
        return _run(self.theirs, self.row, True, weights, [v.value for v in held])


class Run(NamedTuple):
    """What a call gives; `None` for the gradients where they are not compared."""

    outputs: Any
    masks: list
    held: list
    gradients: Any


@pytest.fixture(scope="module")
def quick_oracle() -> Iterator[None]:
    with numpy_weights():
        yield


@pytest.fixture(scope="module", params=ROWS, ids=str)
def pair(request, quick_oracle) -> Pair:
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


def _symbolic_call(k, layer, row: Row) -> None:
    layer(*_symbolic(k, row, [nest.map_structure(np.shape, x) for x in row.inputs]), **_symbolic_kwargs(k, row, ()))


def _build(k, layer, row: Row) -> None:
    """By a call on symbolic tensors, which compiles nothing, where that can be had."""
    try:
        _symbolic_call(k, layer, row)
    except Exception:
        if k is lapis:
            raise
        _call(layer, row, True)


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
    row, expected = pair.row, pair.expected
    got = _call(pair.ours, row, False)
    nest.assert_same_structure(got, expected.outputs)
    for mine, other in zip(nest.flatten(got), nest.flatten(expected.outputs), strict=True):
        assert mine.shape == other.shape and mine.dtype == other.dtype
        if not row.random:
            np.testing.assert_allclose(mine, other, rtol=row.tolerance, atol=row.tolerance)
    masks, found = [get_mask(y) for y in nest.flatten(got)], expected.masks
    # Keras loses some in a trace, and none is computed where outputs are random.
    differ = [mask is None for mask in masks] != [mask is None for mask in found]
    if differ or (row.random and any(mask is not None for mask in masks)):
        found = [_keras_mask(y) for y in nest.flatten(_call(pair.theirs, row, True))]
    for a, b in zip(masks, found, strict=True):
        assert (a is None) == (b is None), f"mask: {a is not None} here, {b is not None} in Keras"
        if a is not None:
            np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    if row.random:
        return
    held = dict(zip(map(id, pair.theirs.non_trainable_variables), expected.held))
    for mine, other in zip(pair.ours.non_trainable_weights, pair.theirs.non_trainable_weights, strict=True):
        np.testing.assert_allclose(mine.numpy(), held[id(other)], rtol=row.tolerance, atol=row.tolerance)


def _run(layer, row: Row, is_keras: bool, weights: list, held: list) -> Run:
    """The row in one program; Keras without gradients runs operation by operation, or only says shapes and types."""
    if row.name in OPTIMIZED:
        jax.config.update("jax_disable_most_optimizations", False)  # until the end of this test
    kwargs = _kwargs(row)
    is_float = [np.asarray(x).dtype.kind == "f" for x in nest.flatten(list(row.inputs))]

    def call(weights, floats, others, held):
        floats, others = iter(floats), iter(others)
        leaves = [next(floats if known else others) for known in is_float]
        inputs = _masked(row, nest.pack_sequence_as(list(row.inputs), leaves), is_keras)
        if is_keras:  # its `stateless_call` passes over masks and types
            own = list(zip([*layer.trainable_variables, *layer.non_trainable_variables], [*weights, *held]))
            with keras.StatelessScope(own) as scope:
                outputs = layer(*inputs, **kwargs)
            after = [scope.get_current_value(v) for v in layer.non_trainable_variables]
        else:
            outputs, after = layer.stateless_call(weights, held, *inputs, **kwargs)
        masks = [(_keras_mask if is_keras else get_mask)(y) for y in nest.flatten(outputs)]
        flat = [y for y in nest.flatten(outputs) if jnp.issubdtype(y.dtype, jnp.floating)]
        total = sum(jnp.sum(y * jnp.cos(jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape)) for y in flat)
        return total, (outputs, masks, after)

    floats, others = (
        [x for x, f in zip(nest.flatten(list(row.inputs)), is_float) if f is kind] for kind in (True, False)
    )
    arguments = weights, floats, others, held
    if is_keras and row.random:
        try:
            _, found = jax.eval_shape(call, *arguments)
        except Exception:  # a crop and an elastic transformation look at values
            _, found = call(*arguments)
        return Run(*found, None)
    if row.random or not row.gradient:
        run = call if is_keras else jax.jit(call)  # XLA takes half a minute over Keras's equalization
        _, found = run(*arguments)
        return Run(*found, None)
    (_, found), gradients = jax.jit(jax.value_and_grad(call, argnums=(0, 1), has_aux=True))(*arguments)
    return Run(*found, gradients)


def test_gradient(pair: Pair) -> None:
    if pair.row.random or not pair.row.gradient:
        return
    ours, theirs = (jax.tree.leaves(run.gradients) for run in (pair.compiled, pair.expected))
    for mine, other in zip(ours, theirs, strict=True):
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
    row = pair.row
    if row.masks:
        return
    weights, held = pair.start
    eager = pair.ours.stateless_call(weights, held, *row.inputs, **_kwargs(row))
    compiled = pair.compiled.outputs, pair.compiled.held
    for a, b in zip(jax.tree.leaves(compiled), jax.tree.leaves(eager), strict=True):
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
    _symbolic_call(k, layer, row)

    def call(*inputs):
        with k.StatelessScope():
            return layer(*_masked(row, inputs, k is keras), **_kwargs(row))

    outputs = jax.eval_shape(call, *row.inputs)
    return [[str(v.dtype) for v in layer.weights], [str(leaf.dtype) for leaf in nest.flatten(outputs)]]
