"""Looking into a file of weights, changing it, and writing it again, without a model."""

from collections.abc import Callable, Iterator
from typing import Any

import h5py
import numpy as np

from lapis.core.logging import write
from lapis.saving import archive, hdf5, native, plain
from lapis.saving.atomic import file_path, replacing
from lapis.saving.hdf5_reader import Group
from lapis.saving.state import WritableStore
from lapis.saving.tree import saveables
from lapis.state import SeedGenerator

_MAX_GROUPS = 100_000
_MAX_DEPTH = 64
_FLOOR_BYTES = 64 << 20
_MAX_EXPANSION = 100
_NOT_A_DICT = "weights must be a dict of arrays by their names, usually '0', '1', …; got {weights!r:.80}."


class KerasFileEditor:
    """The weights in a `.keras` or `.weights.h5` file, to be looked at, renamed, removed, added and saved.

    `weights_dict` holds them as nested dicts by the names of the objects that they belong to, ending in arrays.

    Args:
        filepath: the file, which stays as it is.

    Raises:
        ValueError: for another kind of file, a damaged one, or one that asks for anything but its own data.

    >>> import os, tempfile, lapis
    >>> path = os.path.join(tempfile.mkdtemp(), "model.weights.h5")
    >>> lapis.Sequential([lapis.Input((3,)), lapis.layers.Dense(2)]).save_weights(path)
    >>> lapis.config.disable_interactive_logging()
    >>> editor = KerasFileEditor(path)
    >>> editor.delete_weight("layers/dense", "1")
    >>> editor.weights_dict["layers"]["dense"]["0"].shape, list(editor.weights_dict["layers"]["dense"])
    ((3, 2), ['0'])
    >>> lapis.config.enable_interactive_logging()
    """

    def __init__(self, filepath: Any) -> None:
        path = file_path(filepath)
        self.filepath = str(path)
        self.config: dict | None = None
        self.metadata: dict | None = None
        if not path.name.endswith((".keras", ".weights.h5")):
            raise ValueError(f"filepath is {self.filepath!r}; expected a file that ends in '.keras' or '.weights.h5'.")
        if not path.is_file():
            raise FileNotFoundError(f"There is no file {path}.")
        if path.name.endswith(".keras"):
            with archive.opened(path, self.filepath) as members:
                for name in {archive.CONFIG, archive.METADATA}.intersection(members.namelist()):
                    text = archive.read_member(members, name)
                    part = plain.parse_object(text, f"The {name} of {self.filepath}")
                    setattr(self, name.removesuffix(".json"), part)
                with native.weights_in(members, self.filepath) as file:
                    self.weights_dict, self.object_metadata = _Reader(file, self.filepath).read()
        else:
            with hdf5.opened(path, self.filepath) as file:
                self.weights_dict, self.object_metadata = _Reader(file, self.filepath).read()
        write(f"Keras model file '{self.filepath}'")
        if self.metadata is not None:
            write(f"Saved with Keras {self.metadata.get('keras_version')} - date: {self.metadata.get('date_saved')}")

    def summary(self) -> None:
        """Print the objects in the file with the shapes and types of their weights."""
        write("\n".join(["Weights structure", *self._lines(self.weights_dict, "", "  ")]))

    def _lines(self, weights: dict, path: str, prefix: str) -> Iterator[str]:
        for number, (key, value) in enumerate(weights.items(), start=1):
            is_last = number == len(weights)
            branch = f"{prefix}{'└─' if is_last else '├─'} {key}"
            if not isinstance(value, dict):
                yield f"{branch}: shape={value.shape}, dtype={value.dtype}"
                continue
            inner = f"{path}/{key}" if path else key
            name = self.object_metadata.get(inner, {}).get("name")
            yield f"{branch} ('{name}')" if name else branch
            yield from self._lines(value, inner, prefix + ("    " if is_last else "│   "))

    def compare(self, reference_model: Any) -> dict[str, Any]:
        """Print where the file and a model differ, and tell how often.

        Returns:
            `{"status", "error_count", "match_count"}`: `"success"` or `"error"`, the number of objects and weights
            that only one has or whose shapes differ, and that of weights that agree.
        """
        errors, matches = _differences(self.weights_dict, _weights_of(reference_model), "")
        for line in errors:
            write(line)
        verdict = "does not fit" if errors else "fits"
        write(f"The file {verdict} the model: {len(errors)} errors, {matches} matching weights.")
        return {"status": "error" if errors else "success", "error_count": len(errors), "match_count": matches}

    # Changes

    def rename_object(self, object_name: str, new_name: str) -> None:
        """Give an object another name, `new_name` without the names of those around it.

        `object_name` is its path, such as `"layers/dense_2"`, or its name where no other object has it; the same holds
        for the other methods.
        """
        if "/" in new_name:
            raise ValueError(f"new_name is {new_name!r}; expected a name, not a path.")

        def rename(parent: dict, name: str) -> None:
            if new_name != name and new_name in parent:
                raise ValueError(f"There is an object {new_name!r} beside {object_name!r} already.")
            parent[new_name] = parent.pop(name)

        self._edit(object_name, rename)

    def delete_object(self, object_name: str) -> None:
        """Remove an object with all that belongs to it."""
        self._edit(object_name, lambda parent, name: parent.pop(name))

    def add_object(self, object_path: str, weights: dict[str, Any]) -> None:
        """Add an object, whose path says where, with its arrays by their names."""
        *outer, name = object_path.split("/")
        parent = self.weights_dict
        for part in outer:
            if not isinstance(parent.get(part), dict):
                raise ValueError(f"The file holds no object {'/'.join(outer)!r} to put {name!r} into.")
            parent = parent[part]
        parent[name] = _checked(weights)

    def delete_weight(self, object_name: str, weight_name: str) -> None:
        """Remove one weight of an object."""

        def delete(parent: dict, name: str) -> None:
            if weight_name not in parent[name]:
                raise ValueError(f"{object_name!r} has no weight {weight_name!r}; it has {list(parent[name])}.")
            del parent[name][weight_name]

        self._edit(object_name, delete)

    def add_weights(self, object_name: str, weights: dict[str, Any]) -> None:
        """Add arrays, by their names, to an object; those of a name that it has are replaced."""
        checked = _checked(weights)
        self._edit(object_name, lambda parent, name: parent[name].update(checked))

    def _edit(self, object_name: str, change: Callable[[dict, str], Any]) -> None:
        """`change(dict, name)` for the dict that holds the object under its name."""
        found = [(parent, path) for parent, path in _objects(self.weights_dict, "") if _is_meant(path, object_name)]
        if not found:
            raise ValueError(f"The file holds no object {object_name!r}; `summary()` shows those that it holds.")
        if len(found) > 1:
            raise ValueError(f"Several objects are named {object_name!r}: {[path for _, path in found]}. Give a path.")
        ((parent, path),) = found
        change(parent, path.rpartition("/")[2])

    def save(self, filepath: Any) -> None:
        """Write the weights as they are now into a `.weights.h5` file."""
        path = file_path(filepath)
        if not path.name.endswith(".weights.h5"):
            raise ValueError(f"filepath is {str(path)!r}; weights go into a file that ends in '.weights.h5'.")
        with replacing(path) as temporary, h5py.File(temporary, "w") as file:
            self._write(file, self.weights_dict, "")

    def resave_weights(self, filepath: Any) -> None:
        """The same as `save`."""
        self.save(filepath)

    def _write(self, file: h5py.File, weights: dict, path: str) -> None:
        store = WritableStore(file, path)
        for key, value in weights.items():
            if isinstance(value, dict):
                self._write(file, value, f"{path}/{key}" if path else key)
            else:
                store[key] = value
        name = self.object_metadata.get(path, {}).get("name")
        if name and any(not isinstance(value, dict) for value in weights.values()):
            store.name(name)


