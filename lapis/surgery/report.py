"""What became of a model's weights in a model made from it."""

from dataclasses import dataclass, field
from typing import Any

from lapis.graph import places, plan_of
from lapis.surgery.copying import own_names


@dataclass
class EditReport:
    """Which weights a new model has from the old one.

    Attributes:
        kept: the paths, in the new model, of weights with the old values.
        new: the paths, in the new model, of weights with fresh values, or with those of a layer that was put in.
        dropped: the paths, in the old model, of weights that the new one has no place for.
    """

    kept: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [f"kept {len(self.kept)} weights, new {len(self.new)}, dropped {len(self.dropped)}"]
        lines += [f"  new: {path}" for path in self.new]
        lines += [f"  dropped: {path}" for path in self.dropped]
        return "\n".join(lines)


def report_of(old: Any, new: Any, kept: list[tuple[Any, Any]]) -> EditReport:
    """The report on two models, given the pairs of an old and a new weight that correspond."""
    taken, given = {id(source) for source, _ in kept}, {id(target) for _, target in kept}
    names_old, names_new = weight_paths(old), weight_paths(new)
    report = EditReport()
    for key, path in names_new.items():
        (report.kept if key in given else report.new).append(path)
    alive = {id(source) for source, target in kept if id(target) in names_new}
    report.dropped = [path for key, path in names_old.items() if key not in taken or key not in alive]
    return report


def weight_paths(model: Any) -> dict[int, str]:
    """The path of each weight by its identity: that of the layer that holds it, then its own name there."""
    paths: dict[int, str] = {}
    for place in places(model):
        if hasattr(place.layer, "weights") and plan_of(place.layer) is None:
            for weight, name in zip(place.layer.weights, own_names(place.layer)):
                paths.setdefault(id(weight), f"{place.path}/{name}")
    return paths
