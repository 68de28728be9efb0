"""Models changed by path: which layers the new one has, what it computes, and which weights it keeps."""

import threading
from typing import Any

import numpy as np
import pytest

import lapis
from lapis import layers
from tests.nested_models import MAKERS, four_levels, inputs_of, many_outputs, settle, shared_layers, stack_of_models


def _close(a: Any, b: Any, atol: float = 1e-5) -> None:
    for x, y in zip(lapis.tree.flatten(a), lapis.tree.flatten(b), strict=True):
        np.testing.assert_allclose(x, y, atol=atol)


def _paths(model: Any) -> list[str]:
    return [place.path for place in model.find("**")]


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_no_edit_gives_an_independent_equal_model(make: Any) -> None:
    model = settle(make())
    x = inputs_of(model)
    before = model(x)
    editor = model.edit()
    new = editor.build()
    assert type(new) is type(model) and not new.compiled
    assert _paths(new) == _paths(model) and new.graph_hash() == model.graph_hash()
    assert len(editor.report.kept) == len(model.weights) and not editor.report.new and not editor.report.dropped
    _close(new(x), before, 0.0)
    assert not {id(layer) for layer in new._flatten_layers()} & {id(layer) for layer in model._flatten_layers()}
    for weight in new.weights:
        weight.assign(weight.value + 1.0)
    _close(model(x), before, 0.0)


def _mlp() -> Any:
    i = lapis.Input((4,), name="i")
    a = layers.Dense(3, name="a")(i)
    b = layers.Dense(3, "relu", name="b")(a)
    return settle(lapis.Model(i, layers.Dense(2, name="c")(a + b), name="mlp"))


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def _dense(model: Any, name: str) -> Any:
    kernel, bias = (w.astype("float64") for w in model.get_layer(name).get_weights())
    return lambda x: x @ kernel + bias


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (lambda e: e.insert(lapis.ops.tanh, after="a"), lambda a, b, c, x: c((t := np.tanh(a(x))) + relu(b(t)))),
        (lambda e: e.insert(lapis.ops.tanh, before="b"), lambda a, b, c, x: c(a(x) + np.maximum(b(np.tanh(a(x))), 0))),
        (lambda e: e.insert(layers.ReLU(), before="add", index=0), lambda a, b, c, x: c(relu(a(x)) + relu(b(a(x))))),
        (lambda e: e.insert(layers.Rescaling(2.0), after="i"), lambda a, b, c, x: c(a(2 * x) + relu(b(a(2 * x))))),
        (lambda e: e.insert(layers.Rescaling(2.0), after="c"), lambda a, b, c, x: 2 * c(a(x) + relu(b(a(x))))),
        (lambda e: e.remove("b"), lambda a, b, c, x: c(a(x) + a(x))),
        (lambda e: e.remove("c"), lambda a, b, c, x: a(x) + relu(b(a(x)))),
        (lambda e: e.replace("add", lapis.ops.multiply), lambda a, b, c, x: c(a(x) * relu(b(a(x))))),
        (lambda e: e.replace("add", layers.Maximum()), lambda a, b, c, x: c(np.maximum(a(x), relu(b(a(x)))))),
        (lambda e: e.replace("b", layers.Dense(3)), lambda a, b, c, x: c(a(x) + b(a(x)))),
        (lambda e: e.replace("b", lapis.ops.abs), lambda a, b, c, x: c(a(x) + np.abs(a(x)))),
        (lambda e: e.rewire("c", input="a"), lambda a, b, c, x: c(a(x))),
        (lambda e: e.rewire("add", input="b", index=0), lambda a, b, c, x: c(2 * relu(b(a(x))))),
        (
            lambda e: e.insert(layers.ReLU(name="new"), after="a").remove("b").rewire("add", input="a", index=0),
            lambda a, b, c, x: c(a(x) + a(x)),
        ),
        (
            lambda e: (
                e.insert(layers.ReLU(name="new"), after="a")
                .insert(lapis.ops.tanh, after="new")
                .rewire("c", input="new")
            ),
            lambda a, b, c, x: c(relu(a(x))),
        ),
    ],
)  # fmt: skip
def test_edits_compute_what_they_say(edit: Any, expected: Any) -> None:
    model = _mlp()
    x = inputs_of(model).astype("float64")
    before = _paths(model)
    new = edit(model.edit()).build()
    _close(new(x), expected(*(_dense(model, name) for name in "abc"), x))
    assert _paths(model) == before


