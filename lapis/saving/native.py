"""The `.keras` format: a model as a config, metadata, weights and assets, in an archive."""

import datetime
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import h5py

from lapis.core.serialization import deserialize_keras_object, serialize_shared, sharing_scope
from lapis.core.version import VERSION
from lapis.layers.layer import Layer
from lapis.saving import archive, backup, hdf5, legacy_optimizer, plain, provenance
from lapis.saving.assets import load_assets, save_assets
from lapis.saving.budget import budget_of
from lapis.saving.hdf5_reader import Group
from lapis.saving.legacy_config import to_modern
from lapis.saving.sources import Hdf5Source
from lapis.saving.state import Transaction, load_state, save_state


def save(model: Any, target: Any) -> None:
    """Write the model into an archive at a path or in a file object."""
    config, metadata = _texts(model)
    with archive.Writer(target) as members, archive.scratch() as weights:
        members.add(archive.METADATA, metadata)
        members.add(archive.CONFIG, config)
        with h5py.File(weights, "w") as file:
            save_state(model, file)
        members.add(archive.WEIGHTS, weights)
        save_assets(model, members)
        run = getattr(model, "_training_run", None)
        if run is not None and run.told is not None:
            _add_pieces(members, archive.TRAINING, backup.packed(run.told))
        members.add_provenance(provenance.of(model))


def _add_pieces(members: archive.Writer, name: str, pieces: list[Any]) -> None:
    with archive.scratch() as file:
        for piece in pieces:
            file.write(piece)
        members.add(name, file)


def load_training(model: Any, path: Any, restore: Callable[[dict[str, Any]], None]) -> None:
    """Set the model's weights and its optimizer's state from an archive, and `restore` what it tells of its training.

    Raises:
        ValueError: for an archive that was not written in the course of training, or does not fit the model.
    """
    name = str(path)
    with archive.opened(path, name) as members:
        if archive.TRAINING not in members.namelist():
            raise ValueError(
                f"{name} does not tell where training was, as files do that `ModelCheckpoint` wrote in `fit`. Read it "
                "with `load_model`, and give `fit` a number as initial_epoch."
            )
        with archive.unpacked(members, archive.TRAINING) as content:
            told = backup.unpacked(content.read(), name)
        with weights_in(members, name) as file, Transaction(model):
            load_state(model, file, name)
            restore(told)


def _texts(model: Any) -> tuple[bytes, bytes]:
    config = json.dumps(serialize_shared(model))
    now = datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    metadata = json.dumps({"keras_version": archive.KERAS_VERSION, "lapis_version": VERSION, "date_saved": now})
    return config.encode(), metadata.encode()


def load(source: Any, name: str, custom_objects: dict | None = None, compile: bool = True) -> Any:
    """The model in an archive at a path or in a file object."""
    with archive.opened(source, name) as members:
        config = archive.read_member(members, archive.CONFIG)
        config = plain.parse_object(config, f"The config of {name}")
        is_keras_2 = _keras_version(members, name).startswith("2")
        if is_keras_2:
            with understanding(f"The config in {name} describes no model"):
                config = to_modern(config, is_keras_2=True)
        if not compile:
            config.pop("compile_config", None)
        with weights_in(members, name) as file:
            with budget_of(file):
                model = build(config, name, custom_objects)
            optimizer = getattr(model, "optimizer", None) if is_keras_2 else None
            load_state(model, file, name, skip=[] if optimizer is None else [optimizer])
            if optimizer is not None:
                legacy_optimizer.load(optimizer, Hdf5Source(file), "optimizer", name)
        load_assets(model, members)
    return model


def _keras_version(members: archive.Archive, name: str) -> str:
    if archive.METADATA not in members.namelist():
        return ""
    metadata = archive.read_member(members, archive.METADATA)
    return str(plain.parse_object(metadata, f"The metadata of {name}").get("keras_version", ""))


def build(config: dict, name: str, custom_objects: dict | None) -> Any:
    """The model that a config from the file called `name` describes."""
    with understanding(f"The config in {name} describes no model"), sharing_scope():
        model = deserialize_keras_object(config, custom_objects)
    if not isinstance(model, Layer):
        raise ValueError(f"The config in {name} describes a {type(model).__name__}, which is no model.")
    return model


@contextmanager
def understanding(failure: str) -> Iterator[None]:
    """Within the block, whatever comes of values that make no sense is a `ValueError`, which begins with `failure`."""
    try:
        yield
    except (ValueError, Warning):
        raise
    except Exception as error:
        raise ValueError(f"{failure}: {type(error).__name__} {error}.") from error


@contextmanager
def weights_in(members: archive.Archive, name: str) -> Iterator[Group]:
    """The file of weights in an archive."""
    if archive.WEIGHTS not in members.namelist():
        raise ValueError(f"{name} holds no {archive.WEIGHTS}; weights are read from HDF5 only.")
    with archive.unpacked(members, archive.WEIGHTS) as weights, hdf5.opened(weights, name) as file:
        yield file
