"""What a file of a model holds, told without building anything."""

import hashlib
import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lapis.saving import archive, hdf5, legacy_weights, npz, orbax, plain, safetensors, sharded
from lapis.saving.atomic import file_path
from lapis.saving.hdf5_array import Array
from lapis.saving.limits import Limits, reading
from lapis.saving.native import weights_in
from lapis.saving.report import shorten
from lapis.saving.sources import Hdf5Source, Header, Source
from lapis.saving.state import oddity

_SHOWN = 60
# Bytes of arrays that are looked into: some, and so many times the file's own.
_FLOOR_BYTES = 32 << 20
_MOST_VALUES = 3
_OURS = ("keras", "lapis", "builtins")
_STATE = ("optimizer", "seed_generator")


@dataclass(frozen=True)
class Member:
    """A part of a file, or a file that goes with it.

    Attributes:
        name: its name.
        size: in bytes, unpacked.
        sha256: what it is.
        intact: whether that is what it was when it was written; `None` where the file does not tell.
    """

    name: str
    size: int
    sha256: str
    intact: bool | None = None


@dataclass(frozen=True)
class StoredLayer:
    """A layer that the config describes: its name, its class, how deep it stands, and its parameters if known."""

    name: str
    class_name: str
    depth: int
    parameters: int | None = None


