"""The values of a model's variables in an HDF5 file, laid out as Keras 3 does: `layers/dense/vars/0`."""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import h5py
import numpy as np

from lapis.layers.layer import Layer
from lapis.optimizers.optimizer import Optimizer
from lapis.saving import hdf5
from lapis.saving.tree import saveables
from lapis.state import SeedGenerator

_SHOWN = 10
# Keras 2.13 kept the layers under another name.
_FORMER_LAYERS = "_layer_checkpoint_dependencies"


class WritableStore:
    """Where an object puts its arrays, by name; the group is made when the first one comes."""

    def __init__(self, file: h5py.File, path: str) -> None:
        self._file, self._path = file, f"{path}/vars" if path else "vars"

    def __setitem__(self, key: str, value: Any) -> None:
        group = self._file.require_group(self._path)
        if key in group:
            del group[key]
        hdf5.write(group, key, value)

    def name(self, name: str) -> None:
        """Note the object's name beside its arrays."""
        self._file.require_group(self._path).attrs["name"] = name


class ReadableStore(Mapping):
    """The arrays that a file holds for one object; each is read when it is asked for."""

    def __init__(self, file: h5py.File, path: str) -> None:
        group = hdf5.group_at(file, f"{path}/vars")
        if group is None and _FORMER_LAYERS in file:
            group = hdf5.group_at(file, f"{path.replace('layers', _FORMER_LAYERS)}/vars")
        self._group = group

    def header(self, key: str) -> h5py.Dataset | None:
        """The array's header, `None` if there is no such array."""
        return None if self._group is None else hdf5.dataset_at(self._group, key)

    def __getitem__(self, key: str) -> np.ndarray:
        dataset = self.header(key)
        if dataset is None:
            raise KeyError(key)
        return hdf5.read(dataset)

    def __iter__(self) -> Iterator[str]:
        return iter(()) if self._group is None else iter(self._group)

    def __len__(self) -> int:
        return 0 if self._group is None else len(self._group)


def save_state(root: Any, file: h5py.File, skip: Iterable[Any] = ()) -> None:
    """Write the state of everything below `root`, except the objects in `skip` and what they hold."""
    for path, obj in saveables(root, skip):
        store = WritableStore(file, path)
        if isinstance(obj, SeedGenerator):
            store["0"] = obj.state
        elif hasattr(obj, "save_own_variables"):
            if isinstance(getattr(obj, "name", None), str):
                store.name(obj.name)
            obj.save_own_variables(store)


def load_state(root: Any, file: h5py.File, name: str, skip_mismatch: bool = False, skip: Iterable[Any] = ()) -> None:
    """Set the state of everything below `root` from the file called `name`, or raise `ValueError` and change nothing.

    With `skip_mismatch`, what fits is set, and a warning names the rest.
    """
    matched: list[tuple[str, Any, ReadableStore]] = []
    problems: list[str] = []
    for path, obj in saveables(root, skip):
        if isinstance(obj, SeedGenerator) or hasattr(obj, "load_own_variables"):
            store = ReadableStore(file, path)
            found = _mismatches(obj, path, store)
            problems.extend(found)
            if not found:
                matched.append((path, obj, store))
    known = {path for path, _ in saveables(root)}
    extra = [path for path in _paths_in(file) if path not in known and not path.startswith("optimizer")]
    if problems and not skip_mismatch:
        raise ValueError(f"{_describe(name, problems, extra)} Nothing was loaded.")
    with Transaction(root):
        for path, obj, store in matched:
            try:
                with Transaction(obj):
                    _load_one(obj, store)
            except Exception as error:
                problem = f"{_label(obj, path)} could not take its state ({error})"
                if not skip_mismatch:
                    raise ValueError(f"{_describe(name, [problem], [])} Nothing was loaded.") from error
                problems.append(problem)
    if problems:
        warnings.warn(f"{_describe(name, problems, extra)} The rest was loaded.", stacklevel=4)
    elif extra:
        places = _shorten(extra, ", ")
        warnings.warn(f"{name} was loaded, but it also holds what the model has no place for: {places}.", stacklevel=4)


