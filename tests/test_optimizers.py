"""Optimizers against real Keras over several steps: values, variables, configs, saving, and the pure form."""

import copy
import inspect
import re
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lapis.optimizers
from lapis.core.serialization import register_keras_serializable
from lapis.state import Variable, name_scope
from tests.descriptors import f32, rows
from tests.oracle import keras
from tests.rows.optimizers import SCHEDULES

ROWS = rows("optimizers")
# Keras's own variables answer NumPy in an old way.
pytestmark = [
    pytest.mark.usefixtures("quick_compilation"),
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]

STEPS = 5
KERNEL, BIAS = f32(4, 3, seed=1), f32(3, seed=2)
GRADIENTS = [(f32(4, 3, seed=10 + i), f32(3, seed=20 + i)) for i in range(STEPS)]
# Keras leaves these names to a counter or gives them twice.
RENAMED = {"u_product": "variable"}
RENAMED |= {f"dense_{name}_{slot}": name for name in ("kernel", "bias") for slot in ("row", "column")}


def _variables(k):
    variable, scope = (Variable, name_scope) if k is lapis else (keras.Variable, keras.src.backend.name_scope)
    with scope("dense"):
        return [variable(KERNEL, name="kernel"), variable(BIAS, name="bias")]


def _same(ours, theirs, rounding=1e-6):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(np.asarray(a.value), np.asarray(b.value), rtol=rounding, atol=rounding)


def _keras_step(optimizer, gradients, variables):
    if not isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        optimizer.apply(gradients, variables)
        return
    # Outside of a compiled program Keras's loss scaling fails on JAX.
    before = [v.value for v in optimizer.variables], gradients, [v.value for v in variables]
    after = optimizer.stateless_apply(*before)
    for variable, value in zip([*variables, *optimizer.variables], [*after[0], *after[1]]):
        variable.assign(value)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_steps_are_those_of_keras(row):
    ours, theirs = row.make(lapis), row.make(keras)
    mine, reference = _variables(lapis), _variables(keras)
    ours.build(mine)
    theirs.build(reference)
    names = [RENAMED.get(v.name, v.name) for v in ours.variables]
    assert names == [re.sub(r"_\d+$", "", v.name) for v in theirs.variables]  # counted over the whole process
    assert [(v.shape, v.dtype) for v in ours.variables] == [(tuple(v.shape), v.dtype) for v in theirs.variables]
    for gradients in GRADIENTS:
        ours.apply([jnp.asarray(g) for g in gradients], mine)
        _keras_step(theirs, [jnp.asarray(g) for g in gradients], reference)
        _same(mine, reference, rounding=1e-5 if "Muon" in row.name else 1e-6)
    _same(ours.variables, theirs.variables, rounding=1e-5 if "Muon" in row.name else 1e-6)
    assert int(ours.iterations) == int(theirs.iterations)
    ours.finalize_variable_values(mine)
    theirs.finalize_variable_values(reference)
    _same(mine, reference, rounding=1e-5 if "Muon" in row.name else 1e-6)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_compiled_steps(row):
    eager, pure = row.make(lapis), row.make(lapis)
    mine, untouched = _variables(lapis), _variables(lapis)
    eager.build(mine)
    pure.build(untouched)
    traces = []

    def counted(*args):
        traces.append(args)
        return pure.stateless_apply(*args)

    step = jax.jit(counted)
    trainable, state = [v.value for v in untouched], [v.value for v in pure.variables]
    before = [np.asarray(value) for value in [*trainable, *state]]
    for gradients in GRADIENTS:
        eager.apply(list(map(jnp.asarray, gradients)))
        trainable, state = step(state, list(map(jnp.asarray, gradients)), trainable)
    for ours, theirs in zip([*trainable, *state], [*mine, *eager.variables], strict=True):
        np.testing.assert_allclose(ours, theirs.value, rtol=2e-5, atol=2e-6)
    assert len(traces) == 1
    for variable, value in zip([*untouched, *pure.variables], before):
        np.testing.assert_array_equal(variable.value, value)


