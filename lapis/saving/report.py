"""What became of every weight when a file was loaded."""

from dataclasses import dataclass, field

_SHOWN = 10


@dataclass
class LoadReport:
    """What `load_weights` did.

    Attributes:
        file: the file's name.
        loaded: the weights that were set, by the paths of their layers in the model, such as `"layers/dense/kernel"`.
        missing: the weights of the model that the file has nothing for.
        unexpected: the places in the file that the model has nothing for.
        mismatched: the weights that the file has otherwise, by their paths, with a sentence each.
        moved: the layers that were found by their names at other places of the file, with those places.
        warnings: what else is odd, such as values that are not finite, a sentence each.

    >>> LoadReport("a.npz", loaded=["layers/dense/kernel"], missing=["layers/dense/bias"]).complete
    False
    """

    file: str
    loaded: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    mismatched: dict[str, str] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether the file and the model have the same weights, of the same shapes."""
        return not (self.missing or self.unexpected or self.mismatched)

    def __str__(self) -> str:
        counts = f"{len(self.loaded)} weights loaded from {self.file}"
        parts = [
            ("missing in the file", self.missing),
            ("no place in the model for", self.unexpected),
            ("do not fit", list(self.mismatched.values())),
            ("found at other places", [f"{path} (at {place})" for path, place in self.moved.items()]),
            ("note", self.warnings),
        ]
        return "\n  ".join([counts, *(f"{what}: {shorten(items, '; ')}" for what, items in parts if items)])


def shorten(items: list[str], separator: str) -> str:
    """The first items in one line, and how many more there are."""
    more = f"{separator}and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return separator.join(items[:_SHOWN]) + more
