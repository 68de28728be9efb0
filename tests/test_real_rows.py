"""Padded rows count for nothing: losses, metrics and whole steps on a padded batch give what they give without it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lapis
from lapis.graph import set_mask
from lapis.state import get_real_rows, real_rows
from lapis.training.rows import counts_real_rows, loss_counts_real_rows, metric_counts_real_rows
from tests.descriptors import later_ones_slow, rows

pytestmark = pytest.mark.usefixtures("quick_compilation")
PADDING = 3
LOSSES = [row for row in rows("losses") if loss_counts_real_rows(row.make(lapis)) and row.inputs[1].ndim > 1]
METRICS = [row for row in rows("metrics") if metric_counts_real_rows(row.make(lapis))]


def _kind(row):
    return type(row.make(lapis)), np.ndim(row.inputs[0])


def _padded(x, size):
    """With copies of the first rows up to `size` rows; what has no row for each sample stays."""
    x = np.asarray(x)
    if x.ndim == 0 or x.shape[0] == 1:
        return x
    return np.concatenate([x, x[np.arange(size - len(x)) % len(x)]])


def _loss_value(row, inputs, kwargs, masks):
    y_true, y_pred = map(jnp.asarray, inputs)
    for x, mask in zip((y_true, y_pred), masks or ()):
        if mask is not None:
            set_mask(x, jnp.asarray(mask))
    return row.make(lapis)(y_true, y_pred, **kwargs)


def _values(row, y_true, y_pred, weights, masks):
    """The losses for each of the weights and their gradients, one program."""
    found = []
    for kwargs in weights:
        found.append(jax.value_and_grad(lambda y, k=kwargs: _loss_value(row, (y_true, y), k, masks))(y_pred))
    return found


@pytest.mark.parametrize("row", later_ones_slow(LOSSES, _kind), ids=str)
def test_losses(row):
    """On a padded batch: the value of the real rows alone, and no gradient for padding, with weights and without."""
    y_true, y_pred = row.inputs
    count, size = len(y_pred), len(y_pred) + PADDING
    weight = np.random.default_rng(0).uniform(0.1, 2.0, count).astype("float32")
    weights = [row.kwargs, {"sample_weight": weight if y_pred.ndim == 2 else weight[:, None]}]
    alone = jax.jit(lambda y: _values(row, y_true, y, weights, row.masks))(y_pred)

    padded_weights = [{key: _padded(value, size) for key, value in kwargs.items()} for kwargs in weights]
    padded_masks = row.masks and [None if mask is None else _padded(mask, size) for mask in row.masks]

    @jax.jit
    def within(y, count):
        with real_rows(count, size):
            return _values(row, _padded(y_true, size), y, padded_weights, padded_masks)

    tolerance = 1e-2 if "bfloat16" in row.name else 2e-6
    for (value, gradient), expected in zip(within(_padded(y_pred, size), jnp.int32(count)), alone, strict=True):
        np.testing.assert_allclose(value, expected[0], rtol=tolerance)
        np.testing.assert_allclose(gradient[:count], expected[1], rtol=2e-5, atol=tolerance)
        assert not np.any(gradient[count:]), "padding must have no gradient"


@pytest.mark.parametrize("row", later_ones_slow(LOSSES, _kind), ids=str)
def test_a_full_batch_has_the_same_loss(row):
    """Bit for bit, operation by operation; XLA's fusions may round otherwise by a unit in the last place."""
    expected = _loss_value(row, row.inputs, row.kwargs, row.masks)
    with real_rows(jnp.int32(len(row.inputs[1])), len(row.inputs[1])):
        found = _loss_value(row, row.inputs, row.kwargs, row.masks)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("row", later_ones_slow(METRICS, lambda row: type(row.make(lapis))), ids=str)
def test_metrics(row):
    """Updates with weights and, in turn, without them."""
    alone, within = row.make(lapis), row.make(lapis)
    updates = [update for update in row.inputs if np.ndim(update[0])]
    updates += [update[:2] for update in updates if len(update) > 2][:1]
    for update in updates:
        count, size = len(update[0]), len(update[0]) + PADDING
        alone.update_state(*update)
        with real_rows(count, size):
            within.update_state(*(_padded(x, size) for x in update))
    np.testing.assert_allclose(within.result(), alone.result(), rtol=1e-5, atol=1e-6)


def test_a_metric_in_a_program():
    """One program for any number of real rows."""
    metric = lapis.metrics.AUC(num_thresholds=5)
    y_true, y_pred = np.array([0.0, 1.0, 1.0, 0.0]), np.array([0.1, 0.6, 0.3, 0.9], "float32")

    @jax.jit
    def update(state, count):
        with real_rows(count, 4):
            return metric.stateless_update_state(state, y_true, y_pred)

    state = [variable.value for variable in metric.variables]
    for count in (1, 2, 3, 4):
        found = update(state, jnp.int32(count))
        alone = metric.stateless_update_state(state, y_true[:count], y_pred[:count])
        jax.tree.map(np.testing.assert_array_equal, found, alone)
    assert update._cache_size() == 1