@pytest.mark.parametrize("row", [row for row in ROWS if row.config], ids=str)
def test_config(row):
    ours, theirs = row.make(lapis), row.make(keras)
    data, reference = lapis.optimizers.serialize(ours), keras.optimizers.serialize(theirs)

    def unnamed(config):
        config = {key: value for key, value in config.items() if key != "name"}
        if "inner_optimizer" in config:
            config["inner_optimizer"] = unnamed(config["inner_optimizer"]["config"])
        return config

    assert unnamed(data["config"]) == unnamed(reference["config"])
    assert {**data, "config": None} == {**reference, "config": None}
    again = lapis.optimizers.deserialize(data)
    assert type(again) is type(ours) and again.get_config() == ours.get_config()


@pytest.mark.parametrize("row", SCHEDULES, ids=str)
def test_schedule(row):
    ours, theirs = row.make(lapis.optimizers.schedules), row.make(keras.optimizers.schedules)
    steps = [0, 1, 4, 5, 6, 7, 8, 12, 20, 21, 29, 30, 31, 40, 57]
    expected = [float(value) for value in map(jax.jit(theirs), steps)]
    np.testing.assert_allclose(jax.vmap(ours)(jnp.array(steps)), expected, rtol=2e-6, atol=1e-8)
    np.testing.assert_allclose([float(ours(step)) for step in steps[5:7]], expected[5:7], rtol=2e-6, atol=1e-8)
    assert ours.get_config() == theirs.get_config()
    data = lapis.optimizers.schedules.serialize(ours)
    assert data == keras.optimizers.schedules.serialize(theirs)
    again = lapis.optimizers.schedules.deserialize(data)
    assert type(again) is type(ours) and again.get_config() == ours.get_config()


def test_signatures_are_those_of_keras():
    for k, ours in ((keras.optimizers, lapis.optimizers), (keras.optimizers.schedules, lapis.optimizers.schedules)):
        for name in dir(k):
            theirs = getattr(k, name)
            if not inspect.isclass(theirs):
                continue
            parameters = inspect.signature(getattr(ours, name)).parameters
            assert [(p.name, p.default) for p in parameters.values()] == [
                (p.name, p.default) for p in inspect.signature(theirs).parameters.values()
            ], name


@pytest.mark.parametrize("name", ["Adam", "SGD", "RMSprop", "AdamW", "adafactor", "ADAGRAD"])
def test_get(name):
    assert type(lapis.optimizers.get(name)) is type(lapis.optimizers.get({"class_name": name, "config": {}}))
    assert type(lapis.optimizers.get(name)).__name__.lower() == name.lower()


def test_get_other_kinds():
    optimizer = lapis.optimizers.Adam()
    assert lapis.optimizers.get(None) is None
    assert lapis.optimizers.get(optimizer) is optimizer
    assert isinstance(lapis.optimizers.get(lapis.optimizers.Lion), lapis.optimizers.Lion)
    with pytest.raises(ValueError, match="adam"):
        lapis.optimizers.get("adan")
    with pytest.raises(ValueError, match="no optimizer"):
        lapis.optimizers.get(len)


def test_paths():
    optimizer = lapis.optimizers.RMSprop(name="rmsprop")
    optimizer.build(_variables(lapis))
    assert [v.path for v in optimizer.variables] == [
        "rmsprop/iteration",
        "rmsprop/learning_rate",
        "rmsprop/dense_kernel_velocity",
        "rmsprop/dense_bias_velocity",
    ]


@pytest.mark.parametrize("by", ["var_list", "var_names"])
def test_exclude_from_weight_decay(by):
    results = []
    for k in (lapis, keras):
        variables = _variables(k)
        optimizer = k.optimizers.AdamW(0.1, weight_decay=0.3)
        optimizer.exclude_from_weight_decay(**{by: variables[1:] if by == "var_list" else ["bia"]})
        optimizer.build(variables)
        optimizer.apply([jnp.zeros((4, 3)), jnp.zeros(3)], variables)
        results.append(variables)
    _same(*results)
    np.testing.assert_array_equal(results[0][1].value, BIAS)
    assert not np.array_equal(results[0][0].value, KERNEL)


def test_constraint_after_step():
    variable = Variable([1.0, -1.0])
    variable.constraint = lambda w: jnp.maximum(w, 0)
    lapis.optimizers.SGD(1.0).apply([jnp.array([0.5, 0.5])], [variable])
    assert variable.value.tolist() == [0.5, 0.0]


