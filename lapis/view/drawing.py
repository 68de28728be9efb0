"""The geometry of a model's picture: boxes, frames and lines, in CSS pixels from the upper left corner."""

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from lapis.view.outline import Item
from lapis.view.surface import Point

# Points closer than this are one.
SAME = 0.01


class Place(NamedTuple):
    """Upper left corner and size."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Box:
    """A layer's place in the picture."""

    item: Item
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Cluster:
    """The frame around the boxes of a nested model."""

    name: str
    depth: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Edge:
    """A line from the box number `source` to the box number `target`."""

    source: int
    target: int
    points: tuple[Point, ...]

    def moved(self, boxes: int, x: float, y: float) -> "Edge":
        """The edge in a drawing that has so many boxes before, and elsewhere."""
        return Edge(self.source + boxes, self.target + boxes, tuple((a + x, b + y) for a, b in self.points))


@dataclass
class Drawing:
    """The whole picture."""

    width: float
    height: float
    boxes: list[Box] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    clusters: list[Cluster] = field(default_factory=list)


def straight(points: tuple[Point, ...]) -> tuple[Point, ...]:
    """The same line without repeated points and without points in the middle of a straight piece."""
    out: list[Point] = []
    for point in points:
        if out and abs(point[0] - out[-1][0]) < SAME and abs(point[1] - out[-1][1]) < SAME:
            continue
        if len(out) > 1:
            (ax, ay), (bx, by) = out[-2], out[-1]
            turn = (bx - ax) * (point[1] - by) - (by - ay) * (point[0] - bx)
            onward = (bx - ax) * (point[0] - bx) + (by - ay) * (point[1] - by)
            if abs(turn) < SAME and onward >= 0:
                out.pop()
        out.append(point)
    return tuple(out)


def mirrored(drawing: Drawing, left_right: bool) -> Drawing:
    """The drawing running the other way."""

    def flip(each: Any) -> Any:
        if left_right:
            return replace(each, x=drawing.width - each.x - each.width)
        return replace(each, y=drawing.height - each.y - each.height)

    def turn(point: Point) -> Point:
        return (drawing.width - point[0], point[1]) if left_right else (point[0], drawing.height - point[1])

    return Drawing(
        drawing.width,
        drawing.height,
        [flip(box) for box in drawing.boxes],
        [replace(edge, points=tuple(map(turn, edge.points))) for edge in drawing.edges],
        [flip(cluster) for cluster in drawing.clusters],
    )
