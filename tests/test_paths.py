"""Paths of calls at any depth, and what can be looked at through them."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import lapis
from lapis import layers
from tests.descriptors import f32
from tests.nested_models import MAKERS, four_levels, inputs_of, many_outputs, settle, shared_layers, stack_of_models
from tests.oracle import keras

BLOCK = ["a", "c1", "bn", "c2", "add"]
PATHS = {
    four_levels: [
        "img", "enc", "enc/b",
        "enc/seq", "enc/seq/{}", "enc/seq/block", *(f"enc/seq/block/{name}" for name in BLOCK), "enc/seq/back",
        "enc/seq:1", "enc/seq:1/{}", "enc/seq:1/block", *(f"enc/seq:1/block/{name}" for name in BLOCK),
        "enc/seq:1/back", "enc/gap", "relu", "head",
    ],
    stack_of_models: [
        "{}", "middle", "middle/i", "middle/inner", "middle/inner/{}", "middle/inner/d1", "middle/inner/d2",
        "middle/multiply", "top",
    ],
    shared_layers: [
        "a", "twice", "twice/i", "twice/first", "twice/dense", "dense", "b", "twice:1", "twice:1/i", "twice:1/first",
        "twice:1/dense", "subtract", "dense:1", "both", "sum",
    ],
    many_outputs: [
        "words", "embed", "lstm", "lstm/lstm_cell", "both", "both/forward_gru", "both/forward_gru/gru_cell",
        "both/backward_gru", "both/backward_gru/gru_cell", "mha", "mha/query", "mha/key", "mha/value", "mha/softmax",
        "mha/dropout", "mha/attention_output", "drop", "get_item", "each", "each/dense", "get_item_1",
        "greater", "negative", "power", "where", "multiply", "concatenate",
    ],
}  # fmt: skip


def _shown(path: str) -> str:
    """The path with `{}` for names of inputs that were made up."""
    return "/".join("{}" if name.startswith("input_layer") else name for name in path.split("/"))


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_paths_of_all_calls(make: Any) -> None:
    lapis.ops.add(lapis.Input((1,)), 1.0)  # what was made before the model makes no difference
    make()
    assert [_shown(place.path) for place in make().find("**")] == PATHS[make]


def test_equal_programs_have_equal_paths_after_loading(tmp_path: Any) -> None:
    for make in MAKERS:
        model = make()
        model.save(tmp_path / "model.keras")
        loaded = lapis.models.load_model(tmp_path / "model.keras")
        assert [p.path for p in loaded.find("**")] == [p.path for p in model.find("**")], make.__name__


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("enc/gap", ["enc/gap"]),
        ("*", ["img", "enc", "relu", "head"]),
        ("enc/*", ["enc/b", "enc/seq", "enc/seq:1", "enc/gap"]),
        ("**/c?", ["enc/seq/block/c1", "enc/seq/block/c2", "enc/seq:1/block/c1", "enc/seq:1/block/c2"]),
        ("enc/seq:1/**bn", ["enc/seq:1/block/bn"]),
        ("**head", ["head"]),
        ("nothing", []),
        (layers.Conv2D, [f"enc/seq{call}/{name}" for call in ("", ":1") for name in ("block/c1", "block/c2", "back")]),
        (layers.Dense, ["head"]),
        (lapis.ops.add, ["enc/seq/block/add", "enc/seq:1/block/add"]),
        (lapis.Sequential, ["enc/seq", "enc/seq:1"]),
        (lambda place: place.shape == (None, 2), ["head"]),
    ],
)  # fmt: skip
def test_find(what: Any, expected: list[str]) -> None:
    found = four_levels().find(what)
    assert [place.path for place in found] == expected


def test_find_tells_layer_and_shape() -> None:
    model = four_levels()
    (place,) = model.find("enc/seq/block/c1")
    assert place.layer is model.get_layer("enc/seq/block/c1") and place.shape == (None, 8, 8, 4)
    assert many_outputs().find("lstm")[0].shape == ((None, 5, 3), (None, 3), (None, 3))
    with pytest.raises(TypeError, match="a path, a pattern, a class or a function; got 3"):
        model.find(3)


def _block(x: Any, block: Any) -> Any:
    bn = block.get_layer("bn")
    return bn(block.get_layer("c1")(x)) + block.get_layer("c2")(x)


def test_features_equal_a_count_by_hand() -> None:
    model = settle(four_levels())
    x = inputs_of(model)
    got = model.features(["enc/seq/block/c1", "enc/seq:1/block/add", "enc/seq:1", "**/gap", "relu"]).predict(
        x, verbose=0
    )
    block, back = model.get_layer("enc/seq/block"), model.get_layer("enc/seq/back")
    once = back(_block(x, block))
    again = _block(once, block)
    expected = {
        "enc/seq/block/c1": block.get_layer("c1")(x),
        "enc/seq:1/block/add": again,
        "enc/seq:1": back(again),
        "enc/gap": np.mean(back(again), (1, 2)),
        "relu": np.maximum(np.mean(back(again), (1, 2)), 0),
    }
    assert set(got) == set(expected)
    for path, value in expected.items():
        np.testing.assert_allclose(got[path], value, atol=1e-5, err_msg=path)


def test_features_of_layers_with_several_outputs_and_of_inputs() -> None:
    model = settle(many_outputs())
    x = inputs_of(model)
    got = model.features(["words", "lstm", "get_item"])(x)
    sequence, h, c = model.get_layer("lstm")(model.get_layer("embed")(x))
    np.testing.assert_array_equal(got["words"], x)
    for mine, theirs in zip(got["lstm"], (sequence, h, c), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)
    assert got["get_item"].shape == (3, 2)


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_features_of_everything(make: Any) -> None:
    model = settle(make())
    x = inputs_of(model)
    within = [place for place in model.find("**") if place.node is not None]
    got = model.features([place.path for place in within])(x)
    assert list(got) and set(got) == {place.path for place in within}
    last = [place for place in within if not place.through][-1]
    shapes = lapis.tree.map_structure(lambda a: tuple(a.shape[1:]), got[last.path])
    assert shapes == lapis.tree.map_structure(lambda a: tuple(a.shape[1:]), last.node.outputs)
    np.testing.assert_allclose(
        lapis.tree.flatten(model(x))[0], lapis.tree.flatten(model.features("**")(x) | {"": model(x)})[0], atol=1e-6
    )


class _Counting(layers.Layer):
    """Counts how often it is really called."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.count: list[int] = []

    def call(self, x: Any) -> Any:
        self.count.append(1)
        return x + 1.0


