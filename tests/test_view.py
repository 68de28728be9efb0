"""Tables, pictures and curves of models: the text as Keras prints it, the geometry without overlaps, readable files."""

import itertools
import re
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import lapis
from lapis.view import layout, model_to_dot, plot_history, plot_model
from lapis.view.card import HUES
from lapis.view.drawing import Drawing
from lapis.view.outline import Item, Link, Outline
from lapis.view.picture_layout import lay_out
from tests.oracle import keras

pytestmark = pytest.mark.usefixtures("quick_compilation")


def first_model(k):
    x = img = k.Input((784,), name="img")
    x = k.layers.Dense(64, activation="relu", name="a")(x)
    x = k.layers.Dense(64, activation="relu", name="b")(x)
    return k.Model(img, k.layers.Dense(10, activation="softmax", name="c")(x), name="mnist_model")


def residual(k, blocks=2):
    x = inputs = k.Input((8, 8, 4), name="img")
    for i in range(blocks):
        y = k.layers.Conv2D(4, 3, padding="same", name=f"conv_{i}")(x)
        y = k.layers.BatchNormalization(name=f"norm_{i}")(y)
        x = k.layers.Add(name=f"sum_{i}")([k.layers.ReLU(name=f"relu_{i}")(y), x])
    x = k.layers.GlobalAveragePooling2D(name="pool")(x)
    return k.Model(inputs, k.layers.Dense(3, name="head")(x), name="residual")


def encoder(k):
    inputs = k.Input((6,), name="code")
    hidden = k.layers.Dense(5, name="hidden")(inputs)
    outputs = [k.layers.Dense(2, name="mean")(hidden), k.layers.Dense(2, name="spread")(hidden)]
    return k.Model(inputs, outputs, name="encoder")


def nested(k):
    inner = encoder(k)
    inner.get_layer("mean").trainable = False
    decoder = k.Sequential(
        [k.Input((2,)), k.layers.Dense(4, name="up"), k.layers.Dropout(0.5, name="drop")], name="decoder"
    )
    left, right = k.Input((6,), name="left"), k.Input((6,), name="right")
    (a, b), (c, _) = inner(left), inner(right)
    out = decoder(k.layers.Add(name="sum")([a, b, c]))
    return k.Model([left, right], [out, b], name="nested")


def shared(k):
    dense = k.layers.Dense(4, name="dense")
    a, b = k.Input((4,), name="a"), k.Input((4,), name="b")
    return k.Model([a, b], k.layers.Add(name="sum")([dense(dense(a)), dense(b)]), name="shared")


def stack(k):
    return k.Sequential(
        [k.Input((3,)), k.layers.Dense(4, name="a"), k.layers.Dense(1, use_bias=False, name="b")], name="stack"
    )


def unbuilt(k):
    return k.Sequential([k.layers.Dense(4, name="a"), k.layers.Dense(2, name="b")], name="unbuilt")


def mixed_types(k):
    x = inputs = k.Input((4,), name="x")
    x = k.layers.Dense(8, dtype="float16", name="half")(x)
    return k.Model(inputs, k.layers.Dense(2, dtype="bfloat16", name="brain")(x), name="types")


def table(model, **options):
    lines = []
    model.summary(print_fn=lambda text, **_: lines.append(text), **options)
    return "\n".join(lines)


