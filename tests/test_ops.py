"""Every operation against real Keras: values, types, shapes on symbolic tensors, gradients."""

import importlib
import itertools
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lapis.ops as ops
from lapis.core import nest
from lapis.graph import KerasTensor
from lapis.ops.keras_names import from_keras, to_keras
from tests.oracle import keras
from tests.rows.ops import ROWS, OpRow, find

pytestmark = pytest.mark.usefixtures("quick_compilation")


def leaves(structure):
    return nest.flatten(structure)


def name_of(x):
    return str(getattr(x, "dtype", type(x).__name__))


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_values_and_types_equal_keras(row: OpRow):
    ours = leaves(find(ops, row.name)(*row.args, **row.kwargs))
    theirs = jax.tree.leaves(find(keras.ops, row.name)(*row.args, **row.kwargs))
    assert len(ours) == len(theirs)
    for a, e in zip(ours, theirs):
        assert np.shape(a) == np.shape(e)
        assert name_of(a) == name_of(e)
        if row.values:
            np.testing.assert_allclose(np.asarray(a), np.asarray(e), atol=row.tolerance, rtol=1e-5)


def symbolic(value, unknown):
    """`value` with each array a symbolic tensor, its first size `None` where it is one of `unknown`."""

    def swap(x):
        if not isinstance(x, np.ndarray) or x.ndim == 0:
            return x
        shape = (None, *x.shape[1:]) if x.shape[0] in unknown else x.shape
        return KerasTensor(shape, x.dtype)

    return nest.map_structure(swap, value)


SYMBOLIC = [r for r in ROWS if r.symbolic and any(isinstance(x, np.ndarray) for x in nest.flatten(r.args))]


@pytest.mark.parametrize("row", SYMBOLIC, ids=str)
def test_symbolic_spec_equals_real_result(row: OpRow):
    function = find(ops, row.name)
    real = leaves(function(*row.args, **row.kwargs))
    spec = leaves(function(*symbolic(row.args, ()), **symbolic(row.kwargs, ())))
    assert [(x.shape, x.dtype) for x in spec] == [(np.shape(x), name_of(x)) for x in map(jnp.asarray, real)]


@pytest.mark.parametrize("row", [r for r in SYMBOLIC if r.free], ids=str)
def test_symbolic_spec_with_unknown_size(row: OpRow):
    function = find(ops, row.name)
    real = [jnp.asarray(x) for x in leaves(function(*row.args, **row.kwargs))]
    arrays = [x for x in nest.flatten(row.args) if isinstance(x, np.ndarray)]
    batch = (arrays[0].shape[0],)
    try:
        theirs = find(keras.ops, row.name)(*keras_symbolic(row.args, batch), **keras_symbolic(row.kwargs, batch))
    except Exception:
        theirs = None
    try:
        spec = leaves(function(*symbolic(row.args, batch), **symbolic(row.kwargs, batch)))
    except Exception:
        if theirs is None:
            return  # neither can tell
        raise
    for a, e in zip(spec, real, strict=True):
        assert a.dtype == name_of(e)
        assert len(a.shape) == e.ndim
        assert all(m in (None, n) for m, n in zip(a.shape, e.shape)), (a.shape, e.shape)
    if theirs is not None:
        for a, e, r in zip(spec, jax.tree.leaves(theirs), real, strict=True):
            known = [(m, n) for m, n, size in zip(a.shape, e.shape, r.shape) if n is not None and n == size]
            assert all(m == n for m, n in known), (a.shape, e.shape, r.shape)


def filled(structure, arrays):
    """The leaves of a structure, arrays replaced by others in turn."""
    arrays = iter(arrays)
    return [next(arrays) if isinstance(x, np.ndarray) else x for x in nest.flatten(structure)]