def test_layers_that_meet_other_shapes_are_made_anew() -> None:
    model = _mlp()
    editor = model.edit().replace("a", layers.Dense(5)).replace("b", layers.Dense(5, "relu"))
    new = editor.build()
    assert [w.shape for w in new.weights] == [(4, 5), (5,), (5, 5), (5,), (5, 2), (2,)]
    assert editor.report.kept == ["c/bias"]
    assert editor.report.new == ["a/kernel", "a/bias", "b/kernel", "b/bias", "c/kernel"]
    assert editor.report.dropped == ["a/kernel", "a/bias", "b/kernel", "b/bias", "c/kernel"]
    np.testing.assert_array_equal(new.get_layer("c").get_weights()[1], model.get_layer("c").get_weights()[1])


@pytest.mark.parametrize(("keep", "kept"), [(True, 6), (False, 4)])
def test_a_layer_put_in_takes_over_weights_if_wanted(keep: bool, kept: int) -> None:
    model = _mlp()
    editor = model.edit().replace("c", layers.Dense(2, "softmax"), keep_weights=keep)
    new = editor.build()
    assert len(editor.report.kept) == kept
    assert keep == np.array_equal(new.get_layer("c").get_weights()[0], model.get_layer("c").get_weights()[0])


def test_a_built_layer_put_in_keeps_its_own_weights() -> None:
    model, head = _mlp(), layers.Dense(2, name="mine")
    head.build((None, 3))
    own = head.get_weights()
    new = model.edit().replace("c", head).build()
    assert new.get_layer("mine") is head
    _close(head.get_weights(), own, 0.0)


def test_edits_inside_of_nested_models_reach_every_use() -> None:
    model = settle(four_levels())
    x = inputs_of(model)
    editor = model.edit().insert(layers.ReLU(name="act"), after="enc/seq/block/bn")
    new = editor.replace("enc/seq:1/block/c2", lambda x: x[..., :1]).build()
    assert "enc/seq/block/act" in _paths(new) and "enc/seq:1/block/act" in _paths(new)
    assert not any(path.endswith("/c2") for path in _paths(new))
    assert isinstance(new.get_layer("enc/seq"), lapis.Sequential)
    block, back = model.get_layer("enc/seq/block"), model.get_layer("enc/seq/back")

    def again(x: Any) -> Any:
        return back(np.maximum(block.get_layer("bn")(block.get_layer("c1")(x)), 0) + x[..., :1])

    _close(new(x), model.get_layer("head")(lapis.ops.relu(np.mean(again(again(x)), (1, 2)))))


@pytest.mark.parametrize(
    ("edit", "classes"),
    [
        (lambda e: e.insert(layers.Dropout(0.5), after="middle/inner/d1"), (lapis.Sequential, lapis.Sequential)),
        (lambda e: e.remove("middle/inner/d2"), (lapis.Sequential, lapis.Sequential)),
        (lambda e: e.insert(lapis.ops.tanh, after="middle/inner/d1"), (lapis.Sequential, lapis.models.Functional)),
        (lambda e: e.insert(lapis.ops.tanh, after="top"), (lapis.models.Functional, lapis.Sequential)),
    ],
)
def test_a_stack_stays_one_where_it_can(edit: Any, classes: tuple) -> None:
    model = stack_of_models()
    new = edit(model.edit()).build()
    assert (type(new), type(new.get_layer("middle/inner"))) == classes
    assert new(inputs_of(new)).shape == (3, 3)