@pytest.mark.parametrize("columns", [100, 200])
@pytest.mark.parametrize(
    ("make", "options"),
    [
        (first_model, {}),
        (first_model, {"line_length": 70, "positions": [0.4, 0.7, 1.0]}),
        (residual, {}),
        (residual, {"layer_range": ["norm_0", "relu_.*"]}),
        (nested, {}),
        (nested, {"expand_nested": True, "show_trainable": True}),
        (shared, {}),
        (stack, {"show_trainable": True}),
        (unbuilt, {}),
        (mixed_types, {}),
    ],
    ids=lambda x: x.__name__ if callable(x) else "-".join(x),
)
def test_summary_is_that_of_keras(make, options, columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    assert table(make(lapis), **options) == table(make(keras), **options)


def test_summary_counts_the_optimizer(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    tables = []
    for k in (lapis, keras):
        model = stack(k)
        model.compile(optimizer="adam", loss="mse")
        model.fit(np.zeros((4, 3), "float32"), np.zeros((4, 1), "float32"), verbose=0)
        tables.append(table(model))
    assert tables[0] == tables[1]
    assert "Optimizer params" in tables[0]


def test_summary_of_a_subclassed_model(monkeypatch):
    """Its nested models show their shapes, though only its own call has been on data."""
    monkeypatch.setenv("COLUMNS", "100")

    def make(k):
        class Two(k.Model):
            def __init__(self):
                super().__init__(name="two")
                self.a, self.b = k.layers.Dense(3, name="a"), k.layers.Dense(2, name="b")
                x = k.Input((2,), name="x")
                self.c = k.Model(x, k.layers.Dense(5, name="inside")(x), name="c")

            def call(self, x):
                return self.c(self.b(self.a(x)))

        model = Two()
        model(np.zeros((2, 4), "float32"))
        return model

    assert table(make(lapis)) == table(make(keras))


def test_summary_of_several_outputs(capsys):
    class Sums(lapis.layers.Layer):
        def call(self, x):
            return lapis.ops.sum(x, -1), lapis.ops.sum(x, 0)

    class Two(lapis.Model):
        def __init__(self):
            super().__init__()
            self.sums = Sums(name="sums")

        def call(self, x):
            return self.sums(x)[0]

    model = Two()
    model(np.zeros((2, 4), "float32"))
    model.summary()
    assert "((2,), (4,))" in capsys.readouterr().out


def test_summary_prints(capsys):
    first_model(lapis).summary()
    printed = capsys.readouterr().out
    assert "55,050 (215.04 KB)" in printed
    lapis.utils.disable_interactive_logging()
    try:
        first_model(lapis).summary()
    finally:
        lapis.utils.enable_interactive_logging()
    assert capsys.readouterr().out == ""


def test_summary_errors():
    with pytest.raises(ValueError, match="line_length"):
        first_model(lapis).summary(line_length=8)
    with pytest.raises(ValueError, match="matches no layer"):
        first_model(lapis).summary(layer_range=["nobody", "c"])


# Pictures


def opened(path):
    with Image.open(path) as image:
        image.load()
        return image


def overlaps(a, b):
    return a.x < b.x + b.width and b.x < a.x + a.width and a.y < b.y + b.height and b.y < a.y + a.height


def inside(a, b):
    return b.x <= a.x and b.y <= a.y and a.x + a.width <= b.x + b.width and a.y + a.height <= b.y + b.height


def check_geometry(drawing: Drawing, through_allowed: int = 0) -> None:
    """Boxes apart, frames around whole boxes, lines from box to box and through none."""
    boxes = drawing.boxes
    page = type("Page", (), {"x": 0, "y": 0, "width": drawing.width, "height": drawing.height})
    assert all(inside(box, page) for box in boxes)
    assert not [pair for pair in itertools.combinations(boxes, 2) if overlaps(*pair)]
    for frame in drawing.clusters:
        assert all(inside(box, frame) or not overlaps(box, frame) for box in boxes)
        assert all(inside(x, frame) or inside(frame, x) or not overlaps(x, frame) for x in drawing.clusters)
    through = 0
    for edge in drawing.edges:
        for number, (x, y) in ((edge.source, edge.points[0]), (edge.target, edge.points[-1])):
            box = boxes[number]
            assert box.x - 1 <= x <= box.x + box.width + 1
            assert box.y - 1 <= y <= box.y + box.height + 1
        for (x0, y0), (x1, y1) in itertools.pairwise(edge.points):
            for box in boxes:
                through += (
                    min(x0, x1) < box.x + box.width - 1
                    and max(x0, x1) > box.x + 1
                    and min(y0, y1) < box.y + box.height - 1
                    and max(y0, y1) > box.y + 1
                )
    assert through <= through_allowed


def names(drawing):
    return sorted(box.item.layer.name for box in drawing.boxes)


def arrows(drawing):
    named = [box.item.layer.name for box in drawing.boxes]
    return {(named[edge.source], named[edge.target]) for edge in drawing.edges}


@pytest.mark.parametrize("rankdir", ["TB", "LR", "BT", "RL"])
def test_first_model(rankdir):
    drawing = layout(first_model(lapis), rankdir=rankdir, show_shapes=True)
    check_geometry(drawing)
    assert names(drawing) == ["a", "b", "c", "img"]
    assert arrows(drawing) == {("img", "a"), ("a", "b"), ("b", "c")}
    along = [(box.x if rankdir in ("LR", "RL") else box.y) for box in drawing.boxes]
    assert along == sorted(along, reverse=rankdir in ("BT", "RL"))


def test_shared_layer_is_one_box():
    drawing = layout(shared(lapis))
    check_geometry(drawing)
    assert names(drawing) == ["a", "b", "dense", "sum"]
    assert ("dense", "dense") in arrows(drawing)


def test_nested_models_as_boxes_or_frames():
    model = nested(lapis)
    closed = layout(model)
    assert names(closed) == ["decoder", "encoder", "left", "right", "sum"]
    opened = layout(model, expand_nested=True)
    check_geometry(opened)
    assert names(opened) == sorted(
        ["left", "right", "sum", "code", "hidden", "mean", "spread", "up", "drop"]  # a Sequential's input is not shown
    )
    assert {cluster.name for cluster in opened.clusters} == {"encoder", "decoder"}
    assert {("left", "code"), ("right", "code"), ("mean", "sum"), ("spread", "sum"), ("sum", "up")} <= arrows(opened)


def test_a_model_that_feeds_itself():
    block = encoder(lapis)
    inputs = lapis.Input((6,), name="x")
    square = lapis.Model(inputs, lapis.layers.Dense(6, name="square")(inputs), name="square_model")
    x = lapis.Input((6,), name="start")
    model = lapis.Model(x, block(square(square(square(x)))), name="loop")
    for rankdir in ("TB", "LR"):
        drawing = layout(model, expand_nested=True, rankdir=rankdir)
        check_geometry(drawing)
        assert ("square", "x") in arrows(drawing)


def test_a_tensor_inside_a_nested_model():
    model = nested(lapis)
    inner = model.get_tensor("encoder/hidden")
    tapped = lapis.Model(model.inputs, [*model.outputs, lapis.layers.Dense(1, name="probe")(inner)])
    assert ("hidden", "probe") in arrows(layout(tapped, expand_nested=True))
    assert ("encoder", "probe") in arrows(layout(tapped))


def test_operations_are_boxes():
    x = lapis.Input((3,), name="x")
    model = lapis.Model(x, lapis.ops.exp(x * 2.0), name="formula")
    picture = model_to_dot(model)
    titles = [picture.card(box.item).rows[0][0].text for box in picture.drawing.boxes]
    assert titles == ["InputLayer", "Multiply", "Exp"]


def test_subclassed_model_is_one_box():
    class Two(lapis.Model):
        def __init__(self):
            super().__init__(name="two")
            self.dense = lapis.layers.Dense(3)

        def call(self, x):
            return self.dense(x)

    model = Two()
    with pytest.raises(ValueError, match="not built"):
        plot_model(model)
    model(np.zeros((2, 4), "float32"))
    assert names(layout(model)) == ["two"]


def test_a_hundred_layers_are_folded():
    model = residual(lapis, blocks=25)
    drawing = layout(model, show_shapes=True)
    check_geometry(drawing)
    assert len(drawing.boxes) == 103
    assert 0.4 < drawing.width / drawing.height < 2.5


def test_what_the_boxes_say():
    picture = model_to_dot(
        first_model(lapis), show_shapes=True, show_dtype=True, show_layer_activations=True, show_trainable=True
    )
    card = picture.card(picture.drawing.boxes[1].item)
    words = [["->" if word.text is None else word.text for word in row] for row in card.rows]
    assert words == [["Dense", "relu"], ["a"], ["(None, 784)", "->", "(None, 64)"], ["float32", "Trainable"]]
    assert card.family == "core"
    text = picture.to_string()
    assert text.startswith('digraph "mnist_model" {')
    assert "n0 -> n1;" in text
    opened = model_to_dot(nested(lapis), expand_nested=True).to_string()
    assert opened.count("subgraph cluster_") == 2
    assert opened.count("->") >= 8


def test_png_shows_the_boxes(tmp_path):
    model = first_model(lapis)
    drawing = layout(model)
    assert len(drawing.boxes) == 4
    for name, dpi in (("model.png", 96), ("large.png", 192), ("model", 96)):
        assert plot_model(model, tmp_path / name, dpi=dpi) is None
    image = opened(tmp_path / "model.png").convert("RGB")
    assert image.size == (round(drawing.width), round(drawing.height))
    assert opened(tmp_path / "large.png").size == (round(2 * drawing.width), round(2 * drawing.height))
    for box, family in zip(drawing.boxes, ("input", "core", "core", "core"), strict=True):
        corner = image.getpixel((round(box.x) + 6, round(box.y + box.height / 2)))
        assert "#{:02x}{:02x}{:02x}".format(*corner) == HUES[family][0]
    edge = drawing.edges[0].points
    assert image.getpixel((round(edge[0][0]), round((edge[0][1] + edge[-1][1]) / 2))) != (255, 255, 255)
    plot_model(first_model(lapis), tmp_path / "again.png", dpi=96)
    assert (tmp_path / "again.png").read_bytes() == (tmp_path / "model.png").read_bytes()


def test_svg_is_the_same_picture(tmp_path):
    model = nested(lapis)
    plot_model(model, tmp_path / "model.svg", show_shapes=True, expand_nested=True, show_layer_names=True)
    drawing = layout(model, show_shapes=True, expand_nested=True, show_layer_names=True)
    root = ElementTree.parse(tmp_path / "model.svg").getroot()
    space = "{http://www.w3.org/2000/svg}"
    assert float(root.get("width")) == pytest.approx(drawing.width, abs=0.01)
    boxes = [x for x in root.iter(f"{space}rect") if x.get("rx") == "7"]
    assert len(boxes) == len(drawing.boxes)
    assert float(boxes[0].get("x")) == pytest.approx(drawing.boxes[0].x, abs=0.01)
    words = [x.text for x in root.iter(f"{space}text")]
    assert {"encoder", "decoder", "hidden", "(None, 6)"} <= set(words)
    assert len(list(root.iter(f"{space}polygon"))) >= len(drawing.edges)


def test_other_files(tmp_path):
    plot_model(first_model(lapis), tmp_path / "model.dot")
    assert (tmp_path / "model.dot").read_text().startswith("digraph")
    plot_model(first_model(lapis), tmp_path / "model.jpg", dpi=72)
    assert opened(tmp_path / "model.jpg").format == "JPEG"
    with pytest.raises(ValueError, match="names no kind of image"):
        plot_model(first_model(lapis), tmp_path / "model.xyz")


@pytest.mark.parametrize("splines", ["ortho", "curved", "polyline"])
def test_lines_of_every_kind(splines, tmp_path):
    plot_model(residual(lapis), tmp_path / "model.svg", splines=splines)
    assert ElementTree.parse(tmp_path / "model.svg")


def test_options_are_checked():
    model = first_model(lapis)
    with pytest.raises(ValueError, match="rankdir"):
        plot_model(model, rankdir="XY")
    with pytest.raises(ValueError, match="splines"):
        plot_model(model, splines="wavy")
    with pytest.raises(ValueError, match="'colour'"):
        plot_model(model, colour="red")
    with pytest.raises(ValueError, match="not built"):
        plot_model(unbuilt(lapis))


@pytest.mark.parametrize("package", ["PIL", "graphlay"])
def test_missing_packages_are_named(package, monkeypatch, tmp_path):
    for name in [name for name in sys.modules if re.match(rf"{package}(\.|$)", name)]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=r'pip install "lapis\[view\]"'):
        plot_model(first_model(lapis), tmp_path / "model.png")


# Random graphs


class Named:
    def __init__(self, name):
        self.name = name


@st.composite
def outlines(draw, depth=0):
    """An outline as models have them: later layers fed by earlier ones, now and then by themselves."""
    count = draw(st.integers(1, (6 if depth else 14)))
    items = []
    for i in range(count):
        opened = depth < 2 and draw(st.integers(0, 7)) == 0
        items.append(Item(Named(f"{depth}.{i}"), [], draw(outlines(depth + 1)) if opened else None))
    links = {}
    for target in range(1, count):
        for source in draw(st.sets(st.integers(max(0, target - 6), target - 1), min_size=1, max_size=3)):
            link = Link(source, draw(port(items[source], "exits")), target, draw(port(items[target], "entries")))
            links[link] = link
    if draw(st.integers(0, 5)) == 0:
        i = draw(st.integers(0, count - 1))
        links[i] = Link(i, draw(port(items[i], "exits")), i, draw(port(items[i], "entries")))
    some = st.sets(st.integers(0, count - 1), max_size=2)
    entries = [[(i, draw(port(items[i], "entries")))] for i in sorted(draw(some) | {0})]
    exits = [(i, draw(port(items[i], "exits"))) for i in sorted(draw(some) | {count - 1})]
    return Outline("random", items, list(links.values()), entries, exits)


def port(item, side):
    return st.integers(0, len(getattr(item.inner, side)) - 1) if item.inner else st.just(0)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(outlines(), st.sampled_from(["TB", "LR", "BT", "RL"]), st.randoms(use_true_random=False))
def test_no_two_boxes_overlap_in_random_models(outline, rankdir, random):
    sizes = {}

    def size(item):
        return sizes.setdefault(id(item), (random.uniform(60, 300), random.choice([36, 53, 70])))

    check_geometry(lay_out(outline, size, rankdir))


# Curves


def test_curves(tmp_path):
    history = {
        "loss": [1.0, 0.5, float("nan"), 0.2],
        "val_loss": [1.1, 0.7, 0.6, 0.5],
        "accuracy": [0.5, 0.7, 0.8, 0.9],
        "val_accuracy": [0.4, 0.6, 0.7, 0.7],
    }
    plot_history(history, tmp_path / "curve.svg")
    words = [
        x.text for x in ElementTree.parse(tmp_path / "curve.svg").getroot().iter("{http://www.w3.org/2000/svg}text")
    ]
    assert {"loss", "accuracy", "epoch", "training 0.9", "validation 0.5", "1", "4"} <= set(words)
    plot_history(history, tmp_path / "curve.png", dpi=96)
    assert opened(tmp_path / "curve.png").width > 800
    plot_history({"loss": [0.25]}, tmp_path / "one", dpi=96)
    assert opened(tmp_path / "one.png").width > 400
    with pytest.raises(ValueError, match="no values"):
        plot_history({}, tmp_path / "none.png")
