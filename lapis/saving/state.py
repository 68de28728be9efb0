"""The values of a model's variables in an HDF5 file, laid out as Keras 3 does: `layers/dense/vars/0`."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import h5py
import numpy as np

from lapis.layers.layer import Layer
from lapis.optimizers.optimizer import Optimizer
from lapis.saving import hdf5
from lapis.saving.hdf5_array import Array
from lapis.saving.hdf5_reader import Group
from lapis.saving.places import Places
from lapis.saving.report import LoadReport, shorten
from lapis.saving.sources import Hdf5Source, Header, Source
from lapis.saving.tree import saveables
from lapis.state import SeedGenerator

# Keras 2 also wrote what the metrics of `compile` had come to.
_PASSED_OVER = ("optimizer", "metrics/")
_PIECE = 1 << 20


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
    """The arrays that a file holds for one object; each is read, and looked at for odd values, when it is asked for."""

    def __init__(self, source: Source, place: str | None, odd: list[str] | None = None) -> None:
        self._source, self._place = source, place
        self._keys = [] if place is None else source.keys(place)
        self._odd = odd

    def header(self, key: str) -> Header | None:
        """The array's header, `None` if there is no such array."""
        return None if self._place is None else self._source.header(self._place, key)

    def __getitem__(self, key: str) -> np.ndarray:
        if self._place is None or key not in self._keys:
            raise KeyError(key)
        values = self._source.read(self._place, key)
        problem = oddity(values)
        if problem and self._odd is not None:
            self._odd.append(f"{self._place}/{key} {problem}")
        return values

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


def oddity(values: np.ndarray) -> str | None:
    """What is odd about an array's values, `None` if they are finite real numbers.

    >>> oddity(np.array([1.0, np.nan]))
    'holds 1 values of 2 that are not finite'
    """
    if values.dtype.kind == "c":
        return "holds complex numbers"
    if values.dtype.kind not in "fV" or not values.size:
        return None
    count, flat = 0, values.reshape(-1)
    with np.errstate(all="ignore"):
        for start in range(0, flat.size, _PIECE):
            part = flat[start : start + _PIECE]
            if not np.isfinite(part.sum(dtype=None if part.itemsize > 2 else "float32")):  # no array of flags for most
                count += part.size - np.count_nonzero(np.isfinite(part))
    return f"holds {count:,} values of {values.size:,} that are not finite" if count else None


def save_state(root: Any, file: h5py.File, skip: Iterable[Any] = ()) -> None:
    """Write the state of everything below `root`, except the objects in `skip` and what they hold."""
    write_state(root, lambda path: WritableStore(file, path), skip)


def write_state(root: Any, store_at: Callable[[str], Any], skip: Iterable[Any] = ()) -> None:
    """As `save_state`, into the stores that `store_at` gives for paths."""
    for path, obj in saveables(root, skip):
        store = store_at(path)
        if isinstance(obj, SeedGenerator):
            store["0"] = obj.state
        elif hasattr(obj, "save_own_variables"):
            if isinstance(getattr(obj, "name", None), str):
                store.name(obj.name)
            obj.save_own_variables(store)


