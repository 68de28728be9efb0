"""A layer's box: what is written in it, how large it is, and how it is painted."""

from dataclasses import dataclass, field
from typing import Any

from lapis.view.outline import Item, call_dtypes, call_shapes, flat_text, is_input
from lapis.view.surface import Line, Rect, Sheet, Text, arrow_head, text_width

TITLE_SIZE = 14.0
SMALL_SIZE = 12.0
TITLE_HEIGHT = 20.0
ROW_HEIGHT = 17.0
PADDING_X = 14.0
PADDING_Y = 8.0
GAP = 7.0
ARROW = 26.0
LEAST_WIDTH = 76.0
# Shapes longer than this stand below one another instead of beside.
LONGEST_ROW = 260.0

# fill, border, accent: one calm hue for each family of layers.
HUES = {
    "input": ("#f1f3f5", "#adb5bd", "#495057"),
    "core": ("#e9f1fc", "#9dbfe8", "#2b67b1"),
    "conv": ("#e6f4f3", "#8fcac4", "#147a70"),
    "pooling": ("#edf6e7", "#b0d39a", "#4c8a2a"),
    "normalization": ("#f2effb", "#bfb2e6", "#6549b6"),
    "rnn": ("#fbeef6", "#e0abcd", "#a8387f"),
    "attention": ("#fdeff0", "#ecb0b4", "#b83a45"),
    "merging": ("#fff2e3", "#efc188", "#ad6708"),
    "activation": ("#fdf7dd", "#e2cd7a", "#8a7205"),
    "regularization": ("#f4f1ee", "#cdbfb2", "#7a6450"),
    "reshaping": ("#f0f4f7", "#b5c5d1", "#4a6577"),
    "preprocessing": ("#f0f4f7", "#b5c5d1", "#4a6577"),
    "model": ("#ffffff", "#7c8794", "#39424e"),
    "other": ("#f7f7f8", "#c5c9d0", "#565d68"),
}
INK = "#1f2733"
MUTED = "#667080"
FROZEN = "#b83a45"


@dataclass(frozen=True)
class Show:
    """What `plot_model` was asked to write into the boxes."""

    shapes: bool = False
    dtype: bool = False
    names: bool = False
    activations: bool = False
    trainable: bool = False


@dataclass(frozen=True)
class Word:
    """A piece of a row: text, or an arrow where the text is None."""

    text: str | None
    fill: str = INK
    size: float = SMALL_SIZE
    bold: bool = False

    @property
    def width(self) -> float:
        return ARROW if self.text is None else text_width(self.text, self.size, self.bold)


@dataclass
class Card:
    """The rows of words in a layer's box."""

    family: str
    rows: list[list[Word]] = field(default_factory=list)

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the box."""
        width = max(row_width(row) for row in self.rows)
        height = TITLE_HEIGHT + ROW_HEIGHT * (len(self.rows) - 1)
        return max(LEAST_WIDTH, width + 2 * PADDING_X), height + 2 * PADDING_Y


def row_width(row: list[Word]) -> float:
    return sum(word.width for word in row) + GAP * (len(row) - 1)


def card_of(item: Item, show: Show) -> Card:
    """The card of a layer."""
    layer = item.layer
    family = family_of(layer)
    accent = HUES[family][2]
    title = [Word(kind_of(layer), size=TITLE_SIZE, bold=True)]
    activation = activation_of(layer) if show.activations else None
    if activation:
        title.append(Word(activation, accent, TITLE_SIZE))
    card = Card(family, [title])
    if show.names or family == "model":
        card.rows.append([Word(layer.name, MUTED)])
    if show.shapes:
        card.rows += shape_rows(item, accent)
    facts = []
    if show.dtype:
        facts.append(Word(" | ".join(map(flat_text, call_dtypes(item))) or "?", MUTED))
    if show.trainable and getattr(layer, "weights", None):
        facts.append(Word("Trainable", accent) if layer.trainable else Word("Non-trainable", FROZEN))
    return card if not facts else Card(family, [*card.rows, facts])


def shape_rows(item: Item, accent: str) -> list[list[Word]]:
    """Input shapes, an arrow, output shapes; in two rows where they are long."""
    given, made = (" | ".join(map(flat_text, call_shapes(item, side))) or "?" for side in ("input", "output"))
    if item.nodes and is_input(item.layer):
        return [[Word(made)]]
    row = [Word(given), Word(None, accent), Word(made)]
    if row_width(row) <= LONGEST_ROW:
        return [row]
    return [[Word("in", MUTED), Word(given)], [Word("out", MUTED), Word(made)]]


def kind_of(layer: Any) -> str:
    """What kind of layer it is: its class, or the function that it calls."""
    return getattr(layer, "type_name", None) or type(layer).__name__


def activation_of(layer: Any) -> str | None:
    """The name of a layer's activation, `None` where it has none."""
    activation = getattr(layer, "activation", None)
    if activation is None:
        return None
    return getattr(activation, "__name__", None) or type(activation).__name__


def family_of(layer: Any) -> str:
    """The family of layers that gives the box its colour: the folder in which the layer, or its base class, lives."""
    if getattr(layer, "_inbound_nodes", None) and is_input(layer):
        return "input"
    for cls in type(layer).__mro__:
        parts = cls.__module__.split(".")
        if parts[:2] == ["lapis", "models"]:
            return "model"
        if parts[:2] == ["lapis", "layers"] and len(parts) > 3:
            return parts[2] if parts[2] in HUES else "other"
    return "other"


def paint(sheet: Sheet, card: Card, x: float, y: float, width: float, height: float) -> None:
    """Draw a card into its place on the sheet."""
    fill, border, accent = HUES[card.family]
    sheet.add(Rect(x, y, width, height, fill, border, 1.2, 7))
    content = TITLE_HEIGHT + ROW_HEIGHT * (len(card.rows) - 1)
    middle = y + (height - content) / 2 + TITLE_HEIGHT / 2
    for i, row in enumerate(card.rows):
        left = x + (width - row_width(row)) / 2
        for word in row:
            if word.text is None:
                tip = (left + ARROW - 3, middle)
                sheet.add(Line(((left + 3, middle), (tip[0] - 4, middle)), accent, 1.2))
                sheet.add(arrow_head(tip, (left, middle), 6, accent))
            else:
                sheet.add(Text(left, middle, word.text, word.size, word.fill, word.bold))
            left += word.width + GAP
        middle += (TITLE_HEIGHT + ROW_HEIGHT) / 2 if i == 0 else ROW_HEIGHT