@pytest.mark.parametrize("options", [{}, {"gradient_accumulation_steps": 2}, {"use_ema": True}])
def test_overwrite_with_gradient(options):
    results = []
    for k in (lapis, keras):
        variables = _variables(k)
        variables[1].overwrite_with_gradient = True
        optimizer = k.optimizers.Adam(0.1, **options)
        optimizer.build(variables)
        for gradients in GRADIENTS[:4]:
            optimizer.apply([jnp.abs(g) for g in gradients], variables)
        results.append([*variables, *optimizer.variables])
    _same(*results)


def test_missing_gradients():
    variables = _variables(lapis)
    optimizer = lapis.optimizers.SGD(0.1)
    with pytest.warns(UserWarning, match="dense/bias"):
        optimizer.apply([jnp.ones((4, 3)), None], variables)
    np.testing.assert_array_equal(variables[1].value, BIAS)
    with pytest.raises(ValueError, match="None of the variables"):
        optimizer.apply([None, None], variables)
    optimizer.apply([], [])
    assert int(optimizer.iterations) == 1


def test_global_norm_of_infinite_gradients_is_nan():
    variables = _variables(lapis)
    lapis.optimizers.SGD(0.1, global_clipnorm=1.0).apply([jnp.full((4, 3), jnp.inf), jnp.ones(3)], variables)
    assert np.all(np.isnan(variables[0].value)) and np.all(np.isnan(variables[1].value))


def test_learning_rate():
    optimizer = lapis.optimizers.SGD(0.5)
    assert float(optimizer.learning_rate) == 0.5
    optimizer.learning_rate = 0.25
    assert float(optimizer.learning_rate) == 0.25 and optimizer.get_config()["learning_rate"] == 0.25
    optimizer.learning_rate = lapis.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)
    assert [v.name for v in optimizer.variables] == ["iteration"]
    optimizer.apply([jnp.ones((4, 3)), jnp.ones(3)], _variables(lapis))
    assert float(optimizer.learning_rate) == pytest.approx(0.05)
    with pytest.raises(TypeError, match="follows"):
        optimizer.learning_rate = 0.1
    for wrong in (1, "fast", None):
        with pytest.raises(ValueError, match="learning_rate"):
            lapis.optimizers.SGD(wrong)


def test_apply_gradients_and_default_variables():
    variables = _variables(lapis)
    optimizer = lapis.optimizers.SGD(1.0)
    assert int(optimizer.apply_gradients(zip(GRADIENTS[0], variables))) == 1
    np.testing.assert_allclose(variables[0].value, KERNEL - GRADIENTS[0][0], rtol=1e-6)
    optimizer.apply(GRADIENTS[1])
    assert int(optimizer.iterations) == 2


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop", "Nadam"])
def test_saved_variables_go_both_ways(name):
    stores, optimizers = [], []
    for k in (lapis, keras):
        variables, store = _variables(k), {}
        optimizer = getattr(k.optimizers, name)(0.1)
        optimizer.build(variables)
        optimizer.apply([jnp.asarray(g) for g in GRADIENTS[0]], variables)
        stores.append({str(i): np.asarray(v.value) for i, v in enumerate(optimizer.variables)})
        if k is lapis:
            optimizer.save_own_variables(store)
            assert all(np.array_equal(store[key], stores[0][key]) for key in stores[0])
        optimizers.append(optimizer)
    assert list(stores[0]) == list(stores[1])
    optimizers[0].load_own_variables(stores[1])
    _same(optimizers[0].variables, optimizers[1].variables)
    optimizers[0].set_weights([np.zeros_like(value) for value in stores[0].values()])
    assert int(optimizers[0].iterations) == 0
    with pytest.warns(UserWarning, match="keeps its state"):
        optimizers[0].load_own_variables({"0": np.array(3)})


class Momentum(lapis.optimizers.Optimizer):
    """Written as Keras's guide writes one."""

    def __init__(self, learning_rate=0.1, decay_rate=0.9, **kwargs):
        super().__init__(learning_rate, **kwargs)
        self.decay_rate = decay_rate
        self.total = Variable(0.0, name="total", trainable=False)

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.moments = [self.add_variable_from_reference(variable, name="moment") for variable in variables]

    def update_step(self, gradient, variable, learning_rate):
        moment = self.moments[self._get_variable_index(variable)]
        self.assign(moment, moment * self.decay_rate + gradient)
        self.assign_sub(variable, learning_rate * moment.value)
        self.assign_add(self.total, jnp.sum(gradient))

    def get_config(self):
        return {**super().get_config(), "decay_rate": self.decay_rate}


