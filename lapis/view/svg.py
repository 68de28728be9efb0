"""A sheet as SVG text."""

from html import escape

from lapis.view.surface import BASELINE, Line, Polygon, Rect, Shape, Sheet, Text, corners, text_width

FAMILY = "Aileron, Inter, Helvetica, Arial, sans-serif"


def to_svg(sheet: Sheet) -> str:
    """The sheet as an SVG document."""
    width, height = number(sheet.width), number(sheet.height)
    rows = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
        f' font-family="{FAMILY}">',
    ]
    if sheet.title:
        rows.append(f"<title>{escape(sheet.title)}</title>")
    rows.append(f'<rect width="{width}" height="{height}" fill="{sheet.background}"/>')
    rows += [element(shape) for shape in sheet.shapes]
    rows.append("</svg>")
    return "\n".join(rows) + "\n"


def element(shape: Shape) -> str:
    match shape:
        case Rect():
            return rect(shape)
        case Line():
            return line(shape)
        case Polygon():
            points = " ".join(f"{number(x)},{number(y)}" for x, y in shape.points)
            return f'<polygon points="{points}" fill="{shape.fill}"/>'
        case Text():
            return words(shape)


def rect(shape: Rect) -> str:
    attributes = "".join(
        f' {name}="{number(value)}"'
        for name, value in (("x", shape.x), ("y", shape.y), ("width", shape.width), ("height", shape.height))
    )
    if shape.radius:
        attributes += f' rx="{number(shape.radius)}"'
    attributes += f' fill="{shape.fill or "none"}"'
    if shape.stroke:
        attributes += f' stroke="{shape.stroke}" stroke-width="{number(shape.stroke_width)}"'
    return f"<rect{attributes}/>"


def line(shape: Line) -> str:
    path = f"M{place(shape.points[0])}"
    for _, start, corner, end in corners(shape.points, shape.radius):
        path += f"L{place(start)}Q{place(corner)} {place(end)}" if shape.radius else f"L{place(corner)}"
    path += f"L{place(shape.points[-1])}"
    return (
        f'<path d="{path}" fill="none" stroke="{shape.stroke}" stroke-width="{number(shape.width)}"'
        f' stroke-linejoin="round"/>'
    )


def words(shape: Text) -> str:
    x, y = shape.x, shape.y + BASELINE * shape.size
    # A stated length keeps the words inside their box whatever typeface the reader's machine has.
    length = text_width(shape.text, shape.size, shape.bold)
    attributes = f' x="{number(x)}" y="{number(y)}" font-size="{number(shape.size)}" fill="{shape.fill}"'
    attributes += f' textLength="{number(length)}" lengthAdjust="spacingAndGlyphs"'
    if shape.bold:
        attributes += ' font-weight="600"'
    if shape.anchor != "start":
        attributes += f' text-anchor="{shape.anchor}"'
    return f"<text{attributes}>{escape(shape.text)}</text>"


def place(point: tuple[float, float]) -> str:
    return f"{number(point[0])} {number(point[1])}"


def number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
