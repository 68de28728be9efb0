"""Checkpoints of Orbax, as the callback `OrbaxCheckpoint` and Keras write them, read back."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from lapis.core.nest import map_structure
from lapis.saving import native, plain
from lapis.state import AllocationBudget

_MARK = "_CHECKPOINT_METADATA"
_MISSING = "{path} is a checkpoint of Orbax, which is not installed: pip install 'lapis[orbax]'."
_FLOOR_BYTES = 64 << 20
_TIMES = 8  # as for other files: what an optimizer may need beside the weights
_MAX_EXPANSION = 1000


def is_checkpoint(path: Path) -> bool:
    """Whether the folder is a checkpoint of Orbax, or holds some, named by numbers."""
    return path.is_dir() and ((path / _MARK).is_file() or bool(_steps(path)))


def _steps(path: Path) -> list[int]:
    return sorted(int(one.name) for one in path.iterdir() if one.name.isdigit() and (one / _MARK).is_file())


class _Checkpoint:
    """A checkpoint's headers, or those of the latest in a folder, and its values when asked for."""

    def __init__(self, path: Path) -> None:
        path = path.absolute()
        self.folder = path if (path / _MARK).is_file() else path / str(_steps(path)[-1])
        try:
            from orbax.checkpoint import v1
        except ImportError:
            raise ImportError(_MISSING.format(path=path)) from None
        self._orbax: Any = v1
        self.headers = v1.checkpointables_metadata(self.folder).metadata

    def load(self, content: dict[str, Any]) -> dict[str, Any]:
        return self._orbax.load_checkpointables(self.folder, content)

    def load_state(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """The values of some parts of the state, each in the structure given."""
        rest = map_structure(lambda _: self._orbax.PLACEHOLDER, self.headers["pytree"])
        found = self.load({"pytree": {**rest, **wanted}})["pytree"]
        return {part: found[part] for part in wanted}

    def budget(self) -> AllocationBudget:
        """A scope in which variables take no more memory than the checkpoint accounts for."""
        leaves = _by_path(self.headers["pytree"], "").values()
        claimed = sum(math.prod(x.shape) * np.dtype(x.dtype).itemsize for x in leaves)
        stored = sum(file.stat().st_size for file in self.folder.rglob("*") if file.is_file())
        return AllocationBudget(_FLOOR_BYTES + _TIMES * min(claimed, _MAX_EXPANSION * stored))


def load_weights(model: Any, path: Path) -> None:
    """Set a model's weights, and its optimizer's state, from a checkpoint or from the latest in a folder.

    Variables are matched by their paths; a checkpoint that does not fit is a `ValueError` and changes nothing.
    """
    _set_state(model, _Checkpoint(path))


def _set_state(model: Any, checkpoint: _Checkpoint) -> None:
    parts = ["trainable_variables", "non_trainable_variables"]
    if model.optimizer is not None and "optimizer_variables" in checkpoint.headers["pytree"]:
        parts.append("optimizer_variables")
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
    tree = model.get_state_tree()
    wanted = {part: tree[part] for part in parts}
    own = _by_path(wanted, "")
    saved = _by_path({part: checkpoint.headers["pytree"].get(part, {}) for part in parts}, "")
    problems = [f"{name} is missing in the checkpoint" for name in own.keys() - saved.keys()]
    problems += [f"{name} is missing in the model" for name in saved.keys() - own.keys()]
    for name in own.keys() & saved.keys():
        shapes = tuple(saved[name].shape), tuple(own[name].shape)
        if shapes[0] != shapes[1]:
            problems.append(f"{name} has shape {shapes[0]} in the checkpoint, {shapes[1]} in the model")
    if problems:
        more = f"; and {len(problems) - 10} more" if len(problems) > 10 else ""
        found = "; ".join(sorted(problems)[:10])
        raise ValueError(f"{checkpoint.folder} does not fit the model: {found}{more}. Nothing was loaded.")
    model.set_state_tree(checkpoint.load_state(wanted))


def load_model(path: Path, custom_objects: dict | None, compile: bool) -> Any:
    """The model in a checkpoint, or in the latest in a folder."""
    checkpoint = _Checkpoint(path)
    if "model_config" not in checkpoint.headers:
        raise ValueError(
            f"{checkpoint.folder} holds weights alone, as save_weights_only=True asks for; make the model, then use "
            "load_weights."
        )
    text = checkpoint.load({"model_config": None})["model_config"]["config"]
    config = plain.parse_object(text, f"The config of {checkpoint.folder}")
    if not compile:
        config.pop("compile_config", None)
    with checkpoint.budget():
        model = native.build(config, str(checkpoint.folder), custom_objects)
    _set_state(model, checkpoint)
    return model


def _by_path(tree: Any, prefix: str) -> dict[str, Any]:
    """The leaves of nested dicts by the keys that lead to them, joined by `/`."""
    found: dict[str, Any] = {}
    for key, value in tree.items():
        path = f"{prefix}/{key}" if prefix else key
        found.update(_by_path(value, path) if isinstance(value, dict) else {path: value})
    return found
