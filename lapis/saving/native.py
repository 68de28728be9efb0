"""The `.keras` format: a model as a config, metadata, weights and assets, in an archive."""

import datetime
import json
import zipfile
from typing import Any

import h5py

from lapis.core.serialization import deserialize_keras_object, serialize_shared, sharing_scope
from lapis.core.version import VERSION
from lapis.saving import archive, hdf5, plain
from lapis.saving.assets import load_assets, save_assets
from lapis.saving.state import load_state, save_state


def save(model: Any, target: Any) -> None:
    """Write the model into an archive at a path or in a file object."""
    config, metadata = _texts(model)
    with zipfile.ZipFile(target, "w") as members, archive.scratch() as weights:
        archive.add_member(members, archive.METADATA, metadata)
        archive.add_member(members, archive.CONFIG, config)
        with h5py.File(weights, "w") as file:
            save_state(model, file)
        archive.add_member(members, archive.WEIGHTS, weights)
        save_assets(model, members)


def _texts(model: Any) -> tuple[bytes, bytes]:
    config = json.dumps(serialize_shared(model))
    now = datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    metadata = json.dumps({"keras_version": archive.KERAS_VERSION, "lapis_version": VERSION, "date_saved": now})
    return config.encode(), metadata.encode()


def load(source: Any, name: str, custom_objects: dict | None, compile: bool, safe_mode: bool) -> Any:
    """The model in an archive at a path or in a file object."""
    with archive.opened(source, name) as members:
        config = archive.read_member(members, archive.CONFIG, plain.MAX_BYTES)
        config = plain.parse_object(config, f"The config of {name}")
        if not compile:
            config.pop("compile_config", None)
        with sharing_scope():
            model = deserialize_keras_object(config, custom_objects, safe_mode=safe_mode)
        load_into(model, members, name)
        load_assets(model, members)
    return model


def load_into(model: Any, members: zipfile.ZipFile, name: str, skip_mismatch: bool = False) -> None:
    """Set the model's state from the weights in an archive."""
    if archive.WEIGHTS not in members.namelist():
        raise ValueError(f"{name} holds no {archive.WEIGHTS}; weights are read from HDF5 only.")
    with archive.unpacked(members, archive.WEIGHTS) as weights, hdf5.opened(weights, name) as file:
        load_state(model, file, name, skip_mismatch)