@pytest.mark.parametrize("row", [r for r in SYMBOLIC if r.free], ids=str)
def test_symbolic_spec_holds_for_every_size(row: OpRow):
    """What is inferred for an unknown first size is what other sizes give; these are traced, not compiled."""
    function = find(ops, row.name)
    size = next(x for x in nest.flatten(row.args) if isinstance(x, np.ndarray)).shape[:1]
    try:
        spec = leaves(function(*symbolic(row.args, size), **symbolic(row.kwargs, size)))
    except Exception:
        pytest.skip("only known sizes will do")
    tried = 0
    for more in (1, 64):

        def grown(x, more=more):
            if not isinstance(x, np.ndarray) or x.shape[:1] != size:
                return x
            return np.concatenate([x, np.repeat(x[-1:], more, 0)])

        args, kwargs = nest.map_structure(grown, (row.args, row.kwargs))
        arrays = [x for x in nest.flatten((args, kwargs)) if isinstance(x, np.ndarray)]

        def call(arrays, args=args, kwargs=kwargs):
            given = nest.pack_sequence_as((args, kwargs), filled((args, kwargs), arrays))
            return function(*given[0], **given[1])

        try:
            real = leaves(jax.eval_shape(call, arrays))
        except Exception:
            continue  # this size is refused, as of a matrix that has to be square
        tried += 1
        for a, e in zip(spec, real, strict=True):
            assert a.dtype == str(e.dtype)
            assert len(a.shape) == len(e.shape)
            assert all(m in (None, n) for m, n in zip(a.shape, e.shape)), (a.shape, e.shape)
    if not tried:
        pytest.skip("no other size will do")


def keras_symbolic(value, unknown):
    return nest.map_structure(
        lambda x: keras.KerasTensor(x.shape, x.dtype) if isinstance(x, KerasTensor) else x, symbolic(value, unknown)
    )


@pytest.mark.parametrize("row", [r for r in ROWS if r.grad], ids=str)
def test_gradient_equals_keras(row: OpRow):
    place = next(k for k, x in enumerate(row.args) if isinstance(x, np.ndarray) and x.dtype.kind == "f")

    def gradient(function):
        def total(x):
            out = function(*row.args[:place], x, *row.args[place + 1 :], **row.kwargs)
            return sum(jnp.sum(jnp.sin(leaf)) for leaf in jax.tree.leaves(out))

        return jax.grad(total)(jnp.asarray(row.args[place]))

    ours = gradient(find(ops, row.name))
    assert np.isfinite(ours).all()
    np.testing.assert_allclose(ours, gradient(find(keras.ops, row.name)), atol=1e-4, rtol=1e-4)


DTYPES = ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "float16", "bfloat16", "float32"]
PROMOTING = """
    add subtract multiply divide true_divide maximum minimum power mod floor_divide equal arctan2 matmul
    """.split()  # noqa: SIM905
FLOATING = """
    sin exp log sqrt tanh floor ceil mean sum prod max std var median average cumsum sort argmax abs square
    negative sign round relu softmax logsumexp count_nonzero trunc i0 rsqrt sigmoid silu
    """.split()  # noqa: SIM905


