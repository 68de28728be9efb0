"""Flat graphs laid out in layers (Sugiyama, Tagawa and Toda, 1981) by graphlay."""

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np

from lapis.view.drawing import Place
from lapis.view.surface import NEEDS_EXTRA, Point

# The least distance between two lines that dock at the same side of a box.
DOCK = 14.0
# A picture longer than this (in CSS pixels) is folded into columns, or rows, of about this proportion. No more than so
# many lines may lead from one to the next.
FOLD_BEYOND = 2600.0
FOLD_ASPECT = 1.3
FOLD_CUTS = (3, 1)
SPACING = {"layer_gap": 30.0, "node_gap": 26.0, "dummy_gap": 18.0, "port_gap": DOCK, "stub": 10.0}
# Tried in turn until no line runs through a box.
ATTEMPTS: tuple[dict[str, Any], ...] = (
    {},
    {"spacing": {**SPACING, "dummy_gap": 28.0}},
    {"coords": {"placement": "brandes_koepf"}},
    {"coords": {"branch_style": "symmetric"}},
    {"spacing": {**SPACING, "node_gap": 44.0, "dummy_gap": 40.0, "layer_gap": 48.0}},
)


def engine() -> Any:
    """The layout engine, or one sentence that says how to get it."""
    try:
        import graphlay
    except ImportError:
        raise ImportError(NEEDS_EXTRA) from None
    return graphlay


class Graph:
    """Boxes by size and the arrows between them, and after `solve` where they are.

    Attributes:
        places: the boxes' places, in the order in which they were added.
        routes: the arrows' points, likewise.
        width, height: the size of it all.
    """

    def __init__(self, sideways: bool) -> None:
        self.sideways = sideways
        self._nodes: list[dict] = []
        self._edges: list[dict] = []
        self.places: list[Place] = []
        self.routes: list[tuple[Point, ...]] = []
        self.width = self.height = 0.0

    def node(self, width: float, height: float, rank: str | None = None) -> int:
        """Add a box, in the "first" or "last" layer if that is given; its number."""
        found: dict[str, Any] = {"size": {"width": width, "height": height}, "shape": "box"}
        self._nodes.append(found if rank is None else {**found, "rank": rank})
        return len(self._nodes) - 1

    def edge(self, source: int, target: int, leave_at: float | None = None, enter_at: float | None = None) -> int:
        """Add an arrow, docked at fixed distances along the sides (from the left, or the top) if given; its number."""
        near, far = ("left", "right") if self.sideways else ("top", "bottom")
        found: dict[str, Any] = {"source": source, "target": target}
        for key, box, side, at in (("source_port", source, far, leave_at), ("target_port", target, near, enter_at)):
            if at is not None:
                length = self._nodes[box]["size"]["height" if self.sideways else "width"]
                found[key] = {"offset": {"side": side, "t": max(-1.0, min(1.0, 2 * at / length - 1))}}
        self._edges.append(found)
        return len(self._edges) - 1

    def solve(self, fold: bool) -> None:
        """Find the places and routes: of several answers, those whose lines run through the fewest boxes."""
        placed = self._best(fold)
        low, high = placed["bounds"]["min"], placed["bounds"]["max"]
        self.width, self.height = high["x"] - low["x"], high["y"] - low["y"]
        self.places = [place_of(node, low) for node in placed["nodes"]]
        self.routes = [
            tuple((p["x"] - low["x"], p["y"] - low["y"]) for p in edge["points"]) for edge in placed["edges"]
        ]

    def _best(self, fold: bool) -> dict:
        best: tuple[int, dict] | None = None
        for attempt in ATTEMPTS:
            options = {
                "direction": "leftright" if self.sideways else "topbottom",
                "spacing": SPACING,
                "routing": {"merge_edges": "forks"},
                # Without this the engine straightens lines through boxes that are smaller than their neighbours.
                "tuning": {"routing": {"step_flatten": 0.0}},
                **attempt,
            }
            for placed in self._answers(options, fold):
                hits = through_boxes(placed)
                if hits == 0:
                    return placed
                if best is None or hits < best[0]:
                    best = (hits, placed)
        assert best is not None
        return best[1]

    def _answers(self, options: dict, fold: bool) -> Iterable[dict]:
        """Folded, where the picture is long, then as it is."""
        unfolded = self._ask(options)
        axis = "x" if self.sideways else "y"
        if fold and unfolded["bounds"]["max"][axis] - unfolded["bounds"]["min"][axis] > FOLD_BEYOND:
            for cut in FOLD_CUTS:
                tuning = {**options["tuning"], "wrap": {"max_rows": 12, "max_cut_edges": cut}}
                yield self._ask({**options, "tuning": tuning, "wrap": {"viewport_aspect": FOLD_ASPECT}})
        yield unfolded

    def _ask(self, options: dict) -> dict:
        return engine().layout({"nodes": self._nodes, "edges": self._edges}, options=options).raw


def place_of(node: dict, low: dict) -> Place:
    width, height = node["size"]["width"], node["size"]["height"]
    return Place(node["center"]["x"] - width / 2 - low["x"], node["center"]["y"] - height / 2 - low["y"], width, height)


def through_boxes(placed: dict) -> int:
    """How many pieces of line run through a box."""
    boxes = np.array([place_of(node, {"x": 0.0, "y": 0.0}) for node in placed["nodes"]])
    low, high = boxes[:, :2] + 0.5, boxes[:, :2] + boxes[:, 2:] - 0.5
    hits = 0
    for edge in placed["edges"]:
        points = np.array([(point["x"], point["y"]) for point in edge["points"]])
        for start, end in itertools.pairwise(points):
            hits += int(np.sum(np.all((np.minimum(start, end) < high) & (np.maximum(start, end) > low), axis=1)))
    return hits
