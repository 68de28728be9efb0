"""Where the boxes of a model's picture stand and which way its lines run.

A nested model that is shown opened is laid out by itself first. Then it stands in the outer picture as one large box,
whose lines dock where the inner ones end.
"""

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from lapis.view.block import Block, is_loop, with_loops
from lapis.view.drawing import Box, Cluster, Drawing, Edge, Place, mirrored, straight
from lapis.view.layered import DOCK, Graph
from lapis.view.outline import Item, Outline
from lapis.view.surface import Point

MARGIN = 24.0
PADDING = 16.0
HEADER = 30.0
# Beyond the gates, the small boxes that hold the place where a line crosses a frame.
GATE_PADDING = 4.0
GATE = 1.0


def lay_out(outline: Outline, size: Callable[[Item], tuple[float, float]], rankdir: str = "TB") -> Drawing:
    """The geometry of a model's picture.

    Args:
        outline: what to show.
        size: width and height of a layer's box.
        rankdir: the way in which the data runs: "TB", "BT", "LR" or "RL".
    """
    block = Layout(outline, size, rankdir in ("LR", "RL"), depth=0).block
    drawing = Drawing(block.width, block.height, block.boxes, block.edges, block.clusters)
    return mirrored(drawing, rankdir == "RL") if rankdir in ("BT", "RL") else drawing


class Layout:
    """One model, nested ones inside it included, put into a block."""

    def __init__(
        self, outline: Outline, size: Callable[[Item], tuple[float, float]], sideways: bool, depth: int
    ) -> None:
        self.outline = outline
        self.sideways = sideways
        self.depth = depth
        self.links = [link for link in outline.links if not (outline.items[link.source].inner and is_loop(link))]
        self.inner: dict[int, Block] = {}
        for i, item in enumerate(outline.items):
            if item.inner:
                loops = [link for link in outline.links if is_loop(link) and link.source == i]
                self.inner[i] = with_loops(Layout(item.inner, size, sideways, depth + 1).block, loops, sideways)
        self.graph = self._graph(size)
        self.graph.solve(fold=depth == 0)
        left, top, right, bottom = self._padding()
        self.shift = (left, top)
        width, height = self.graph.width + left + right, self.graph.height + top + bottom
        self.block = Block(width, height, frame=Place(0.0, 0.0, width, height))
        self.first_box = self._add_boxes()
        self._add_edges()
        if depth:
            self._add_ways()

    def _graph(self, size: Callable[[Item], tuple[float, float]]) -> Graph:
        """The items as boxes, then small gates where lines cross the border."""
        graph = Graph(self.sideways)
        docked = Counter([(link.source, "out") for link in self.links] + [(link.target, "in") for link in self.links])
        for i, item in enumerate(self.outline.items):
            if i in self.inner:
                graph.node(self.inner[i].width, self.inner[i].height)
                continue
            width, height = size(item)
            room = DOCK * (1 + max(docked[i, "in"], docked[i, "out"]))
            graph.node(*((width, max(height, room)) if self.sideways else (max(width, room), height)))
        for link in self.links:
            graph.edge(
                link.source,
                link.target,
                self._leaves_at(link.source, link.source_port),
                self._enters_at(link.target, link.target_port),
            )
        if self.depth:
            for reached in self.outline.entries:
                gate = graph.node(GATE, GATE, "first")
                for i, port in reached:
                    graph.edge(gate, i, None, self._enters_at(i, port))
            for made_by in self.outline.exits:
                if made_by is not None:
                    graph.edge(made_by[0], graph.node(GATE, GATE, "last"), self._leaves_at(*made_by), None)
        return graph

    def _enters_at(self, i: int, port: int) -> float | None:
        """How far along an opened model's side the lines into one of its inputs arrive."""
        ways = self.inner[i].entries[port] if i in self.inner else []
        return ways[0].points[0][self.sideways] if ways else None

    def _leaves_at(self, i: int, port: int) -> float | None:
        way = self.inner[i].exits[port] if i in self.inner else None
        return None if way is None else way.points[-1][self.sideways]

    def _padding(self) -> tuple[float, float, float, float]:
        """Room at the left, top, right and bottom. Where lines cross the frame, the gates already keep some free."""
        if not self.depth:
            return MARGIN, MARGIN, MARGIN, MARGIN
        if self.sideways:
            return GATE_PADDING, HEADER, GATE_PADDING, PADDING
        highest = min(place.y for place in self.graph.places[: len(self.outline.items)])
        return PADDING, max(GATE_PADDING, HEADER - highest), PADDING, GATE_PADDING

    def _add_boxes(self) -> list[int]:
        """Put boxes and frames into the block; the number of each item's first box."""
        block, numbers = self.block, []
        for i, item in enumerate(self.outline.items):
            place = self._place(i)
            numbers.append(len(block.boxes))
            if i not in self.inner:
                block.boxes.append(Box(item, *place))
                continue
            inner, x, y = self.inner[i], place.x, place.y
            frame = inner.frame
            name = item.layer.name
            block.clusters.append(Cluster(name, self.depth + 1, x + frame.x, y + frame.y, frame.width, frame.height))
            block.clusters += [replace(each, x=each.x + x, y=each.y + y) for each in inner.clusters]
            block.edges += [each.moved(len(block.boxes), x, y) for each in inner.edges]
            block.boxes += [replace(each, x=each.x + x, y=each.y + y) for each in inner.boxes]
        return numbers

    def _place(self, i: int) -> Place:
        place = self.graph.places[i]
        return place._replace(x=place.x + self.shift[0], y=place.y + self.shift[1])

    def _route(self, number: int) -> tuple[Point, ...]:
        return tuple((x + self.shift[0], y + self.shift[1]) for x, y in self.graph.routes[number])

    def _ways_out(self, i: int, port: int) -> list[Edge]:
        """The pieces of line from a box to the border of an item; a piece without points where the item is the box."""
        number = self.first_box[i]
        if i not in self.inner:
            return [Edge(number, number, ())]
        way = self.inner[i].exits[port]
        return [] if way is None else [way.moved(number, *self._place(i)[:2])]

    def _ways_in(self, i: int, port: int) -> list[Edge]:
        number = self.first_box[i]
        if i not in self.inner:
            return [Edge(number, number, ())]
        return [way.moved(number, *self._place(i)[:2]) for way in self.inner[i].entries[port]]

    def _add_edges(self) -> None:
        for number, link in enumerate(self.links):
            route = self._route(number)
            ways_in = self._ways_in(link.target, link.target_port)
            for out, into in itertools.product(self._ways_out(link.source, link.source_port), ways_in):
                self.block.edges.append(Edge(out.source, into.target, straight(out.points + route + into.points)))

    def _add_ways(self) -> None:
        """The pieces of line between the block's border and its boxes."""
        block, numbers = self.block, itertools.count(len(self.links))
        for reached in self.outline.entries:
            block.entries.append([])
            for i, port in reached:
                route = self._route(next(numbers))
                border = (0.0, route[0][1]) if self.sideways else (route[0][0], 0.0)
                for into in self._ways_in(i, port):
                    points = straight((border, *route, *into.points))
                    block.entries[-1].append(Edge(into.source, into.target, points))
        for made_by in self.outline.exits:
            if made_by is None:
                block.exits.append(None)
                continue
            route = self._route(next(numbers))
            border = (block.width, route[-1][1]) if self.sideways else (route[-1][0], block.height)
            ways = [
                Edge(out.source, out.target, straight((*out.points, *route, border)))
                for out in self._ways_out(*made_by)
            ]
            block.exits.append(ways[0] if ways else None)