@dataclass
class FileReport:
    """What `inspect` found; `str(report)` is made to be read.

    Attributes:
        path: the file.
        format: what kind of file it is.
        size: in bytes, of all files that belong to it.
        sha256: of the file itself.
        model: the class and the name of the model, `None` where the file holds weights alone.
        layers: the layers in the config.
        arrays: shape and type of every array, by name.
        members: the parts of an archive, or the files that a map speaks of.
        versions: of Keras, Lapis and JAX, as far as the file tells.
        provenance: what else it tells: seed, training history, git revision, date.
        warnings: what is worth a look before the file is loaded, a sentence each.
    """

    path: str
    format: str
    size: int
    sha256: str
    model: str | None = None
    layers: list[StoredLayer] = field(default_factory=list)
    arrays: dict[str, Header] = field(default_factory=dict)
    members: list[Member] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def parameters(self) -> int:
        """The numbers in all arrays but those of optimizers and random seeds."""
        kept = (header for name, header in self.arrays.items() if not _is_state(name))
        return sum(math.prod(header.shape) for header in kept)

    def __str__(self) -> str:
        return "\n".join(_printable(line) for line in self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{self.path}: {self.format}, {self.size:,} bytes"
        yield f"  sha256        {self.sha256}"
        if self.versions:
            yield f"  versions      {', '.join(f'{name} {version}' for name, version in self.versions.items())}"
        for name, value in self.provenance.items():
            if value not in (None, {}, ""):
                yield f"  {name.replace('_', ' '):<13} {_short(name, value)}"
        if self.model is not None:
            yield f"  model         {self.model}"
        state = len([name for name in self.arrays if _is_state(name)])
        yield f"  parameters    {self.parameters:,} in {len(self.arrays) - state} arrays, and {state} arrays of state"
        for title, rows in (("layers", self._layer_rows()), ("arrays", self._array_rows()), ("members", self._parts())):
            yield from _section(title, rows)
        yield from _section("warnings", self.warnings)

    def _layer_rows(self) -> list[str]:
        counts = ("" if one.parameters is None else f"{one.parameters:>14,}" for one in self.layers)
        return [
            f"{'  ' * one.depth + one.name:<36}{one.class_name:<28}{n}".rstrip() for one, n in zip(self.layers, counts)
        ]

    def _array_rows(self) -> list[str]:
        return [f"{name:<52}{header.dtype:<10}{header.shape}" for name, header in self.arrays.items()]

    def _parts(self) -> list[str]:
        words = {True: "intact", False: "CHANGED", None: ""}
        return [f"{one.name:<36}{one.size:>14,}  {one.sha256}  {words[one.intact]}".rstrip() for one in self.members]


def inspect(filepath: Any, *, limits: Limits | None = None) -> FileReport:
    """What a `.keras`, `.h5`, `.weights.h5`, `.weights.json`, `.safetensors` or `.npz` file holds.

    Nothing is built: configs are read as data, and arrays one by one for values that are not finite.

    Args:
        filepath: the file.
        limits: how much the file may ask for, where the usual `Limits` are too low or too high.

    Raises:
        ValueError: for other files, and for those that are refused whatever is asked of them.

    >>> import tempfile, os, lapis
    >>> path = os.path.join(tempfile.mkdtemp(), "model.keras")
    >>> lapis.Sequential([lapis.Input((3,)), lapis.layers.Dense(2)]).save(path)
    >>> report = inspect(path)
    >>> report.parameters, [layer.class_name for layer in report.layers], report.warnings
    (8, ['InputLayer', 'Dense'], [])
    """
    path = file_path(filepath)
    if not path.is_file():
        folder = " Checkpoints of Orbax are not looked into." if path.is_dir() and orbax.is_checkpoint(path) else ""
        raise FileNotFoundError(f"There is no file {path}.{folder}")
    with reading(limits), ExitStack() as stack:
        for suffix, (form, look) in _FORMATS.items():
            if path.name.endswith(suffix):
                report = FileReport(str(path), form, path.stat().st_size, _file_digest(path))
                look(report, path, stack)
                return report
    raise ValueError(f"filepath is {str(filepath)!r}; files that end in {', '.join(_FORMATS)} are looked into.")


def _look_at_archive(report: FileReport, path: Path, stack: ExitStack) -> None:
    members = stack.enter_context(archive.opened(path, report.path, verify=False))
    told: dict = {}
    for name, target in ((archive.METADATA, report.provenance), (archive.PROVENANCE, told)):
        if name in members.namelist():
            target.update(plain.parse_object(archive.read_member(members, name), f"The {name} of {path}"))
    hashes = told.pop(archive.HASHES, None)
    if not isinstance(hashes, dict):
        hashes = {}
        report.warnings.append("The file does not tell its members' SHA-256, as those of Keras do not.")
    report.provenance.update(told)
    _take_versions(report)
    for info in members.infolist():
        if not info.is_dir():
            digest = archive.digest(members, info.filename)
            intact = hashes[info.filename] == digest if info.filename in hashes else None
            report.members.append(Member(info.filename, info.file_size, digest, intact))
            if intact is False:
                report.warnings.append(f"{info.filename} is not what was written: the file was damaged or changed.")
            elif hashes and intact is None and info.filename != archive.PROVENANCE:
                report.warnings.append(f"{info.filename} was not there when the file was written.")
    report.warnings.extend(f"{name} is missing." for name in hashes if name not in members.namelist())
    config = plain.parse_object(archive.read_member(members, archive.CONFIG), f"The config of {path}")
    source = Hdf5Source(stack.enter_context(weights_in(members, report.path)))
    _take_config(report, config, _parameters(source))
    _take_arrays(report, source)


def _look_at_weights(report: FileReport, path: Path, stack: ExitStack) -> None:
    _take_arrays(report, Hdf5Source(stack.enter_context(hdf5.opened(path, report.path))))


def _look_at_shards(report: FileReport, path: Path, stack: ExitStack) -> None:
    source = sharded.ShardedSource(path, stack)
    for name in source.files:
        file = path.with_name(name)
        report.members.append(Member(name, file.stat().st_size, _file_digest(file)))
    report.size += sum(member.size for member in report.members)
    _take_arrays(report, source)


def _look_at_older(report: FileReport, path: Path, stack: ExitStack) -> None:
    file = stack.enter_context(hdf5.opened(path, report.path))
    version = hdf5.read_text(file, "keras_version")
    report.versions.update({"keras": version} if version else {})
    weights = hdf5.group_at(file, "model_weights") if not hdf5.has_attribute(file, "layer_names") else file
    parameters: dict[str, int | None] = {}
    found: dict[str, Array] = {}
    for layer_name in (hdf5.read_names(weights, "layer_names") or []) if weights is not None else []:
        group = hdf5.group_at(weights or file, layer_name)
        arrays = [] if group is None else legacy_weights.read_list(group)
        parameters[layer_name] = sum(math.prod(array.shape) for array in arrays)
        found.update({f"{layer_name}/{_name(array, group)}": array for array in arrays})
    optimizer = hdf5.group_at(file, "optimizer_weights")
    for array in [] if optimizer is None else legacy_weights.read_list(optimizer):
        found[f"optimizer/{_name(array, optimizer)}"] = array
    report.arrays.update({name: _header(array) for name, array in found.items()})
    text = hdf5.read_text(file, "model_config")
    if text is not None:
        _take_config(report, plain.parse_object(text, f"The model_config of {path}"), parameters)
    _look_at_values(report, {name: partial(hdf5.read, array) for name, array in found.items()})


def _name(dataset: Array, group: Any) -> str:
    return str(dataset.name).removeprefix(f"{group.name}/")


def _header(dataset: Array) -> Header:
    return Header(tuple(dataset.shape), hdf5.dtype_name(dataset) or "")


def _look_at_tensors(report: FileReport, path: Path, stack: ExitStack) -> None:
    file = stack.enter_context(safetensors.opened(path, report.path))
    report.arrays.update(file.headers)
    report.provenance.update(file.metadata if isinstance(file.metadata, dict) else {})
    _take_versions(report)
    _look_at_values(report, {name: partial(file.read, name) for name in file.headers})


def _look_at_npz(report: FileReport, path: Path, stack: ExitStack) -> None:
    file = stack.enter_context(npz.opened(path, report.path))
    report.arrays.update(file.headers)
    _look_at_values(report, {name: partial(file.read, name) for name in file.headers})


_FORMATS = {
    ".keras": ("a model in Keras 3's archive", _look_at_archive),
    ".weights.h5": ("weights in Keras 3's layout", _look_at_weights),
    ".weights.json": ("weights in Keras 3's layout, in several files", _look_at_shards),
    ".h5": ("Keras's older HDF5 layout", _look_at_older),
    ".hdf5": ("Keras's older HDF5 layout", _look_at_older),
    ".safetensors": ("weights by name", _look_at_tensors),
    ".npz": ("weights by name", _look_at_npz),
}


def _take_versions(report: FileReport) -> None:
    for key in [key for key in report.provenance if key.endswith("_version")]:
        report.versions[key.removesuffix("_version")] = str(report.provenance.pop(key))[:40]


def _take_arrays(report: FileReport, source: Source) -> None:
    reads = {}
    for place in source.names:
        for key in source.keys(place):
            header = source.header(place, key)
            if header is not None:
                name = f"{place}/{key}".removeprefix("/")
                report.arrays[name], reads[name] = header, partial(source.read, place, key)
    _look_at_values(report, reads)


def _look_at_values(report: FileReport, reads: dict[str, Callable[[], np.ndarray]]) -> None:
    """Warn of values that are not finite, array by array, while these are not much more than the file itself."""
    left, passed_over = _FLOOR_BYTES + _MOST_VALUES * report.size, []
    for name, read in reads.items():
        header = report.arrays[name]
        size = math.prod(header.shape) * np.dtype(header.dtype).itemsize
        if size > left:
            passed_over.append(name)
            continue
        left -= size
        try:
            problem = oddity(read())
        except ValueError as error:
            problem = f"cannot be read: {str(error).rstrip('.')}"
        if problem:
            report.warnings.append(f"{name} {problem}.")
    if passed_over:
        told = shorten(passed_over, ", ")
        report.warnings.append(f"Not looked into, as they claim more than the file's size accounts for: {told}.")


def _parameters(source: Source) -> dict[str, int | None]:
    """The parameters of the layers whose names the file tells once."""
    found: dict[str, int | None] = {}
    for place, name in source.names.items():
        if name is not None and not _is_state(place):
            headers = [source.header(place, key) for key in source.keys(place)]
            count = sum(math.prod(header.shape) for header in headers if header is not None)
            found[name] = None if name in found else count
    return found


def _take_config(report: FileReport, config: dict, parameters: dict[str, int | None]) -> None:
    """The model and its layers as the config names them."""
    inner = config.get("config")
    name = inner.get("name") if isinstance(inner, dict) else None
    report.model = f"{config.get('class_name')} {name!r}"
    compiled = config.get("compile_config")
    optimizer = compiled.get("optimizer") if isinstance(compiled, dict) else None
    if isinstance(optimizer, dict):
        report.provenance["compiled"] = str(optimizer.get("class_name"))[:80]
    foreign: dict[str, None] = {}
    for depth, entry in _layers(config, 0):
        _note_code(entry, report, foreign)
        if depth:
            told = entry.get("config")
            own = told.get("name") if isinstance(told, dict) else None
            label = str(own or entry.get("name") or "?")
            class_name = str(entry.get("class_name"))
            report.layers.append(StoredLayer(label, class_name, depth - 1, parameters.get(label)))
    if foreign:
        names = shorten(list(foreign), ", ")
        report.warnings.append(f"Classes of its own, which loading takes from custom_objects or the registry: {names}.")


def _layers(entry: dict, depth: int) -> Iterator[tuple[int, dict]]:
    """The objects that are layers of layers, outer ones first."""
    yield depth, entry
    inner = entry.get("config")
    layers = inner if isinstance(inner, list) else inner.get("layers") if isinstance(inner, dict) else None
    for layer in layers if isinstance(layers, list) else ():
        if isinstance(layer, dict):
            yield from _layers(layer, depth + 1)


def _note_code(entry: dict, report: FileReport, foreign: dict[str, None]) -> None:
    class_name, registered = str(entry.get("class_name")), entry.get("registered_name")
    told = entry.get("config")
    module = entry.get("module")
    if class_name == "Lambda":
        name = told.get("name") if isinstance(told, dict) else None
        report.warnings.append(f"The Lambda layer {name!r} may hold code; it is never run.")
    is_ours = module is None or str(module).partition(".")[0] in _OURS
    if not is_ours or ">" in str(registered or "") or ">" in class_name:
        foreign[str(registered or class_name)] = None


def _is_state(name: str) -> bool:
    return name.startswith(_STATE[0]) or _STATE[1] in name


def _file_digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _short(name: str, value: Any) -> str:
    if name == "history" and isinstance(value, dict):
        rows = [(key, values) for key, values in value.items() if isinstance(values, list) and values]
        return ", ".join(f"{key} {values[-1]} after {len(values)} epochs" for key, values in rows[:10])
    text = str(value)
    return text if len(text) <= 100 else f"{text[:97]}..."


def _section(title: str, rows: list[str]) -> Iterator[str]:
    if rows:
        yield f"  {title}"
        yield from (f"    {row}" for row in rows[:_SHOWN])
        if len(rows) > _SHOWN:
            yield f"    and {len(rows) - _SHOWN:,} more"


def _printable(text: str) -> str:
    """A file's own words may not move a terminal's cursor."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