def test_subclass():
    register_keras_serializable("tests")(Momentum)
    optimizer = Momentum()
    variables = _variables(lapis)
    optimizer.build(variables)
    assert [v.name for v in optimizer.variables] == [
        "iteration",
        "learning_rate",
        "total",
        "dense_kernel_moment",
        "dense_bias_moment",
    ]
    trainable, state = jax.jit(optimizer.stateless_apply)(
        [v.value for v in optimizer.variables], list(GRADIENTS[0]), [v.value for v in variables]
    )
    np.testing.assert_allclose(trainable[0], KERNEL - 0.1 * GRADIENTS[0][0], rtol=1e-5)
    assert float(state[2]) == pytest.approx(sum(float(g.sum()) for g in GRADIENTS[0]), rel=1e-5)
    assert lapis.optimizers.deserialize(lapis.optimizers.serialize(optimizer)).decay_rate == 0.9


@pytest.mark.parametrize("row", [row for row in ROWS if "LossScale" not in row.name], ids=str)
def test_a_subclass_may_give_each_variable_a_rate(row):
    pairs = []
    for k in (lapis, keras):
        optimizer, variables = row.make(k), _variables(k)
        own = type(optimizer)

        def update_step(self, gradient, variable, learning_rate, own=own):
            scale = 0.0 if "bias" in variable.path else 0.5
            own.update_step(self, gradient, variable, learning_rate * scale)

        optimizer.__class__ = type(own.__name__, (own,), {"update_step": update_step})
        for gradients in GRADIENTS:
            optimizer.apply([jnp.asarray(g) for g in gradients], variables)
        pairs.append(variables)
    _same(*pairs, rounding=1e-5 if "Muon" in row.name else 1e-6)


def test_deepcopy_goes_on_alone():
    variables = _variables(lapis)
    optimizer = lapis.optimizers.Adam(0.1)
    optimizer.build(variables)
    again, copies = copy.deepcopy((optimizer, variables))
    again.apply(GRADIENTS[0], copies)
    assert int(again.iterations) == 1 and int(optimizer.iterations) == 0
    np.testing.assert_array_equal(variables[0].value, KERNEL)


def test_loss_scale():
    variables = _variables(lapis)
    optimizer = lapis.optimizers.LossScaleOptimizer(
        lapis.optimizers.SGD(0.5), initial_scale=8.0, dynamic_growth_steps=2
    )
    assert float(optimizer.scale_loss(2.0)) == 16.0
    optimizer.build(variables)
    step = jax.jit(optimizer.stateless_apply)
    trainable, state = [v.value for v in variables], [v.value for v in optimizer.variables]
    scales = []
    for size in (8.0, 8.0, float("inf"), 1.0):
        before = trainable
        trainable, state = step(state, [jnp.full((4, 3), size), jnp.full(3, size)], trainable)
        scales.append(float(state[3]))
        if np.isinf(size):
            assert all(np.array_equal(a, b) for a, b in zip(trainable, before))
    assert scales == [8.0, 16.0, 8.0, 8.0]
    optimizer.learning_rate = 0.125
    assert float(optimizer.inner_optimizer.learning_rate) == 0.125
    with pytest.raises(ValueError, match="clipnorm"):
        lapis.optimizers.LossScaleOptimizer(lapis.optimizers.SGD(), clipnorm=1.0)


def _multi(k):
    inner = k.optimizers.SGD(0.1, momentum=0.5), k.optimizers.Adam(0.05, use_ema=True)
    return k.optimizers.MultiOptimizer(k.optimizers.OptimizerMap(inner[1], {".*bias": inner[0]}))