def result_dtype(function, *args):
    """The type of the result, `None` where the types are refused."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Keras's own casts of infinities to integers
            return str(jax.eval_shape(lambda *a: function(*a), *args).dtype)
    except (TypeError, ValueError, NotImplementedError):
        return None


@pytest.mark.parametrize("name", PROMOTING)
def test_promotion_of_two_types(name):
    if name == "arctan2":  # Keras's eager result is wider than what it promises for 16-bit floats
        pairs = [(d, d) for d in DTYPES]
    else:
        pairs = list(itertools.product(DTYPES, DTYPES))
    for first, second in pairs:
        specs = [jax.ShapeDtypeStruct((2, 2), d) for d in (first, second)]
        ours = result_dtype(getattr(ops, name), *specs)
        theirs = result_dtype(getattr(keras.ops, name), *specs)
        assert theirs in (None, ours), (first, second)


@pytest.mark.parametrize("scalar", [True, 2, 2.5])
@pytest.mark.parametrize("name", ["add", "multiply", "divide", "power", "maximum", "floor_divide", "less"])
def test_promotion_with_python_scalars(name, scalar):
    for dtype in DTYPES:
        spec = jax.ShapeDtypeStruct((2,), dtype)
        ours, theirs = (result_dtype(lambda x, k=k: getattr(k, name)(x, scalar), spec) for k in (ops, keras.ops))
        assert theirs in (None, ours), (dtype, scalar)


@pytest.mark.parametrize("name", FLOATING)
def test_type_of_one_argument(name):
    for dtype in DTYPES:
        spec = jax.ShapeDtypeStruct((2, 2), dtype)
        ours, theirs = (result_dtype(getattr(k, name), spec) for k in (ops, keras.ops))
        assert theirs in (None, ours), dtype


def test_sparsemax_is_a_projection():
    # Keras's own adds up wrongly where more than one place is kept, so this goes by the paper's definition.
    out = np.asarray(ops.sparsemax(np.array([[0.1, 0.3, 0.2], [3.0, 0.0, 2.5]], "float32")))
    np.testing.assert_allclose(out, [[7 / 30, 13 / 30, 10 / 30], [0.75, 0, 0.25]], atol=1e-5)


# Where Keras's own object fails: it keeps a list as axis, or an array that it cannot write.
KERAS_FAILS = {("quantile", "axis"), ("norm", "axis"), ("trapezoid", "x"), ("quantile", "method")}
RECORDED = {
    (r.name, len(r.args), *r.kwargs): r
    for r in SYMBOLIC
    if r.values and not any((r.name, key) in KERAS_FAILS for key in r.kwargs)
}.values()


def run_recorded(row: OpRow, tensors, arguments, call):
    """`call` with the arguments of a recorded call, each symbolic tensor replaced by the row's array."""
    arrays = [x for x in nest.flatten(row.args) if isinstance(x, np.ndarray) and x.ndim]
    values = {id(t): x for t, x in zip(tensors, arrays, strict=True)}
    args, kwargs = nest.map_structure(lambda x: values.get(id(x), x), arguments)
    return leaves(call(*args, **kwargs))


def assert_equal(ours, theirs):
    for a, e in zip(ours, jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(e), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("row", RECORDED, ids=str)
def test_keras_runs_our_record_of_a_call(row: OpRow):
    out = leaves(find(ops, row.name)(*symbolic(row.args, ()), **row.kwargs))[0]
    operation, index, _ = out._keras_history
    node = operation._inbound_nodes[index]
    module, class_name, static, args, kwargs = to_keras(operation.function, node.args, node.kwargs)
    keras_operation = getattr(importlib.import_module(module), class_name)(**static)
    theirs = run_recorded(row, node.input_tensors, (args, kwargs), keras_operation)
    assert_equal(leaves(find(ops, row.name)(*row.args, **row.kwargs)), theirs)


@pytest.mark.parametrize("row", RECORDED, ids=str)
def test_we_run_keras_record_of_a_call(row: OpRow):
    try:
        out = find(keras.ops, row.name)(*keras_symbolic(row.args, ()), **row.kwargs)
    except Exception:
        pytest.skip("Keras cannot call it on symbolic tensors")
    operation = next(x for x in jax.tree.leaves(out) if hasattr(x, "_keras_history"))._keras_history.operation
    node = operation._inbound_nodes[0]
    config = {key: value for key, value in operation.get_config().items() if key != "name"}
    function, held = from_keras(type(operation).__module__, type(operation).__name__, config)
    arguments = node.arguments.args, node.arguments.kwargs
    ours = run_recorded(row, node.input_tensors, arguments, lambda *args, **kwargs: function(*args, **kwargs, **held))
    assert_equal(ours, find(keras.ops, row.name)(*row.args, **row.kwargs))
