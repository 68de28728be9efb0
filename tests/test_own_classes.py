"""Users' classes of models: saved, loaded and cloned, with what else their constructors take; steps written wrongly."""

import numpy as np
import pytest

import lapis
from lapis import layers
from tests.descriptors import f32
from tests.oracle import keras

pytestmark = [
    pytest.mark.usefixtures("quick_compilation"),
    pytest.mark.filterwarnings("ignore:__array__ implementation"),  # Keras's own, with NumPy 2
]


class Plain(lapis.Model):
    """Only methods of its own, as those who override `train_step` write."""

    def double(self):
        return self(np.ones((1, 3))) * 2


class HandsOn(Plain):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.tracker = lapis.metrics.Mean()


class Settled(Plain):
    def __init__(self, inputs, outputs, factor=1.0, penalty=None, name=None):
        super().__init__(inputs, outputs, name=name)
        self.factor, self.penalty = factor, penalty


class WritesItself(Plain):
    def __init__(self, inputs, outputs, penalty=None, **kwargs):
        super().__init__(inputs, outputs, **kwargs)
        self.penalty = lapis.regularizers.get(penalty)

    def get_config(self):
        return {**super().get_config(), "penalty": lapis.regularizers.serialize(self.penalty)}


class MakesItself(Plain):
    def __init__(self, units=2, **kwargs):
        i = lapis.Input((3,))
        super().__init__(i, layers.Dense(units)(i), **kwargs)


@pytest.mark.parametrize(
    ("cls", "settings"),
    [
        (Plain, {}),
        (HandsOn, {}),
        (Settled, {"factor": 3.0, "penalty": lapis.regularizers.L2(0.25)}),
        (WritesItself, {"penalty": lapis.regularizers.L2(0.25)}),
        (MakesItself, {"units": 5}),
    ],
)
def test_users_classes_of_graphs_are_saved_and_cloned(tmp_path, cls, settings) -> None:
    i = lapis.Input((3,))
    graph = () if cls is MakesItself else (i, layers.Dense(2)(i))
    model = cls(*graph, name="own", **settings)
    model.save(tmp_path / "m.keras")
    loaded = lapis.models.load_model(tmp_path / "m.keras", custom_objects={cls.__name__: cls})
    copies = [loaded, cls.from_config(model.get_config()), lapis.models.clone_model(model)]
    np.testing.assert_array_equal(loaded.double(), model.double())
    for copied in copies:
        assert copied.name == "own" and copied.output_shape == model.output_shape
        # Who makes the graph himself cannot be given the copied one.
        assert isinstance(copied, cls) or (cls is MakesItself and copied is copies[-1])
        assert getattr(copied, "factor", 1.0) == settings.get("factor", 1.0)
        if "penalty" in settings:
            assert copied.penalty.l2 == 0.25
    model.trainable = False
    assert not cls.from_config(model.get_config()).trainable


def test_a_class_of_the_users_is_read_from_keras_s_file(tmp_path) -> None:
    theirs = type("Plain", (keras.Model,), {})
    x = keras.Input((3,))
    model = theirs(x, keras.layers.Dense(2)(x))
    model.save(tmp_path / "m.keras")
    loaded = lapis.models.load_model(tmp_path / "m.keras", custom_objects={"Plain": Plain})
    assert isinstance(loaded, Plain)
    np.testing.assert_allclose(loaded(f32(4, 3)), model(f32(4, 3)), atol=1e-6)


class Stack(lapis.Sequential):
    def __init__(self, units=2, **kwargs):
        super().__init__([lapis.Input((3,)), layers.Dense(units), layers.Dense(1)], **kwargs)


def test_a_stack_that_makes_its_layers_is_saved(tmp_path) -> None:
    model = Stack(5, name="own")
    model.save(tmp_path / "m.keras")
    loaded = lapis.models.load_model(tmp_path / "m.keras", custom_objects={"Stack": Stack})
    assert isinstance(loaded, Stack) and loaded.name == "own"
    np.testing.assert_array_equal(loaded(f32(4, 3)), model(f32(4, 3)))
    assert type(lapis.models.clone_model(model)) is lapis.Sequential


def own_loss(y_true, y_pred):
    return (y_true - y_pred) ** 2


@pytest.mark.parametrize("loss", ["mse", own_loss, lapis.losses.Huber(2.0)])
def test_a_clone_is_compiled_likewise(loss) -> None:
    def make(k):
        model = k.Sequential([k.Input((3,)), k.layers.Dense(1)])
        given = loss if callable(loss) and k is lapis else "mse"
        model.compile(k.optimizers.Adam(0.25), given, metrics=["mae", k.metrics.MeanSquaredError(name="error")])
        model.fit(f32(8, 3), f32(8, 1), verbose=0)
        return model, k.models.clone_model(model)

    for model, clone in (make(lapis), make(keras)):
        assert clone.compiled and float(clone.optimizer.learning_rate) == 0.25
        assert int(clone.optimizer.iterations) == 0 and int(model.optimizer.iterations) == 1
        assert list(clone.fit(f32(8, 3), f32(8, 1), verbose=0).history) == ["error", "loss", "mae"]
        assert int(clone.optimizer.iterations) == 1 == int(model.optimizer.iterations)