def load_state(
    root: Any,
    source: Group | Source,
    name: str,
    skip_mismatch: bool = False,
    skip: Iterable[Any] = (),
    strict: bool | None = None,
    rename: Mapping[str, str] | None = None,
) -> LoadReport:
    """Set the state of everything below `root` from the file called `name`, or raise `ValueError` and change nothing.

    With `skip_mismatch`, what fits is set, and a warning names the rest. With `strict` false, weights may be missing in
    the file; with `strict` true, it may not hold others either. `rename` gives the places or names in the file of
    objects that have others in the model.
    """
    if isinstance(source, Group):
        source = Hdf5Source(source)
    objects = list(saveables(root, skip))
    places = Places(objects, source.names, rename)
    report = LoadReport(name, moved=places.moved)
    matched: list[tuple[str, Any, ReadableStore]] = []
    missing: list[str] = []
    problems: list[str] = []
    for path, obj in objects:
        if not (isinstance(obj, SeedGenerator) or hasattr(obj, "load_own_variables")):
            continue
        if isinstance(obj, Optimizer) and places.moved:
            if source.keys(path):
                report.warnings.append(
                    f"the state of {_label(obj, path)} goes by the order of layers, and stays as it was"
                )
            continue
        store = ReadableStore(source, places[path], report.warnings)
        if (found := _compare(obj, path, store, report)) is None:
            matched.append((path, obj, store))
        else:
            if places[path] is None:
                found = [f"{problem}: {places.why_none(path)}" for problem in found]
            (problems if len(store) else missing).extend(found)
    known = {places[path] for path, _ in (saveables(root) if skip else objects)}
    report.unexpected = [place for place in source.names if place not in known and not place.startswith(_PASSED_OVER)]
    if places.in_other_order:
        told = shorten(places.in_other_order, "; ")
        report.warnings.append(f"names are in another order than in the file, weights were matched by places: {told}")
    fatal = [] if skip_mismatch else [*([] if strict is False else missing), *problems]
    if fatal or (strict and report.unexpected):
        raise ValueError(f"{_describe(name, fatal, report.unexpected)} Nothing was loaded.")
    problems = missing + problems
    with Transaction(root):
        for path, obj, store in matched:
            try:
                with Transaction(obj):
                    _load_one(obj, store)
                report.loaded.extend(_weights(obj, path, store))
            except Exception as error:
                problem = f"{_label(obj, path)} could not take its state ({error})"
                if not skip_mismatch:
                    raise ValueError(f"{_describe(name, [problem], [])} Nothing was loaded.") from error
                problems.append(problem)
                report.mismatched[path] = problem
    if problems:
        warnings.warn(f"{_describe(name, problems, report.unexpected)} The rest was loaded.", stacklevel=4)
    elif report.unexpected:
        extra = shorten(report.unexpected, ", ")
        warnings.warn(f"{name} was loaded, but it also holds what the model has no place for: {extra}.", stacklevel=4)
    if places.moved:
        found = shorten([f"{path} from {place}" for path, place in places.moved.items()], ", ")
        if not rename:
            report.warnings.append(
                f"layers stand in another order than in the file and were found by their names: {found}"
            )
    if report.warnings:
        warnings.warn(f"{name} was loaded, but {shorten(report.warnings, '; ')}.", stacklevel=4)
    return report


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
                self._before[id(variable)] = variable, variable.held_value()

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type | None, *_: Any) -> None:
        if kind is not None:
            for variable, value in self._before.values():
                variable.restore_value(value)


def _weights(obj: Any, path: str, store: ReadableStore) -> list[str]:
    """The weights of an object by their paths, for the report."""
    own = own_variables(obj)
    if own is None or isinstance(obj, (Optimizer, SeedGenerator)) or len({x.name for x in own}) < len(own):
        return [f"{path}/{key}" if path else key for key in store]
    return [f"{path}/{variable.name}" if path else variable.name for variable in own]


def _compare(obj: Any, path: str, store: ReadableStore, report: LoadReport) -> list[str] | None:
    """What the file has for the object that it cannot take, judged by headers alone; `None` if it takes all."""
    own = own_variables(obj)
    if own is None:  # the object reads its state in its own way; the transaction guards it
        return None
    label, weights = _label(obj, path), _weights(obj, path, store)
    if len(store) != len(own):
        # The one says so itself and starts afresh, the other may be new.
        if isinstance(obj, (Optimizer, SeedGenerator)):
            return None
        unbuilt = "; it has not been built yet" if not getattr(obj, "built", True) else ""
        problem = f"{label} has {len(own)} variables, the file {len(store) or 'none'}{unbuilt}"
        if len(store):
            report.mismatched[path] = problem
        else:
            report.missing.extend(weights)
        return [problem]
    found = {}
    for index, (variable, weight) in enumerate(zip(own, weights)):
        header = store.header(str(index))
        if header is None:
            found[weight] = f"{label} has a variable {index}, the file none of that number"
        elif problem := mismatch(variable, header):
            found[weight] = f"{label}, variable {variable.name!r}: {problem}"
    report.mismatched.update(found)
    if found:
        left = f"{label} kept its values, since others of its weights do not fit"
        report.mismatched.update({weight: left for weight in weights if weight not in found})
    return list(found.values()) or None


def own_variables(obj: Any) -> list[Any] | None:
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


def mismatch(variable: Any, header: Array | Header) -> str | None:
    """Why the array in the file cannot be the variable's value, `None` if it can."""
    if tuple(header.shape) != tuple(variable.shape):
        return f"the file holds shape {tuple(header.shape)}, the model expects {tuple(variable.shape)}"
    stored = header.dtype if isinstance(header, Header) else hdf5.dtype_name(header) or ""
    if _family(stored) != _family(str(variable.dtype)):
        return f"the file holds {stored}, the model expects {variable.dtype}"
    return None


def _family(dtype: str) -> str:
    for family in ("complex", "float"):
        if family in dtype:
            return family
    return "integer"


def _label(obj: Any, path: str) -> str:
    name = getattr(obj, "name", "")
    return f"{path or 'the model itself'} ({type(obj).__name__} {name!r})"


def _describe(name: str, problems: list[str], extra: list[str]) -> str:
    text = f"{name} does not fit the model"
    text += f": {shorten(problems, '; ')}." if problems else "."
    if extra:
        text += f" The file also holds what the model has no place for: {shorten(extra, ', ')}."
    return text
