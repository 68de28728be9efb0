"""Distillation against real Keras: losses, training, evaluation; saving and loading; errors."""

import numpy as np
import pytest

import lapis
from lapis.distillation import DistillationLoss, Distiller, FeatureDistillation, LogitsDistillation
from lapis.saving import register_keras_serializable
from tests.descriptors import f32
from tests.oracle import keras

# Keras's own variables answer NumPy in an old way.
pytestmark = [
    pytest.mark.usefixtures("quick_compilation"),
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]

X, Y = f32(48, 4), f32(48, 3, seed=1)
KL = "KLDivergence"


def _net(k, units, seed=0, outputs=1):
    inputs = k.Input((4,))
    hidden = k.layers.Dense(units, activation="tanh", name="hidden")(inputs)
    hidden = k.layers.Dense(5, activation="relu", name="features")(hidden)
    heads = [k.layers.Dense(3, name=f"head{i}")(hidden) for i in range(outputs)]
    model = k.Model(inputs, heads[0] if outputs == 1 else heads)
    model.set_weights([f32(*w.shape, seed=seed + i) for i, w in enumerate(model.weights)])
    return model


def _distiller(k, outputs=1, **options):
    d = k.distillation
    kinds = [getattr(k.losses, KL)()] * outputs
    losses = [d.LogitsDistillation(2.0, kinds[0] if outputs == 1 else kinds)]
    losses.append(d.FeatureDistillation("mse", "features", "features"))
    made = d.Distiller(_net(k, 6, 10, outputs), _net(k, 4, 20, outputs), losses, [1.0, 0.5], **options)
    return made


@pytest.mark.parametrize("loss", [KL, "categorical_crossentropy", "mse", "CategoricalCrossentropy"])
def test_logits_loss_is_that_of_keras(loss):
    teacher, student = f32(6, 3, low=-3, high=3), f32(6, 3, seed=1, low=-3, high=3)
    ours, theirs = (
        k.distillation.LogitsDistillation(
            4.0,
            getattr(k.losses, loss)(**({"from_logits": True} if "Cat" in loss else {})) if loss[0].isupper() else loss,
        )
        for k in (lapis, keras)
    )
    value = ours.compute_loss(teacher, student)
    np.testing.assert_allclose(value, theirs.compute_loss(teacher, student), rtol=1e-6)


def test_default_compares_softened_probabilities():
    teacher, student = f32(6, 3, low=-3, high=3), f32(6, 3, seed=1, low=-3, high=3)
    soft = [np.exp(x / 3.0) / np.exp(x / 3.0).sum(-1, keepdims=True) for x in (teacher, student)]
    expected = 9.0 * np.mean(np.sum(soft[0] * np.log(soft[0] / soft[1]), axis=-1))
    np.testing.assert_allclose(LogitsDistillation().compute_loss(teacher, student), expected, rtol=1e-5)


def test_losses_of_several_outputs():
    teacher, student = [f32(6, 3), f32(6, 2)], [f32(6, 3, seed=1), f32(6, 2, seed=1)]
    values = [
        [
            k.distillation.FeatureDistillation(["mse", "mae"]).compute_loss(teacher, student),
            k.distillation.LogitsDistillation(2.0, ["mse", None]).compute_loss(teacher, student),
        ]
        for k in (lapis, keras)
    ]
    np.testing.assert_allclose(*values, rtol=1e-6)


@pytest.fixture(scope="module")
def trained():
    """Distillers of both libraries after two epochs, with their histories and evaluations."""
    found = []
    for k in (lapis, keras):
        distiller = _distiller(k, student_loss_weight=0.3)
        distiller.compile("sgd", k.losses.MeanSquaredError(), metrics=["mae"])
        before = distiller.teacher.get_weights()
        history = distiller.fit(
            X, Y, batch_size=16, epochs=2, shuffle=False, verbose=0, validation_data=(X[:20], Y[:20])
        )
        found.append((distiller, history.history, distiller.evaluate(X, Y, verbose=0, return_dict=True), before))
    return found


