"""Training curves: how losses and metrics went from epoch to epoch."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lapis.view.picture import save_image
from lapis.view.png import to_image
from lapis.view.surface import Line, Point, Rect, Sheet, Text, text_width
from lapis.view.svg import to_svg

PANEL_WIDTH, PANEL_HEIGHT = 420.0, 300.0
MOST_COLUMNS = 3
MARGIN = 20.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 14.0, 54.0, 40.0
INK, MUTED, GRID = "#1f2733", "#667080", "#e6e9ed"
TRAINING, VALIDATION = "#2b67b1", "#d9720f"
# With more epochs than this, points would hide the line.
MOST_POINTS = 25


def plot_history(history: Any, to_file: str | Path = "history.png", dpi: int = 200) -> None:
    """Draw the curves of a training: one panel for each loss and metric, training and validation in it together.

    Args:
        history: what `fit` returned, or its `.history`: values by name and epoch.
        to_file: a `.png` or `.svg` file, or another kind of image that Pillow can write.
        dpi: pixels to the inch of a `.png`.

    Raises:
        ImportError: Pillow is not installed.
        ValueError: a history without values.

    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp(), "curve.svg")
    >>> plot_history({"loss": [1.0, 0.5], "val_loss": [1.1, 0.7]}, file)
    >>> file.read_text().startswith("<svg")
    True
    """
    sheet = draw(history)
    path = Path(to_file)
    if not path.suffix:
        path = path.with_name(path.name + ".png")
    if path.suffix.lower() == ".svg":
        path.write_text(to_svg(sheet), encoding="utf-8")
    else:
        save_image(to_image(sheet, dpi), path, dpi)


def draw(history: Any) -> Sheet:
    """The curves as shapes on a sheet."""
    values: Mapping[str, Sequence[float]] = getattr(history, "history", history)
    epochs = getattr(history, "epoch", None)
    names = [name for name in values if not (name.startswith("val_") and name[4:] in values) and len(values[name])]
    if not names:
        raise ValueError("There is nothing to draw: the history holds no values. Train for at least one epoch.")
    columns = min(MOST_COLUMNS, len(names))
    rows = math.ceil(len(names) / columns)
    sheet = Sheet(2 * MARGIN + columns * PANEL_WIDTH, 2 * MARGIN + rows * PANEL_HEIGHT, title="training curve")
    for i, name in enumerate(names):
        curves = [("training", TRAINING, values[name])]
        if f"val_{name}" in values:
            curves.append(("validation", VALIDATION, values[f"val_{name}"]))
        corner = (MARGIN + i % columns * PANEL_WIDTH, MARGIN + i // columns * PANEL_HEIGHT)
        first = 1 + (epochs[0] if epochs else 0)
        panel(sheet, corner, name, curves, first)
    return sheet


def panel(
    sheet: Sheet, corner: Point, name: str, curves: list[tuple[str, str, Sequence[float]]], first_epoch: int
) -> None:
    """One metric: title, legend with the last values, axes, lines."""
    left, right = corner[0] + LEFT, corner[0] + PANEL_WIDTH - RIGHT
    top, bottom = corner[1] + TOP, corner[1] + PANEL_HEIGHT - BOTTOM
    sheet.add(Text(left, corner[1] + 16, name, 15, INK, bold=True))
    legend(sheet, right, corner[1] + 38, curves)

    finite = [float(v) for _, _, values in curves for v in values if math.isfinite(v)]
    marks = ticks(min(finite, default=0.0), max(finite, default=1.0), 5)
    low, high = marks[0], marks[-1]
    epochs = max(len(values) for _, _, values in curves)

    def at(i: int, value: float) -> Point:
        across = i / (epochs - 1) if epochs > 1 else 0.5
        return left + 8 + across * (right - left - 16), bottom - (value - low) / (high - low) * (bottom - top)

    step = marks[1] - marks[0]
    for mark in marks:
        y = at(0, mark)[1]
        sheet.add(Line(((left, y), (right, y)), GRID, 1.0))
        sheet.add(Text(left - 8, y, written(mark, step), 11, MUTED, anchor="end"))
    for i in epoch_marks(epochs, first_epoch):
        sheet.add(Text(at(i, low)[0], bottom + 14, str(first_epoch + i), 11, MUTED, anchor="middle"))
    sheet.add(Text((left + right) / 2, bottom + 31, "epoch", 11, MUTED, anchor="middle"))

    for _, hue, values in curves:
        for run in unbroken(values):
            points = tuple(at(i, values[i]) for i in run)
            if len(points) > 1:
                sheet.add(Line(points, hue, 2.0))
            if epochs <= MOST_POINTS or len(points) == 1:
                sheet.add(*(Rect(x - 3, y - 3, 6, 6, hue, "#ffffff", 1.0, 3) for x, y in points))


def legend(sheet: Sheet, right: float, y: float, curves: list[tuple[str, str, Sequence[float]]]) -> None:
    """The curves' names and last values, from the right."""
    for label, hue, values in reversed(curves):
        text = f"{label} {values[-1]:.4g}" if len(values) else label
        sheet.add(Text(right, y, text, 12, hue, anchor="end"))
        right -= text_width(text, 12) + 8
        sheet.add(Line(((right - 14, y), (right, y)), hue, 2.5))
        right -= 14 + 18


def ticks(low: float, high: float, count: int) -> list[float]:
    """About `count` round numbers (1, 2 or 5 times a power of ten apart) that enclose a range."""
    span = high - low or abs(high) or 1.0
    raw = span / max(count - 1, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
    first = math.floor(low / step + 1e-9)
    last = max(math.ceil(high / step - 1e-9), first + 1)
    return [i * step for i in range(first, last + 1)]


def written(value: float, step: float) -> str:
    """A tick's number with as many digits as the step needs."""
    if value and not 1e-4 <= abs(value) < 1e6:
        return f"{value:.3g}"
    return f"{value:.{max(0, -math.floor(math.log10(step) + 1e-9))}f}"


def epoch_marks(epochs: int, first: int) -> list[int]:
    """Which epochs get a number below the axis: round ones, about eight at most."""
    step = next(s for power in range(12) for s in (10**power, 2 * 10**power, 5 * 10**power) if epochs / s <= 8)
    return [i for i in range(epochs) if (first + i) % step == 0]


def unbroken(values: Sequence[float]) -> list[list[int]]:
    """The stretches of indices without infinite or undefined values."""
    runs: list[list[int]] = [[]]
    for i, value in enumerate(values):
        if math.isfinite(value):
            runs[-1].append(i)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]