@pytest.mark.parametrize("kind", ["functional", "with input", "without input"])
def test_layers_thawed_in_a_frozen_base_stay_so(tmp_path, kind) -> None:
    def make(k):
        i, stack = k.Input((3,)), [k.layers.Dense(2, name="a"), k.layers.Dense(2, name="b")]
        if kind == "functional":
            base = k.Model(i, stack[1](stack[0](i)), name="base")
        else:
            base = k.Sequential([i, *stack] if kind == "with input" else stack, name="base")
        model = k.Sequential([k.Input((3,)), base, k.layers.Dense(1, name="head")])
        base.trainable = False
        base.get_layer("b").trainable = True
        return model

    ours, theirs = make(lapis), make(keras)
    ours.compile("adam", "mse")
    ours.fit(f32(8, 3), f32(8, 1), verbose=0)
    ours.save(tmp_path / "m.keras")
    theirs.save(tmp_path / "theirs.keras")
    loaded = lapis.models.load_model(tmp_path / "m.keras")
    of_keras = lapis.models.load_model(tmp_path / "theirs.keras")
    assert [v.path for v in loaded.optimizer.variables] == [v.path for v in ours.optimizer.variables]
    for model in (theirs, keras.models.clone_model(theirs), of_keras):
        assert [v.path.split("/")[-2] for v in model.trainable_variables] == ["b", "b", "head", "head"]
    for model in (ours, lapis.models.clone_model(ours), loaded):
        assert [v.path.split("/")[-2] for v in model.trainable_variables] == ["b", "b", "head", "head"]
        assert not model.get_layer("base").trainable  # which Keras does not keep of a Sequential


WRONG_STEPS = {
    "of TensorFlow": ("fit", "train_step", lambda self, data: {"loss": 0.0}, TypeError, r"train_step takes \(data\)"),
    "logs alone": ("fit", "train_step", lambda self, state, data: {"loss": 0.0}, TypeError, "returned a dict of 1"),
    "a part of the state": (
        "fit",
        "train_step",
        lambda self, state, data: ({"loss": 0.0}, state[:3]),
        ValueError,
        r"a state of 3 groups of \[2, 0, 2\] values; expected as many as it got, \[2, 0, 2, 2\]",
    ),
    "the state of training": (
        "evaluate",
        "test_step",
        lambda self, state, data: ({"loss": 0.0}, (*state, [])),
        ValueError,
        "expected as many as it got.*: trainable, non-trainable, metrics variables",
    ),
    "outputs alone": ("predict", "predict_step", lambda self, state, data: 1.0, TypeError, "returned a float"),
}


@pytest.mark.parametrize("eagerly", [False, True])
@pytest.mark.parametrize(("method", "step", "function", "error", "words"), WRONG_STEPS.values(), ids=WRONG_STEPS)
def test_what_is_wrong_with_a_step_is_told(method, step, function, error, words, eagerly) -> None:
    i = lapis.Input((3,))
    model = type("Own", (lapis.Model,), {step: function})(i, layers.Dense(1)(i))
    model.compile("sgd", "mse", run_eagerly=eagerly)
    data = (f32(4, 3),) if method == "predict" else (f32(4, 3), f32(4, 1))
    with pytest.raises(error, match=words):
        getattr(model, method)(*data, verbose=0)


def test_a_call_without_return_is_told() -> None:
    class Forgetful(lapis.Model):
        def call(self, x):
            x + 1.0

    model = Forgetful()
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="let its `call` return the outputs"):
        model.fit(f32(4, 3), f32(4, 3), verbose=0)


def test_a_step_of_ones_own_after_thawing_tells_what_to_do() -> None:
    i = lapis.Input((3,))
    step = {"train_step": lambda self, state, data: lapis.Model.train_step(self, state, data)}
    model = type("Own", (lapis.Model,), step)(
        i, layers.Dense(1, name="b")(layers.Dense(2, name="a", trainable=False)(i))
    )
    model.compile("sgd", "mse")
    model.fit(f32(4, 3), f32(4, 1), verbose=0)
    model.get_layer("a").trainable = True
    with pytest.raises(ValueError, match=r"built with 2 trainable_variables; got 4.*as compile\(\) does"):
        model.fit(f32(4, 3), f32(4, 1), verbose=0)