def test_the_tables_cover_losses_and_metrics():
    """What is left out reduces along the batch, or not at all."""
    left_out = [row.name for row in rows("losses") if row not in LOSSES]
    assert all("none" in name or "None" in name or "axis=0" in name or "ranks differ" in name for name in left_out)
    assert {type(row.make(lapis)) for row in LOSSES} == set(lapis.losses.lookup.CLASSES.values())
    assert [row.name for row in rows("metrics") if row not in METRICS] == ["CosineSimilarity(axis=0)"]
    unnamed = {lapis.metrics.MeanMetricWrapper}
    assert {type(row.make(lapis)) for row in METRICS} == set(lapis.metrics.lookup.CLASSES) - unnamed


def test_a_value_without_rows_is_refused():
    metric = lapis.metrics.Mean()
    with pytest.raises(ValueError, match=r"shape \(2,\).*batch of 3 rows"), real_rows(2, 3):
        metric.update_state([1.0, 2.0])
    assert get_real_rows() is None


def test_mean_with_one_weight_for_all():
    alone, within = lapis.metrics.Mean(), lapis.metrics.Mean()
    alone.update_state([1.0, 5.0], sample_weight=4.0)
    alone.update_state([1.0])
    with real_rows(2, 3):
        within.update_state([1.0, 5.0, 9.0], sample_weight=4.0)
    within.update_state([1.0])
    assert float(within.result()) == float(alone.result())


def _compiled(loss="mse", metrics=("mae", "accuracy"), model=None, **options):
    model = model or lapis.Sequential([lapis.Input((3,)), lapis.layers.Dense(2, activation="sigmoid")])
    model.compile(loss=loss, metrics=list(metrics), optimizer="adam", **options)
    x = np.random.default_rng(0).uniform(size=(4, 3)).astype("float32")
    model.train_on_batch(x, np.eye(4, 2, dtype="float32"))
    return model


def _state(model):
    groups = (model.trainable_variables, model.non_trainable_variables, model.optimizer.variables)
    return tuple([variable.value for variable in group] for group in (*groups, model.metrics_variables))


@pytest.mark.parametrize("weighted", [False, True])
def test_a_training_step(weighted):
    model = _compiled({"a": "mse", "b": "binary_crossentropy"}, (), _two_outputs(), weighted_metrics={"b": ["AUC"]})
    assert counts_real_rows(model)
    rng = np.random.default_rng(1)
    x, y = rng.uniform(size=(5, 3)).astype("float32"), np.eye(5, 2, dtype="float32")
    weight = (rng.uniform(0.5, 2.0, 5).astype("float32"),) if weighted else ()
    batch = (x, {"a": y, "b": y}, *weight)
    state = _state(model)

    @jax.jit
    def padded_step(state, count):
        with real_rows(count, 8):
            return model.train_step(state, jax.tree.map(lambda array: _padded(array, 8), batch))

    expected = model.train_step(state, batch)
    found = padded_step(state, jnp.int32(5))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), found, expected)
    assert float(found[0]["loss"]) != float(padded_step(state, jnp.int32(8))[0]["loss"])


def _two_outputs():
    inputs = lapis.Input((3,))
    outputs = {name: lapis.layers.Dense(2, activation="sigmoid", name=name)(inputs) for name in "ab"}
    model = lapis.Model(inputs, outputs)
    model.train_on_batch = lambda x, y: type(model).train_on_batch(model, x, {"a": y, "b": y})
    return model


def test_what_a_model_may_be_given():
    assert counts_real_rows(_compiled())
    assert counts_real_rows(_compiled(lapis.losses.huber))
    assert counts_real_rows(_compiled("mse", [lapis.metrics.binary_accuracy, "AUC"]))
    assert not counts_real_rows(_compiled(lambda y_true, y_pred: (y_true - y_pred) ** 2))
    assert not counts_real_rows(_compiled("mse", [lambda y_true, y_pred: y_true - y_pred]))
    assert not counts_real_rows(_compiled(lapis.losses.BinaryCrossentropy(axis=0)))
    regularized = [lapis.Input((3,)), lapis.layers.Dense(2, activity_regularizer="l2")]
    assert not counts_real_rows(_compiled(model=lapis.Sequential(regularized)))


def test_an_output_of_one_number_a_row():
    """The losses' mean over the last axis would be one over the batch."""
    inputs = lapis.Input((3,))
    model = lapis.Model(inputs, lapis.ops.sum(lapis.layers.Dense(2)(inputs), axis=-1))
    model.compile(loss="mse", optimizer="sgd")
    model.train_on_batch(np.ones((4, 3)), np.ones(4))
    assert not counts_real_rows(model)


def test_a_step_of_the_users_own_counts_every_row():
    class Mine(lapis.Sequential):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return lapis.ops.sum(y_pred)

    assert not counts_real_rows(_compiled(model=Mine([lapis.Input((3,)), lapis.layers.Dense(2)])))


def test_before_losses_are_matched_with_outputs():
    model = lapis.Sequential([lapis.Input((3,)), lapis.layers.Dense(2)])
    model.compile(loss="mse")
    assert not counts_real_rows(model)
