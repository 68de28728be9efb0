"""A nested model laid out, ready to stand in a larger picture."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from lapis.view.drawing import Drawing, Edge, Place, straight
from lapis.view.layered import DOCK
from lapis.view.outline import Link
from lapis.view.surface import Point


@dataclass(kw_only=True)
class Block(Drawing):
    """A model laid out, with the pieces of line between its border and its boxes.

    Attributes:
        frame: the place of the frame inside the block.
        entries: for each input, the pieces from the border to boxes.
        exits: for each output, the piece from a box to the border, if a box makes it.
    """

    frame: Place
    entries: list[list[Edge]] = field(default_factory=list)
    exits: list[Edge | None] = field(default_factory=list)

    def moved(self, x: float, y: float) -> "Block":
        """The same, elsewhere."""
        return Block(
            width=self.width,
            height=self.height,
            boxes=[replace(box, x=box.x + x, y=box.y + y) for box in self.boxes],
            edges=[edge.moved(0, x, y) for edge in self.edges],
            clusters=[replace(cluster, x=cluster.x + x, y=cluster.y + y) for cluster in self.clusters],
            frame=self.frame._replace(x=self.frame.x + x, y=self.frame.y + y),
            entries=[[way.moved(0, x, y) for way in ways] for ways in self.entries],
            exits=[None if way is None else way.moved(0, x, y) for way in self.exits],
        )


def is_loop(link: Link) -> bool:
    """Whether a layer feeds itself."""
    return link.source == link.target


def with_loops(block: Block, loops: list[Link], sideways: bool) -> Block:
    """The block of a model that feeds itself, made larger by room for the lines that lead around it."""
    if not loops:
        return block
    room = DOCK * (len(loops) + 1)
    side = block.height if sideways else block.width
    out = block.moved(room, 0.0) if sideways else block.moved(0.0, room)
    out.width, out.height = (
        (block.width + 2 * room, block.height + room) if sideways else (block.width + room, block.height + 2 * room)
    )
    end = out.width if sideways else out.height

    def at(across: float, along: float) -> Point:
        return (along, across) if sideways else (across, along)

    def around(leave: float, enter: float, gap: float) -> Iterable[Point]:
        """Out at the far end, back along the side, in at the near end."""
        return (at(leave, end - gap), at(side + gap, end - gap), at(side + gap, gap), at(enter, gap))

    for number, link in enumerate(loops):
        way = out.exits[link.source_port]
        for into in out.entries[link.target_port] if way else ():
            assert way is not None
            turn = around(way.points[-1][sideways], into.points[0][sideways], room - DOCK * (number + 1))
            out.edges.append(Edge(way.source, into.target, straight((*way.points, *turn, *into.points))))
    out.entries = [
        [replace(way, points=straight((at(way.points[0][sideways], 0.0), *way.points))) for way in ways]
        for ways in out.entries
    ]
    out.exits = [
        way and replace(way, points=straight((*way.points, at(way.points[-1][sideways], end)))) for way in out.exits
    ]
    return out