class _Reader:
    """Everything in a file of weights, read within bounds."""

    def __init__(self, file: Group, name: str) -> None:
        self._file, self._name = file, name
        self._groups = 0
        self._claimed = self._stored = 0
        self._names: dict[str, dict[str, str]] = {}

    def read(self) -> tuple[dict, dict[str, dict[str, str]]]:
        """The weights as nested dicts, and what is told of each object by its path."""
        return self._read(self._file, "", 0), self._names

    def _read(self, group: Group, path: str, depth: int) -> dict:
        self._groups += 1
        if depth > _MAX_DEPTH or self._groups > _MAX_GROUPS:
            raise ValueError(f"{self._name} holds groups within groups without end; such a file is refused.")
        found: dict[str, Any] = {}
        for key in hdf5.members(group):
            inner = hdf5.member(group, key)  # which refuses links to other places
            if isinstance(inner, Group):
                if key == "vars":
                    found.update(self._read(inner, path, depth + 1))
                    name = hdf5.read_text(inner, "name")
                    if name is not None:
                        self._names[path] = {"name": name}
                elif contents := self._read(inner, f"{path}/{key}" if path else key, depth + 1):
                    found[key] = contents
            else:
                found[key] = self._array(group, key)
        return found

    def _array(self, group: Group, key: str) -> np.ndarray:
        dataset = hdf5.dataset_at(group, key)
        assert dataset is not None
        self._claimed += dataset.size
        self._stored += dataset.stored
        if self._claimed > _FLOOR_BYTES and self._claimed > _MAX_EXPANSION * self._stored:
            raise ValueError(
                f"The arrays of {self._name} claim {self._claimed:,} bytes of which it stores {self._stored:,}; such a "
                "file is refused."
            )
        return hdf5.read(dataset).copy()  # which the editor's user may change