def test_shared_layers_stay_shared() -> None:
    model = settle(shared_layers())
    x = inputs_of(model)
    new = model.edit().build()
    assert new.get_layer("dense") is new.get_layer("twice/dense")
    assert len(new.weights) == len(model.weights) == 4
    everywhere = model.edit().replace("dense", layers.Dense(4, "relu")).build()
    assert [p.path for p in everywhere.find("**dense*")] == ["twice/dense", "dense", "twice:1/dense", "dense:1"]
    assert everywhere.get_layer("dense").activation is lapis.activations.relu
    assert everywhere.get_layer("twice/dense") is everywhere.get_layer("dense") and len(everywhere.weights) == 4
    one = model.edit().replace("dense:1", layers.Dense(4, name="other")).build()
    assert {p.path for p in one.find("*")} >= {"dense", "other"} and len(one.weights) == 6
    assert one.get_layer("dense") is one.get_layer("twice/dense")
    with pytest.raises(
        ValueError, match="'dense' is called 2 times; say which call is meant, from 'dense:0' to 'dense:1'"
    ):
        model.edit().rewire("both", input="dense", index=0)
    wired = model.edit().rewire("both", input="dense:0", index=1).build()
    both = lapis.tree.flatten(wired(x))[0]
    _close(both[:, :4], both[:, 4:], 0.0)


def test_a_layer_of_the_model_may_be_used_again() -> None:
    model = _mlp()
    x = inputs_of(model)
    new = model.edit().insert(model.get_layer("b"), after="b").build()
    b = model.get_layer("b")
    h = model.get_layer("a")(x)
    _close(new(x), model.get_layer("c")(h + b(b(h))))
    assert new.get_layer("b") is not b and len(new.weights) == len(model.weights)


def test_taps_into_nested_models_follow_the_edits() -> None:
    model = settle(stack_of_models())
    features = model.features(["middle/inner/d1", "top"])
    new = features.edit().insert(layers.Rescaling(3.0, name="times"), after="middle/inner/d1").build()
    x = inputs_of(model)
    got, before = new(x), features(x)
    _close(got["middle/inner/d1"], 3.0 * before["middle/inner/d1"])
    assert np.abs(got["top"] - before["top"]).max() > 1e-3


def test_training_goes_on_with_the_new_model() -> None:
    model = settle(four_levels())
    new = model.edit().insert(layers.Dropout(0.1), after="enc/seq/block/c1").build()
    new.compile("adam", "mse")
    before = [w.numpy() for w in model.weights]
    new.fit(inputs_of(new, 8), np.zeros((8, 2), "float32"), batch_size=4, verbose=0)
    _close([w.numpy() for w in model.weights], before, 0.0)


def test_edited_models_save_and_load(tmp_path: Any) -> None:
    model = settle(many_outputs())
    new = model.edit().insert(layers.LayerNormalization(), after="lstm", index=0).remove("drop").build()
    new.save(tmp_path / "m.keras")
    x = inputs_of(model)
    _close(lapis.models.load_model(tmp_path / "m.keras")(x), new(x))


def test_layers_with_nameless_functions_and_frozen_layers_are_copied() -> None:
    i = lapis.Input((3,))
    model = lapis.Sequential([i, layers.Lambda(lambda x: x * 2.0), layers.Dense(2, lambda x: x + 1.0, name="d")])
    model.get_layer("d").trainable = False
    new = model.edit().build()
    _close(new(np.ones((1, 3))), model(np.ones((1, 3))), 0.0)
    assert not new.get_layer("d").trainable and new.trainable and not new.trainable_weights


def test_layers_on_strings_and_with_what_cannot_be_copied() -> None:
    class Locked(layers.Dense):
        def __init__(self, units: int, **kwargs: Any) -> None:
            super().__init__(units, **kwargs)
            self.lock = threading.Lock()

    i = lapis.Input((), dtype="string")
    words = layers.TextVectorization(max_tokens=8, output_sequence_length=3, name="words")
    words.adapt(["a b c", "b c", "c"])
    h = layers.GlobalAveragePooling1D()(layers.Embedding(8, 4)(words(i)))
    model = lapis.Model(i, Locked(2, name="locked")(h))
    editor = model.edit()
    new = editor.build()
    data = np.array(["c b x", "a"])
    _close(new.predict(data, verbose=0), model.predict(data, verbose=0), 0.0)
    assert len(editor.report.kept) == 3 and new.get_layer("words").get_vocabulary() == words.get_vocabulary()