def test_multi_optimizer():
    ours, theirs = _multi(lapis), _multi(keras)
    mine, reference = _variables(lapis), _variables(keras)
    ours.build(mine)
    theirs.build(reference)
    step = jax.jit(ours.stateless_apply)
    trainable, state = [v.value for v in mine], [v.value for v in ours.variables]
    for gradients in GRADIENTS:
        trainable, state = step(state, list(gradients), trainable)
        ours.apply(gradients, mine)
        theirs.apply(list(map(jnp.asarray, gradients)), reference)
    _same(mine, reference)
    _same(ours.variables, theirs.variables)
    np.testing.assert_allclose(trainable[0], mine[0].value, rtol=1e-5)
    ours.finalize_variable_values(mine)
    theirs.finalize_variable_values(reference)
    _same(mine, reference)
    again = lapis.optimizers.deserialize(lapis.optimizers.serialize(ours))
    assert again.get_config() == ours.get_config()
    ours.loss_scale_factor = 4.0
    assert [optimizer.loss_scale_factor for optimizer in ours.optimizers] == [4.0, 4.0]
    with pytest.raises(AttributeError, match="optimizers"):
        ours.learning_rate = 0.1
    choice = lapis.optimizers.OptimizerMap(lapis.optimizers.Adam(), {"a.*": lapis.optimizers.SGD()})
    choice[".*b"] = lapis.optimizers.Lion()
    with pytest.raises(ValueError, match="Several keys"):
        choice["ab"]
    with pytest.raises(ValueError, match="steps itself"):
        choice["c"] = ours


def test_step_inside_scan():
    variables = _variables(lapis)
    optimizer = lapis.optimizers.Adam(0.1, gradient_accumulation_steps=2, use_ema=True)
    optimizer.build(variables)

    def body(carry, gradients):
        trainable, state = optimizer.stateless_apply(carry[1], gradients, carry[0])
        return (trainable, state), None

    start = [v.value for v in variables], [v.value for v in optimizer.variables]
    gradients = [jnp.stack(group) for group in zip(*GRADIENTS[:4])]
    (trainable, _), _ = jax.jit(lambda: jax.lax.scan(body, start, gradients))()
    for step in GRADIENTS[:4]:
        optimizer.apply(step)
    np.testing.assert_allclose(trainable[0], variables[0].value, rtol=1e-5, atol=1e-6)


def test_bfloat16_variables():
    results = []
    for k, variable in ((lapis, Variable), (keras, keras.Variable)):
        w = variable(KERNEL, dtype="bfloat16", name="w")
        optimizer = k.optimizers.Adam(0.1)
        optimizer.build([w])
        for gradient, _ in GRADIENTS:
            optimizer.apply([jnp.asarray(gradient, "bfloat16")], [w])
        results.append(np.asarray(w.value, "float32"))
    np.testing.assert_allclose(*results, rtol=2e-2, atol=2e-2)


def test_errors():
    optimizers = lapis.optimizers
    for make, words in (
        (lambda: optimizers.SGD(clipnorm=1.0, clipvalue=1.0), "Only one of"),
        (lambda: optimizers.SGD(gradient_accumulation_steps=1), "gradient_accumulation_steps"),
        (lambda: optimizers.SGD(use_ema=True, ema_momentum=2.0), "ema_momentum"),
        (lambda: optimizers.SGD(use_ema=True, ema_overwrite_frequency=-1), "ema_overwrite_frequency"),
        (lambda: optimizers.SGD(momentum=1.5), "momentum"),
        (lambda: optimizers.SGD(speed=1.5), "speed"),
        (lambda: optimizers.AdamW(weight_decay=None), "weight_decay"),
        (lambda: optimizers.Lion(beta_1=0.0), "beta_1"),
        (lambda: optimizers.Ftrl(l1_regularization_strength=-1.0), "l1_regularization_strength"),
        (lambda: optimizers.SGD().apply([jnp.ones(3)]), "build"),
        (lambda: optimizers.SGD().stateless_apply([], [], []), "build"),
        (lambda: optimizers.SGD().set_weights([]), "build"),
        (lambda: optimizers.schedules.CosineDecay(0.1, 0), "decay_steps"),
        (lambda: optimizers.schedules.PiecewiseConstantDecay([1], [0.1]), "one value more"),
    ):
        with pytest.raises(ValueError, match=words):
            make()
    optimizer = optimizers.SGD()
    optimizer.build(_variables(lapis))
    with pytest.raises(ValueError, match="does not know"):
        optimizer.apply([jnp.ones(3)], [Variable(BIAS)])
    with pytest.raises(ValueError, match="3 gradients"):
        optimizer.apply([jnp.ones(3)] * 3)
    with pytest.raises(ValueError, match="trainable_variables"):
        optimizer.stateless_apply([v.value for v in optimizer.variables], [], [])
    with pytest.raises(NotImplementedError, match="update_step"):
        optimizers.Optimizer(0.1).apply([jnp.ones(3)], [Variable(BIAS)])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        optimizers.SGD(decay=0.1)
    assert "schedule" in str(caught[0].message)
