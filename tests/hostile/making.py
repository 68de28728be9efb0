"""A good file to start from, and ways to change a part of it."""

import io
import json
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

KERNEL = "layers/dense/vars/0"
LEGACY_KERNEL = "model_weights/dense/small/dense/kernel"


@dataclass(frozen=True)
class Hostile:
    """One file: what it is called, what it tries, how it is made of the good files, and what must be said of it."""

    name: str
    technique: str
    make: Callable[["Good", Path], None]
    says: str
    suffix: str = ".keras"


@dataclass(frozen=True)
class Good:
    """The contents of good files of one small model, by their suffix."""

    content: dict[str, bytes]

    @property
    def members(self) -> dict[str, bytes]:
        with zipfile.ZipFile(io.BytesIO(self.content[".keras"])) as archive:
            return {name: archive.read(name) for name in archive.namelist() if name != "lapis.json"}

    @property
    def config(self) -> dict:
        return json.loads(self.members["config.json"])


def archive_of(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def bare(content: bytes) -> Callable[[Good, Path], None]:
    """A file of these bytes."""
    return lambda good, path: path.write_bytes(content)


def members(**changes: Any) -> Callable[[Good, Path], None]:
    """An archive whose members are replaced, added, or left out (`None`); `__` in a name stands for a dot."""

    def make(good: Good, path: Path) -> None:
        new = {**good.members, **{name.replace("__", "."): content for name, content in changes.items()}}
        path.write_bytes(archive_of({name: content for name, content in new.items() if content is not None}))

    return make


def renamed(name: str) -> Callable[[Good, Path], None]:
    """An archive with a further member of a name that Python's own writer would mend."""

    def make(good: Good, path: Path) -> None:
        stand_in = "assets/" + "x" * max(1, len(name) - 7) if len(name) > 7 else "x" * len(name)
        content = archive_of({**good.members, stand_in: b"boo"})
        path.write_bytes(content.replace(stand_in.encode(), name.encode()))

    return make


def patched(change: Callable[[bytearray], Any], method: int = zipfile.ZIP_STORED) -> Callable[[Good, Path], None]:
    """An archive whose bytes are changed in place."""

    def make(good: Good, path: Path) -> None:
        content = bytearray(archive_of(good.members, method))
        change(content)
        path.write_bytes(content)

    return make


def in_directory(content: bytearray, name: str, offset: int, layout: str, value: int) -> None:
    """Set a field of a member's entry in the archive's table of contents."""
    place = content.rindex(name.encode()) - 46
    struct.pack_into(layout, content, place + offset, value)


def config(change: Callable[[dict], Any]) -> Callable[[Good, Path], None]:
    """An archive whose config is changed, or replaced by what `change` returns."""

    def make(good: Good, path: Path) -> None:
        changed = good.config
        changed = change(changed) or changed
        path.write_bytes(archive_of({**good.members, "config.json": json.dumps(changed).encode()}))

    return make


def layer(**settings: Any) -> Callable[[Good, Path], None]:
    """An archive whose first Dense layer has other settings."""
    return config(lambda config: config["config"]["layers"][1]["config"].update(settings))


def added(entry: dict) -> Callable[[Good, Path], None]:
    """An archive whose model has one more layer."""
    return config(lambda config: config["config"]["layers"].append(entry))


def keras_object(class_name: str, module: str | None = "keras.layers", **settings: Any) -> dict:
    return {"module": module, "class_name": class_name, "config": settings, "registered_name": None}


def function(name: str, module: str = "builtins") -> dict:
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def functional(*operations: dict) -> Callable[[Good, Path], None]:
    """An archive of a functional model of one input and the given further operations; the last gives the output."""
    inputs = {**keras_object("InputLayer", batch_shape=[None, 4], dtype="float32", name="x"), "inbound_nodes": []}
    layers = [{**inputs, "name": "x"}, *operations]
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [[layers[-1]["name"], 0, 0]]}
    model = keras_object("Functional", "keras.src.models.functional", name="m", layers=layers, **ends)
    return config(lambda _: model)


def operation(class_name: str, args: list, module: str = "keras.src.ops.numpy", **settings: Any) -> dict:
    """The entry of one call of an array function."""
    entry = keras_object(class_name, module, name="y", **settings)
    return {**entry, "name": "y", "inbound_nodes": [{"args": args, "kwargs": {}}]}


X = {"class_name": "__keras_tensor__", "config": {"shape": [None, 4], "dtype": "float32", "keras_history": ["x", 0, 0]}}


def weights(change: Callable[[h5py.File], Any], suffix: str = ".keras") -> Callable[[Good, Path], None]:
    """A file whose HDF5 part is changed: of an archive, of a `.weights.h5` or of an `.h5` file."""

    def make(good: Good, path: Path) -> None:
        in_archive = suffix == ".keras"
        buffer = io.BytesIO(good.members["model.weights.h5"] if in_archive else good.content[suffix])
        with h5py.File(buffer, "a") as file:
            change(file)
        content = buffer.getvalue()
        path.write_bytes(archive_of({**good.members, "model.weights.h5": content}) if in_archive else content)

    return make


def empty_hdf5() -> bytes:
    buffer = io.BytesIO()
    h5py.File(buffer, "w").close()
    return buffer.getvalue()


def legacy_config(change: Callable[[dict], Any]) -> Callable[[Good, Path], None]:
    """An older file whose config is changed, or replaced by what `change` returns."""

    def edit(file: h5py.File) -> None:
        changed = json.loads(file.attrs["model_config"])
        file.attrs["model_config"] = json.dumps(change(changed) or changed)

    return weights(edit, ".h5")