def test_features_compute_nothing_else() -> None:
    early, late, side = _Counting(name="early"), _Counting(name="late"), _Counting(name="side")
    i = lapis.Input((3,))
    inner = lapis.Model(i, late(early(i)) + side(i), name="inner")
    o = lapis.Input((3,))
    model = lapis.Model(o, _Counting(name="after")(inner(o)))
    features = model.features("inner/early")
    for layer in (early, late, side):
        layer.count.clear()
    features.run_eagerly = True
    features(np.ones((2, 3), "float32"))
    assert early.count and not late.count and not side.count


def test_features_share_weights_with_the_model() -> None:
    model = stack_of_models()
    features = model.features("middle/inner/d1")
    before = features(np.ones((1, 6), "float32"))["middle/inner/d1"]
    layer = model.get_layer("middle/inner/d1")
    layer.set_weights([w + 1.0 for w in layer.get_weights()])
    after = features(np.ones((1, 6), "float32"))["middle/inner/d1"]
    assert np.abs(after - before).max() > 0.5


@pytest.mark.parametrize(
    ("make", "paths", "message"),
    [
        (four_levels, "enc/seq/blok/c1", "nothing at the path 'enc/seq/blok/c1'. Did you mean 'enc/seq/block/c1'"),
        (four_levels, "c1", "nothing at the path 'c1'. Did you mean 'enc/seq/block/c1'"),
        (four_levels, ["head", "conv*"], r"nothing at the path 'conv\*'. There are 'img', 'enc'"),
        (many_outputs, "mha/query", "'mha/query' lies inside of a layer that is no graph"),
        (lambda: lapis.Sequential([layers.Dense(2)], name="s"), "dense", "`features` needs a graph of layers, but 's'"),
    ],
)
def test_features_of_what_is_not_there(make: Any, paths: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make().features(paths)


def test_inside_reaches_the_call_that_is_meant() -> None:
    model = settle(four_levels())
    block = model.get_layer("enc/seq/block")
    a, b = lapis.Input((8, 8, 3)), lapis.Input((8, 8, 3))
    block(a)
    second = lapis.surgery.inside(block(b), "c1")
    x = inputs_of(model)
    got = lapis.Model([a, b], second)([np.zeros_like(x), x])
    np.testing.assert_allclose(got, block.get_layer("c1")(x), atol=1e-6)
    with pytest.raises(ValueError, match="`inside` takes what a model that is a graph gave"):
        lapis.surgery.inside(layers.Dense(2)(a), "c1")


def test_tensors_by_path() -> None:
    model = settle(four_levels())
    x = inputs_of(model)
    paths = ["enc/seq:1/block/add", "relu"]
    got = lapis.Model(model.input, [model.get_tensor(path) for path in paths])(x)
    expected = model.features(paths)(x)
    for mine, path in zip(got, paths, strict=True):
        np.testing.assert_allclose(mine, expected[path], atol=1e-6)


def test_an_input_that_nothing_uses_belongs_to_the_model(tmp_path: Any) -> None:
    a, b = lapis.Input((4,), name="a"), lapis.Input((4,), name="b")
    model = lapis.Model([a, b], layers.Dense(2, name="d")(b))
    assert [place.path for place in model.find("*")] == ["a", "b", "d"]
    model.save(tmp_path / "m.keras")
    x = [np.ones((1, 4), "float32"), np.ones((1, 4), "float32")]
    np.testing.assert_array_equal(lapis.models.load_model(tmp_path / "m.keras")(x), model(x))


_PROGRAM = """
import lapis
from tests.descriptors import f32
from tests.nested_models import four_levels
for _ in range({before}):
    four_levels(), lapis.Input((2,)) + 1.0
print([p.path for p in four_levels().find("**") if "input_layer" not in p.path])
"""


def test_paths_are_the_same_in_each_process() -> None:
    programs = [_PROGRAM.format(before=before) for before in (0, 2)]
    run = [subprocess.run([sys.executable, "-c", p], capture_output=True, text=True, check=True) for p in programs]
    assert run[0].stdout == run[1].stdout and "enc/seq:1/block/add" in run[0].stdout


def test_layers_put_on_and_taken_off_one_by_one_have_one_output() -> None:
    for k in (lapis, keras):
        model = k.Sequential()
        for layer in (k.Input((3,)), k.layers.Dense(4, name="a"), k.layers.Dense(5, name="b"), k.layers.Dense(2)):
            model.add(layer)
        features = k.Model(model.inputs, model.get_layer("a").output)
        model.pop()
        model.add(k.layers.Dense(7))
        assert model.predict(f32(2, 3), verbose=0).shape == (2, 7) and features.output_shape == (None, 4)
        assert k.Model(model.inputs, model.layers[-2].output).predict(f32(2, 3), verbose=0).shape == (2, 5)
