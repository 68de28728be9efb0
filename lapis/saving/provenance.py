"""Where a model's file comes from: versions, seed, training history and the revision of the program around it."""

import importlib.metadata
import math
import re
from pathlib import Path
from typing import Any

from lapis.core.version import VERSION
from lapis.state import process_seed

_MAX_TEXT = 1 << 20
_HASH = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_REF = re.compile(r"refs/[\w./-]+")


def of(model: Any) -> dict[str, Any]:
    """What is told of a model that is being saved, in plain JSON types."""
    history = getattr(getattr(model, "history", None), "history", None)
    return {
        "lapis_version": VERSION,
        "jax_version": importlib.metadata.version("jax"),
        "seed": process_seed(),
        "history": {str(name): [_number(value) for value in values] for name, values in (history or {}).items()},
        "git_revision": git_revision(Path.cwd()),
    }


def _number(value: Any) -> float | str | list:
    """JSON knows no infinity and no NaN; they are told by name."""
    if isinstance(value, (list, tuple)) or getattr(value, "ndim", 0):
        return [_number(item) for item in value]
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    return number if math.isfinite(number) else str(number)


def git_revision(folder: Path) -> str | None:
    """The commit checked out in the repository around a folder, read from git's files; `None` where there is none."""
    for place in (folder, *folder.parents):
        if (place / ".git").exists():
            try:
                return _revision_in(place / ".git")
            except (OSError, UnicodeDecodeError):
                return None
    return None


def _revision_in(git: Path) -> str | None:
    if git.is_file():  # a worktree or a submodule says where its own folder is
        git = git.parent / _text(git).removeprefix("gitdir:").strip()
    head = _text(git / "HEAD").strip()
    if _HASH.fullmatch(head):
        return head
    ref = head.removeprefix("ref:").strip()
    if not _REF.fullmatch(ref) or ".." in ref:
        return None
    common = git / _text(git / "commondir").strip() if (git / "commondir").is_file() else git
    for folder in (git, common):
        if (folder / ref).is_file():
            revision = _text(folder / ref).strip()
            return revision if _HASH.fullmatch(revision) else None
    packed = common / "packed-refs"
    for line in _text(packed).splitlines() if packed.is_file() else ():
        revision, _, name = line.partition(" ")
        if name == ref and _HASH.fullmatch(revision):
            return revision
    return None


def _text(path: Path) -> str:
    with open(path, "rb") as file:
        return file.read(_MAX_TEXT).decode("utf-8")