def _load_one(obj: Any, store: ReadableStore) -> None:
    if not isinstance(obj, SeedGenerator):
        obj.load_own_variables(store)
    elif "0" in store:
        obj.state.assign(store["0"])


class Transaction:
    """Within the block, variables of `root` may be assigned; an error puts the former values back."""

    def __init__(self, root: Any) -> None:
        self._before: dict[int, tuple[Any, Any]] = {}
        for _, obj in saveables(root):
            for variable in (obj.state,) if isinstance(obj, SeedGenerator) else getattr(obj, "variables", ()):
                self._before[id(variable)] = variable, variable.value

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type | None, *_: Any) -> None:
        if kind is not None:
            for variable, value in self._before.values():
                variable.assign(value)


def _mismatches(obj: Any, path: str, store: ReadableStore) -> list[str]:
    """What the file has for the object that it cannot take, judged by headers alone."""
    own = _own_variables(obj)
    if own is None:  # the object reads its state in its own way; the transaction guards it
        return []
    label = _label(obj, path)
    if len(store) != len(own):
        if isinstance(
            obj, (Optimizer, SeedGenerator)
        ):  # the one says so itself and starts afresh, the other may be new
            return []
        unbuilt = "; it has not been built yet" if not getattr(obj, "built", True) else ""
        return [f"{label} has {len(own)} variables, the file {len(store) or 'none'}{unbuilt}"]
    found = []
    for index, variable in enumerate(own):
        header = store.header(str(index))
        if header is None:
            found.append(f"{label} has a variable {index}, the file none of that number")
        elif problem := mismatch(variable, header):
            found.append(f"{label}, variable {variable.name!r}: {problem}")
    return found


def _own_variables(obj: Any) -> list[Any] | None:
    """The variables that `obj` keeps under "0", "1", …; `None` if it has its own way of keeping them."""
    if isinstance(obj, SeedGenerator):
        return [obj.state]
    if type(obj).load_own_variables is Optimizer.load_own_variables:
        return obj.variables
    if not isinstance(obj, Layer) or not type(obj).load_own_variables.__module__.startswith("lapis."):
        return None
    own = [*obj._trainable_variables, *obj._non_trainable_variables]
    stored: dict[str, Any] = {}
    obj.save_own_variables(stored)
    usual = [(str(index), tuple(variable.shape)) for index, variable in enumerate(own)]
    return own if [(key, tuple(np.shape(value))) for key, value in stored.items()] == usual else None


def mismatch(variable: Any, header: h5py.Dataset) -> str | None:
    """Why the array in the file cannot be the variable's value, `None` if it can."""
    if tuple(header.shape) != tuple(variable.shape):
        return f"the file holds shape {tuple(header.shape)}, the model expects {tuple(variable.shape)}"
    stored, wanted = hdf5.dtype_name(header) or "", str(variable.dtype)
    if _family(stored) != _family(wanted):
        return f"the file holds {stored}, the model expects {wanted}"
    return None


def _family(dtype: str) -> str:
    for family in ("complex", "float"):
        if family in dtype:
            return family
    return "integer"


def _label(obj: Any, path: str) -> str:
    name = getattr(obj, "name", "")
    return f"{path or 'the model itself'} ({type(obj).__name__} {name!r})"


def _paths_in(file: h5py.File) -> list[str]:
    """The paths in the file under which arrays are kept."""
    found = []

    def note(path: str, obj: Any) -> None:
        if path.endswith("/vars") and isinstance(obj, h5py.Group) and len(obj):
            found.append(path.removesuffix("/vars").replace(_FORMER_LAYERS, "layers"))

    file.visititems(note)
    return found


def _describe(name: str, problems: list[str], extra: list[str]) -> str:
    text = f"{name} does not fit the model: {_shorten(problems, '; ')}."
    if extra:
        text += f" The file also holds what the model has no place for: {_shorten(extra, ', ')}."
    return text


def _shorten(items: list[str], separator: str) -> str:
    more = f"{separator}and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return separator.join(items[:_SHOWN]) + more