def _objects(weights: dict, path: str) -> Iterator[tuple[dict, str]]:
    """Every object below, as the dict that holds it and its path."""
    for key, value in weights.items():
        if isinstance(value, dict):
            inner = f"{path}/{key}" if path else key
            yield weights, inner
            yield from _objects(value, inner)


def _is_meant(path: str, name: str) -> bool:
    return path == name if "/" in name else path.rpartition("/")[2] == name


def _checked(weights: Any) -> dict[str, np.ndarray]:
    if not isinstance(weights, dict):
        raise ValueError(_NOT_A_DICT.format(weights=weights))
    return {str(key): np.asarray(value) for key, value in weights.items()}


def _weights_of(model: Any) -> dict:
    """A model's weights in the file's structure."""
    tree: dict[str, Any] = {}
    for path, obj in saveables(model):
        store: dict[str, Any] = {}
        if isinstance(obj, SeedGenerator):
            store["0"] = obj.state
        elif hasattr(obj, "save_own_variables"):
            obj.save_own_variables(store)
        place = tree
        for part in path.split("/") if path and store else ():
            place = place.setdefault(part, {})
        place.update(store)
    return tree


def _differences(saved: dict, wanted: dict, path: str) -> tuple[list[str], int]:
    """What only one has or what differs in shape, as lines, and how many weights agree."""
    errors: list[str] = []
    matches = 0
    for key in {**wanted, **saved}:
        inner = f"{path}/{key}" if path else key
        if key not in saved or key not in wanted:
            errors.append(f"{inner} is missing in the {'model' if key in saved else 'file'}")
        elif isinstance(saved[key], dict) and isinstance(wanted[key], dict):
            more, count = _differences(saved[key], wanted[key], inner)
            errors += more
            matches += count
        elif isinstance(saved[key], dict) or isinstance(wanted[key], dict):
            errors.append(f"{inner} is an object in one and a weight in the other")
        elif tuple(saved[key].shape) != tuple(wanted[key].shape):
            shapes = tuple(saved[key].shape), tuple(wanted[key].shape)
            errors.append(f"{inner} has shape {shapes[0]} in the file, {shapes[1]} in the model")
        else:
            matches += 1
    return errors, matches