def test_training_is_that_of_keras(trained):
    (ours, history, scores, before), (theirs, other_history, other_scores, _) = trained
    assert sorted(history) == sorted(other_history)
    for name in history:
        np.testing.assert_allclose(history[name], other_history[name], rtol=2e-5, err_msg=name)
    assert sorted(scores) == sorted(other_scores)
    for name in scores:
        np.testing.assert_allclose(scores[name], other_scores[name], rtol=2e-5, err_msg=name)
    for a, b in zip(ours.student.get_weights(), theirs.student.get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    for a, b in zip(ours.teacher.get_weights(), before):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(ours.predict(X, verbose=0), theirs.predict(X, verbose=0), rtol=1e-4, atol=1e-5)


def test_saved_and_loaded(trained, tmp_path):
    distiller = trained[0][0]
    distiller.save(tmp_path / "distiller.keras")
    again = lapis.models.load_model(tmp_path / "distiller.keras")
    np.testing.assert_array_equal(again.predict(X, verbose=0), distiller.predict(X, verbose=0))
    assert again.get_config() == distiller.get_config()
    a, b = (one.evaluate(X, Y, verbose=0, return_dict=True) for one in (again, distiller))
    assert a == pytest.approx(b)
    assert not again.teacher.trainable and again.student_loss_weight == 0.3
    losses = [one.fit(X, Y, shuffle=False, verbose=0).history["loss"] for one in (again, distiller)]
    assert losses[0] == pytest.approx(losses[1])  # with the optimizer's state


def test_files_of_keras(trained, tmp_path):
    theirs = trained[1][0]
    theirs.save(tmp_path / "distiller.keras")
    with pytest.warns(UserWarning, match="which loss"):
        ours = lapis.models.load_model(tmp_path / "distiller.keras")
    np.testing.assert_allclose(ours.predict(X, verbose=0), theirs.predict(X, verbose=0), rtol=1e-5, atol=1e-6)


def test_several_outputs_and_weights():
    distiller = _distiller(lapis, outputs=2)
    distiller.distillation_losses.pop()
    distiller.compile("sgd", ["mse", "mae"])
    weight = np.linspace(0.0, 1.0, 48)
    logs = distiller.evaluate(X, [Y, Y], sample_weight=weight, verbose=0, return_dict=True, batch_size=48)
    one, two = distiller.student.predict(X, verbose=0)
    expected = np.mean(weight * ((one - Y) ** 2).mean(-1)) + np.mean(weight * np.abs(two - Y).mean(-1))
    assert logs["student_loss"] == pytest.approx(expected, rel=1e-5)
    assert logs["loss"] == pytest.approx(0.5 * expected + 0.5 * logs["distillation_loss"], rel=1e-5)


@pytest.mark.parametrize("share, silent", [(0.0, "student_loss"), (1.0, "distillation_loss")])
def test_one_side_alone(share, silent):
    distiller = _distiller(lapis, student_loss_weight=share)
    distiller.compile("sgd", "mse")
    logs = distiller.evaluate(X, Y, verbose=0, return_dict=True, batch_size=48)
    assert logs[silent] == 0.0 and logs["loss"] == pytest.approx(logs["total_loss"])


@register_keras_serializable("tests")
class Gap(DistillationLoss):
    def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
        return lapis.ops.mean(lapis.ops.abs(teacher_outputs - student_outputs))

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls()


class Plain(lapis.Model):
    def __init__(self):
        super().__init__()
        self.dense = lapis.layers.Dense(3)

    def call(self, inputs):
        return self.dense(inputs)


def test_subclasses():
    distiller = Distiller(_net(lapis, 3), Plain(), Gap())
    distiller.compile("sgd", "mse")
    before = distiller.evaluate(X, Y, verbose=0, return_dict=True)["loss"]
    distiller.fit(X, Y, epochs=3, verbose=0)
    assert distiller.evaluate(X, Y, verbose=0, return_dict=True)["loss"] < before
    assert isinstance(Distiller.from_config(_with_graph(Gap()).get_config()).distillation_losses[0], Gap)


def _with_graph(loss):
    return Distiller(_net(lapis, 3), _net(lapis, 2), loss)


def test_errors():
    net, other = _net(lapis, 3), lapis.Sequential([lapis.Input((5,)), lapis.layers.Dense(3)])
    logits = LogitsDistillation()
    for make, words in (
        (lambda: Distiller("teacher", net, logits), "teacher"),
        (lambda: Distiller(net, other, logits), "inputs"),
        (lambda: Distiller(net, net, None), "distillation_losses"),
        (lambda: Distiller(net, net, [logits], [1.0, 2.0]), "distillation_loss_weights"),
        (lambda: Distiller(net, net, logits, student_loss_weight=1.5), "student_loss_weight"),
        (lambda: Distiller(net, net, FeatureDistillation("mse", "nowhere")), "In the teacher"),
        (lambda: Distiller(net, Plain(), FeatureDistillation("mse", None, "dense")), "student"),
        (lambda: LogitsDistillation(temperature=0.0), "temperature"),
        (lambda: LogitsDistillation(loss=[None]), "loss"),
        (lambda: _with_graph(logits).compile("sgd"), "loss"),
        (lambda: _with_graph(logits).compile("sgd", "mse", "mae"), "metrics"),
        (lambda: FeatureDistillation(["mse"]).validate_outputs(X, X), "structure"),
    ):
        with pytest.raises(ValueError, match=words):
            make()
    with pytest.raises(NotImplementedError, match="compute_loss"):
        DistillationLoss().compute_loss(X, X)
