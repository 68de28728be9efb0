"""Pictures of models, drawn without any program outside Python."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lapis.view.card import Card, Show, card_of, paint
from lapis.view.dot import to_dot
from lapis.view.drawing import Cluster, Drawing, Edge
from lapis.view.outline import Item, Outline, graph_of, outline
from lapis.view.picture_layout import lay_out
from lapis.view.png import to_image
from lapis.view.surface import Line, Rect, Sheet, Text, arrow_head, rounded, text_width
from lapis.view.svg import to_svg

LINE = "#7f8997"
FRAME = "#c3cad3"
# Nested frames alternate between two tints.
FRAME_FILLS = ("#fcfcfd", "#f5f6f8")
FRAME_INK = "#525c69"
CORNER = 7.0
HEAD = 8.0
DIRECTIONS = ("TB", "BT", "LR", "RL")
LINES = ("ortho", "curved", "spline", "polyline", "line")
UNBUILT = (
    "The model {name!r} has no layers to draw yet because it is not built. Call `model.build(input_shape)`, "
    "or call it on data, then draw it."
)


class Picture:
    """A model's picture: its outline, its geometry, and the files that it can become.

    Attributes:
        outline: the layers and links shown.
        drawing: where every box, frame and line is (made when first asked for).
    """

    def __init__(self, name: str, outline: Outline, show: Show, rankdir: str, splines: str) -> None:
        self.name = name
        self.outline = outline
        self.show = show
        self.rankdir = rankdir
        self.splines = splines
        self._cards: dict[int, Card] = {}
        self._drawing: Drawing | None = None

    def card(self, item: Item) -> Card:
        """What is written in a layer's box."""
        if id(item) not in self._cards:
            self._cards[id(item)] = card_of(item, self.show)
        return self._cards[id(item)]

    @property
    def drawing(self) -> Drawing:
        if self._drawing is None:
            self._drawing = lay_out(self.outline, lambda item: self.card(item).size, self.rankdir)
        return self._drawing

    def to_string(self) -> str:
        """The graph in the DOT language, for other programs; needs no layout."""
        return to_dot(self.name, self.outline, self.card, self.rankdir, self.splines)

    def sheet(self) -> Sheet:
        """The picture as shapes."""
        drawing = self.drawing
        sheet = Sheet(drawing.width, drawing.height, title=self.name)
        for cluster in drawing.clusters:
            frame(sheet, cluster)
        for edge in drawing.edges:
            connect(sheet, edge, self.splines)
        for cluster in drawing.clusters:
            frame_name(sheet, cluster, self.rankdir)
        for box in drawing.boxes:
            paint(sheet, self.card(box.item), box.x, box.y, box.width, box.height)
        return sheet

    def save(self, to_file: str | Path, dpi: float = 200) -> None:
        """Write the picture to a `.png`, `.svg` or `.dot` file, or another kind of image that Pillow can write."""
        path = Path(to_file)
        kind = path.suffix.lower()
        if kind == ".svg":
            path.write_text(to_svg(self.sheet()), encoding="utf-8")
        elif kind == ".dot":
            path.write_text(self.to_string(), encoding="utf-8")
        else:
            save_image(to_image(self.sheet(), dpi), path, dpi)


def save_image(image: Any, path: Path, dpi: float) -> None:
    """Write an image in the format that its file's ending names."""
    try:
        image.save(path, dpi=(dpi, dpi))
    except ValueError:
        raise ValueError(
            f"Cannot write a picture to {str(path)!r}: the ending {path.suffix!r} names no kind of image. "
            "Use .png, .svg, .dot, .jpg, .webp or .pdf."
        ) from None


