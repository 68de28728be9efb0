"""A sheet as pixels, drawn by Pillow."""

import math
from typing import Any

from lapis.view.surface import (
    BASELINE,
    Line,
    Point,
    Polygon,
    Rect,
    Shape,
    Sheet,
    Text,
    font_for,
    pillow,
    rounded,
)

CSS_DPI = 96
# Pillow draws hard edges: shapes are drawn this many times larger and averaged down.
OVERSAMPLE = 2
# Pixels drawn at once, so that a very long picture needs little memory.
BAND = 1024
# Above this many pixels image readers refuse a file as a decompression bomb.
MOST_PIXELS = 80_000_000
ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}


def to_image(sheet: Sheet, dpi: float = 200) -> Any:
    """The sheet as a Pillow image with `dpi` pixels to the inch (fewer where it would pass 80 million pixels)."""
    image_module = pillow().Image
    scale = dpi / CSS_DPI
    scale = min(scale, math.sqrt(MOST_PIXELS / (sheet.width * sheet.height)))
    width, height = max(1, round(sheet.width * scale)), max(1, round(sheet.height * scale))
    image = image_module.new("RGB", (width, height), sheet.background)
    for top in range(0, height, BAND):
        image.paste(band(sheet, scale, width, top, min(BAND, height - top)), (0, top))
    return image


def band(sheet: Sheet, scale: float, width: int, top: int, height: int) -> Any:
    """Rows `top` to `top + height` of the picture."""
    big = scale * OVERSAMPLE
    size = (width * OVERSAMPLE, height * OVERSAMPLE)
    image = pillow().Image.new("RGB", size, sheet.background)
    draw = pillow().ImageDraw.Draw(image)
    first, last = top / scale, (top + height) / scale

    def at(point: Point) -> Point:
        return (point[0] * big, point[1] * big - top * OVERSAMPLE)

    for shape in sheet.shapes:
        highest, lowest = extent(shape)
        if lowest < first or highest > last:
            continue
        match shape:
            case Rect():
                corner = at((shape.x, shape.y)) + at((shape.x + shape.width, shape.y + shape.height))
                border = max(1, round(shape.stroke_width * big)) if shape.stroke else 0
                draw.rounded_rectangle(corner, shape.radius * big, shape.fill, shape.stroke, border)
            case Line():
                points = rounded(shape.points, shape.radius) if shape.radius else list(shape.points)
                draw.line([at(point) for point in points], shape.stroke, max(1, round(shape.width * big)), "curve")
            case Polygon():
                draw.polygon([at(point) for point in shape.points], shape.fill)
            case Text():
                size = shape.size * big
                # The built-in typeface has one weight; a thin outline in the same colour makes the bold one.
                weight = size * 0.02 if shape.bold else 0
                place, letters = at((shape.x, shape.y + BASELINE * shape.size)), font_for(shape.text, size)
                draw.text(place, shape.text, shape.fill, letters, ANCHORS[shape.anchor], stroke_width=weight)
    return image.resize((width, height), pillow().Image.Resampling.BOX)


def extent(shape: Shape) -> tuple[float, float]:
    """The shape's highest and lowest row, with room for its pen."""
    if isinstance(shape, Rect):
        return shape.y - shape.stroke_width, shape.y + shape.height + shape.stroke_width
    if isinstance(shape, Text):
        return shape.y - shape.size, shape.y + shape.size
    room = shape.width if isinstance(shape, Line) else 0.0
    rows = [y for _, y in shape.points]
    return min(rows) - room, max(rows) + room