def test_an_edit_that_fails_leaves_the_editor_as_it_was() -> None:
    model = _mlp()
    editor = model.edit()
    with pytest.raises(ValueError, match="circle"):
        editor.rewire("a", input="c")
    assert editor.build().graph_hash() == model.graph_hash()


class Scaled(lapis.Model):
    """A functional model of the user's with a step of its own."""

    def train_step(self, state: Any, data: Any) -> Any:
        return super().train_step(state, data)


def test_the_class_of_the_model_is_kept() -> None:
    i = lapis.Input((3,))
    model = Scaled(i, layers.Dense(2, name="d")(i), name="mine")
    new = model.edit().insert(layers.ReLU(), after="d").build()
    assert type(new).__name__ == "Scaled" and isinstance(new, Scaled) and new.name == "mine"


@pytest.mark.parametrize(
    ("make", "edit", "message"),
    [
        (_mlp, lambda e: e.remove("d"), "nothing at the path 'd'. There are 'i', 'a', 'b', 'add', 'c'"),
        (four_levels, lambda e: e.remove("enc/sek/block"), "nothing at the path 'enc/sek'. Did you mean 'enc/seq'"),
        (four_levels, lambda e: e.remove("enc/seq/block/c3"), "Did you mean 'enc/seq/block/c2'"),
        (four_levels, lambda e: e.remove("head/kernel"), "'head' is a Dense, no model that is a graph, so"),
        (_mlp, lambda e: e.remove("add"), "'add' has 2 inputs and 1 outputs, so it is not clear what is to take its"),
        (_mlp, lambda e: e.remove("i"), "'i' is an input of the model and cannot be removed"),
        (_mlp, lambda e: e.replace("i", layers.ReLU()), "'i' is an input of the model; make a new model to change it"),
        (_mlp, lambda e: e.insert(layers.ReLU(), before="i"), "Nothing comes before the input 'i'"),
        (_mlp, lambda e: e.insert(layers.ReLU()), "takes either `after=` or `before=`"),
        (_mlp, lambda e: e.insert(layers.ReLU(), before="add"), "'add' has 2 inputs; say which with `index=`"),
        (_mlp, lambda e: e.insert(layers.ReLU(), before="add", index=2), "'add' has 2 inputs; there is no number 2"),
        (_mlp, lambda e: e.insert(layers.ReLU(name="b"), after="a"), "already has a layer named 'b'; give the new one"),
        (_mlp, lambda e: e.rewire("a", input="c"), "run in a circle: a <- c <- add <- a"),
        (_mlp, lambda e: e.rewire("b", input="b"), "run in a circle: b <- b"),
        (_mlp, lambda e: e.rewire("b", input="x"), "nothing at the path 'x'"),
        (four_levels, lambda e: e.rewire("enc/gap", input="img"), "'img' lies outside of 'enc', whose layers can only"),
        (
            _mlp,
            lambda e: e.replace("a", layers.Dense(7)).build(),
            r"'add' cannot be called on what it gets, of shapes \[\(None, 7\), \(None, 3\)\]",
        ),
        (
            _mlp,
            lambda e: e.insert(layers.Conv2D(3, 3), after="a").build(),
            r"'conv2d\w*' cannot be called on what it gets, of shapes \[\(None, 3\)\]",
        ),
        (many_outputs, lambda e: e.replace("lstm", layers.LSTM(3)).build(), "'lstm' must give 3 tensors, as what was"),
        (lambda: lapis.Sequential([layers.Dense(2)], name="s"), lambda e: e, "`edit` needs a graph of layers, but 's'"),
    ],
)  # fmt: skip
def test_mistakes(make: Any, edit: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        edit(make().edit())


def test_what_cannot_be_put_in() -> None:
    with pytest.raises(TypeError, match="A layer or a function can be put into a model; got <class"):
        _mlp().edit().replace("a", layers.Dense)
