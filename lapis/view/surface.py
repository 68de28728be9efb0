"""A drawing surface: a sheet of rectangles, lines, polygons and words, measured in CSS pixels (96 to the inch)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

Point = tuple[float, float]

NEEDS_EXTRA = 'Drawing needs Pillow and graphlay: pip install "lapis[view]".'
DEFAULT_SIZE = 13.0
# How far below a word's middle line its baseline lies, in parts of the letter size.
BASELINE = 0.35


@dataclass(frozen=True)
class Rect:
    """A rectangle with optional border and rounded corners."""

    x: float
    y: float
    width: float
    height: float
    fill: str | None = None
    stroke: str | None = None
    stroke_width: float = 1.0
    radius: float = 0.0


@dataclass(frozen=True)
class Line:
    """A line through points; `radius` rounds its corners."""

    points: tuple[Point, ...]
    stroke: str
    width: float = 1.0
    radius: float = 0.0


@dataclass(frozen=True)
class Polygon:
    """A filled shape."""

    points: tuple[Point, ...]
    fill: str


@dataclass(frozen=True)
class Text:
    """One line of words; `y` is the middle of the letters."""

    x: float
    y: float
    text: str
    size: float = DEFAULT_SIZE
    fill: str = "#000000"
    bold: bool = False
    anchor: Literal["start", "middle", "end"] = "start"


Shape = Rect | Line | Polygon | Text


@dataclass
class Sheet:
    """Shapes in drawing order on a page of `width` by `height`."""

    width: float
    height: float
    background: str = "#ffffff"
    title: str = ""
    shapes: list[Shape] = field(default_factory=list)

    def add(self, *shapes: Shape) -> None:
        self.shapes.extend(shapes)


def pillow() -> Any:
    """The Pillow package, or one sentence that says how to get it."""
    try:
        import PIL.Image
        import PIL.ImageDraw
        import PIL.ImageFont
    except ImportError:
        raise ImportError(NEEDS_EXTRA) from None
    return PIL


@lru_cache(64)
def font(size: float) -> Any:
    """Pillow's own scalable typeface, which needs no font on the system."""
    return pillow().ImageFont.load_default(size)


@lru_cache(64)
def world_font(size: float) -> Any:
    """A typeface of the system for letters that Pillow's own lacks; Pillow's own where there is none."""
    for name in ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "Arial Unicode.ttf", "arial.ttf"):
        try:
            return pillow().ImageFont.truetype(name, size)
        except OSError:
            continue
    return font(size)


def font_for(text: str, size: float) -> Any:
    return font(size) if text.isascii() else world_font(size)


def text_width(text: str, size: float = DEFAULT_SIZE, bold: bool = False) -> float:
    """Width of one line of words in CSS pixels."""
    # Measured at ten times the size: the hinting of small letters would make the width depend on the resolution.
    width = font_for(text, size * 10).getlength(text) / 10
    return width * 1.03 + 0.5 if bold else width


def rounded(points: Sequence[Point], radius: float) -> list[Point]:
    """The line with every corner replaced by a short curve (a quadratic one, in eight steps)."""
    out = [points[0]]
    for before, start, corner, end in corners(points, radius):
        del before
        out.append(start)
        for step in range(1, 8):
            t = step / 8
            out.append(
                (
                    (1 - t) ** 2 * start[0] + 2 * t * (1 - t) * corner[0] + t * t * end[0],
                    (1 - t) ** 2 * start[1] + 2 * t * (1 - t) * corner[1] + t * t * end[1],
                )
            )
        out.append(end)
    out.append(points[-1])
    return out


def corners(points: Sequence[Point], radius: float) -> list[tuple[int, Point, Point, Point]]:
    """For each inner point: its index, where its curve starts, the corner itself, where the curve ends."""
    out = []
    for i in range(1, len(points) - 1):
        before, corner, after = points[i - 1], points[i], points[i + 1]
        reach = min(radius, math.dist(before, corner) / 2, math.dist(corner, after) / 2)
        out.append((i, toward(corner, before, reach), corner, toward(corner, after, reach)))
    return out


def toward(start: Point, end: Point, reach: float) -> Point:
    """The point `reach` away from `start` on the way to `end`."""
    length = math.dist(start, end)
    if length == 0:
        return start
    return (start[0] + (end[0] - start[0]) * reach / length, start[1] + (end[1] - start[1]) * reach / length)


def arrow_head(tip: Point, before: Point, length: float, fill: str) -> Polygon:
    """A slim triangle at `tip`, pointing away from `before`."""
    base = toward(tip, before, length)
    dx, dy = (tip[0] - base[0]) * 0.42, (tip[1] - base[1]) * 0.42
    return Polygon((tip, (base[0] - dy, base[1] + dx), (base[0] + dy, base[1] - dx)), fill)