def model_to_dot(
    model: Any,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> Picture:
    """The picture of a model as an object.

    Its `to_string()` is DOT text, its `drawing` the geometry, and `save(file)` writes it.

    Args:
        model: a built model. One without a graph of layers (a subclassed model) becomes a single box.
        show_shapes: whether to write the input and output shapes.
        show_dtype: whether to write the output dtype.
        show_layer_names: whether to write the layers' names.
        rankdir: the way in which the data runs: "TB" (down), "BT", "LR" or "RL".
        expand_nested: whether to open nested models into frames.
        dpi: kept for Keras's signature; the resolution is given to `save`.
        subgraph: kept for Keras's signature; nested models are drawn by `expand_nested`.
        show_layer_activations: whether to write the activations of the layers that have one.
        show_trainable: whether to say if a layer with weights is trainable.
        splines: how lines run: "ortho" (right angles), "curved" or "spline", "polyline" or "line".

    Raises:
        ValueError: a model that is not built, or an option that is not known.

    >>> import lapis as keras
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)], name="small")
    >>> print(keras.utils.model_to_dot(model).to_string().splitlines()[0])
    digraph "small" {
    """
    del dpi, subgraph
    if kwargs:
        raise ValueError(f"`plot_model` and `model_to_dot` know no option {', '.join(map(repr, sorted(kwargs)))}.")
    if rankdir not in DIRECTIONS:
        raise ValueError(f"`rankdir` must be one of {', '.join(map(repr, DIRECTIONS))}; got {rankdir!r}.")
    if splines not in LINES:
        raise ValueError(f"`splines` must be one of {', '.join(map(repr, LINES))}; got {splines!r}.")
    if not getattr(model, "built", False):
        raise ValueError(UNBUILT.format(name=model.name))
    show = Show(show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable)
    if graph_of(model) is None:
        shown = Outline(model.name, [Item(model)], [], [], [])
    else:
        shown = outline(model, expand_nested)
    return Picture(model.name, shown, show, rankdir, splines)


def plot_model(
    model: Any,
    to_file: str | Path = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> Any:
    """Draw a model into a file, with no graphviz and no system package.

    A picture that would be very long is folded into columns (or rows, when the data runs sideways).

    Args:
        model: a built model.
        to_file: where to write; the ending says what: `.png` (also without ending), `.svg`, `.dot`, `.jpg`, `.pdf`.
        show_shapes: whether to write the input and output shapes.
        show_dtype: whether to write the output dtype.
        show_layer_names: whether to write the layers' names.
        rankdir: the way in which the data runs: "TB" (down), "BT", "LR" or "RL".
        expand_nested: whether to open nested models into frames.
        dpi: pixels to the inch of a `.png`.
        show_layer_activations: whether to write the activations of the layers that have one.
        show_trainable: whether to say if a layer with weights is trainable.
        splines: how lines run: "ortho" (right angles), "curved" or "spline", "polyline" or "line".

    Returns:
        The picture for display inside a notebook, `None` elsewhere.

    Raises:
        ImportError: Pillow or graphlay is not installed.
        ValueError: a model that is not built, or an option that is not known.
    """
    picture = model_to_dot(
        model,
        show_shapes=show_shapes,
        show_dtype=show_dtype,
        show_layer_names=show_layer_names,
        rankdir=rankdir,
        expand_nested=expand_nested,
        show_layer_activations=show_layer_activations,
        show_trainable=show_trainable,
        splines=splines,
        **kwargs,
    )
    path = Path(to_file)
    if not path.suffix:
        path = path.with_name(path.name + ".png")
    picture.save(path, dpi)
    return notebook_image(path)


def layout(model: Any, **options: Any) -> Drawing:
    """The geometry of a model's picture, with `plot_model`'s options."""
    return model_to_dot(model, **{"show_layer_names": False, **options}).drawing


def notebook_image(path: Path) -> Any:
    """The file as something that a notebook displays, if this runs in one."""
    display: Any = sys.modules.get("IPython.display")
    if display is None or path.suffix.lower() not in (".png", ".jpg", ".jpeg", ".svg"):
        return None
    kind: Callable = display.SVG if path.suffix.lower() == ".svg" else display.Image
    return kind(filename=str(path))


def frame(sheet: Sheet, cluster: Cluster) -> None:
    fill = FRAME_FILLS[cluster.depth % 2]
    sheet.add(Rect(cluster.x, cluster.y, cluster.width, cluster.height, fill, FRAME, 1.2, 10))


def frame_name(sheet: Sheet, cluster: Cluster, rankdir: str) -> None:
    """The nested model's name in a corner of its frame, on its own ground so that lines pass behind it."""
    middle = cluster.y + (cluster.height - 15 if rankdir == "BT" else 15)
    width = text_width(cluster.name, 12, bold=True)
    fill = FRAME_FILLS[cluster.depth % 2]
    sheet.add(Rect(cluster.x + 8, middle - 9, width + 8, 18, fill))
    sheet.add(Text(cluster.x + 12, middle, cluster.name, 12, FRAME_INK, bold=True))


def connect(sheet: Sheet, edge: Edge, splines: str) -> None:
    """A line with its head."""
    points = edge.points
    if len(points) < 2:
        return
    if splines in ("curved", "spline"):
        sheet.add(Line(tuple(rounded(points, 28)), LINE, 1.4))
    else:
        sheet.add(Line(points, LINE, 1.4, CORNER if splines == "ortho" else 0.0))
    sheet.add(arrow_head(points[-1], points[-2], HEAD, LINE))
