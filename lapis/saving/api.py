"""Saving and loading models and weights: which file name means which format."""

import io
import warnings
from collections.abc import Iterable
from contextlib import ExitStack
from os import PathLike
from pathlib import Path
from typing import Any

import h5py

from lapis.core.serialization import is_known
from lapis.layers.layer import Layer
from lapis.saving import archive, flat, hdf5, legacy_model, legacy_weights, native, npz, orbax, safetensors, sharded
from lapis.saving.atomic import file_path, replacing
from lapis.saving.limits import Limits, limited, reading
from lapis.saving.report import LoadReport
from lapis.saving.sources import Hdf5Source
from lapis.saving.state import load_state, save_state
from lapis.saving.tree import saveables

_Path = str | PathLike
_LEGACY = (".h5", ".hdf5")
_WEIGHTS = ".weights.h5"
_FLAT = {".safetensors": safetensors, ".npz": npz}
_SHARD_SIZE = 5.0  # gigabytes
_UNBUILT = "The model {name!r} has not been built, so it has no weights to {what}: call it on data or `build` it first."


def save_model(model: Any, filepath: _Path, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any) -> None:
    """Write a model's architecture, weights, compile arguments and optimizer state to a file.

    Args:
        model: the model.
        filepath: `"….keras"` for Keras 3's archive, `"….h5"` for Keras's older HDF5 layout.
        overwrite: whether a file of that name is replaced; otherwise it is a `FileExistsError`.
        zipped: accepted for Keras's sake; archives only.
        include_optimizer: whether an `.h5` file gets the compile arguments and the optimizer's state.

    Raises:
        ValueError: for another file name, and for models that a file cannot describe.

    The file appears under its name only once it is complete. Real Keras 3 reads it too.

    >>> import tempfile, os, lapis
    >>> path = os.path.join(tempfile.mkdtemp(), "model.keras")
    >>> save_model(lapis.Sequential([lapis.Input((3,)), lapis.layers.Dense(2)]), path)
    >>> load_model(path).count_params()
    8
    """
    include_optimizer = kwargs.pop("include_optimizer", True)
    kwargs.pop("save_format", None)
    if kwargs:
        raise TypeError(f"save_model got unknown arguments {sorted(kwargs)}.")
    if zipped is False:
        raise ValueError("zipped is False; models are written as archives only: leave it out.")
    path = file_path(filepath)
    if not path.name.endswith((".keras", *_LEGACY)) or path.name.endswith(".weights.h5"):
        raise ValueError(
            f"filepath is {str(filepath)!r}; a model goes into a file that ends in '.keras' or '.h5', and weights "
            "alone into one that ends in '.weights.h5' with `save_weights`."
        )
    if not model.built:
        warnings.warn(_UNBUILT.format(name=model.name, what="save") + " The file will hold none.", stacklevel=3)
    if path.name.endswith(".keras"):
        with replacing(path, overwrite) as temporary:
            native.save(model, temporary)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, overwrite) as temporary:
            legacy_model.save(model, temporary, include_optimizer)


def load_model(
    filepath: _Path,
    custom_objects: dict | None = None,
    compile: bool = True,
    safe_mode: bool = True,
    *,
    limits: Limits | None = None,
) -> Any:
    """The model in a `.keras` or `.h5` file or in a checkpoint of Orbax, of ours or of Keras, compiled as it was saved.

    The file is read as data. Its classes and functions come from Lapis, from `custom_objects`, or from what has been
    registered; code in it is never run, whatever `safe_mode` says.

    Args:
        filepath: the file, or the folder that `OrbaxCheckpoint` wrote to.
        custom_objects: classes and functions by the names that the file uses.
        compile: whether to compile the model if it was saved compiled.
        safe_mode: accepted for Keras's sake.
        limits: how much the file may ask for, where the usual `Limits` are too low or too high.

    Raises:
        ValueError: for a file that is no such model, is damaged, or asks for anything but its own data.
    """
    with reading(limits):
        return _load_model(filepath, custom_objects, compile)


def _load_model(filepath: _Path, custom_objects: dict | None, compile: bool) -> Any:
    path = file_path(filepath)
    if orbax.is_checkpoint(path):
        return orbax.load_model(path, custom_objects, compile)
    _check_exists(path)
    if path.name.endswith(".keras"):
        return native.load(path, str(path), custom_objects, compile)
    if path.name.endswith(_LEGACY):
        return legacy_model.load(path, custom_objects, compile)
    raise ValueError(f"filepath is {str(filepath)!r}; a model is read from a file that ends in '.keras' or '.h5'.")


def save_weights(
    model: Any, filepath: _Path, overwrite: bool = True, max_shard_size: float | None = None, **kwargs: Any
) -> None:
    """Write a model's weights to a file, or to several.

    Args:
        model: the model, built.
        filepath: `"….weights.h5"` for Keras 3's layout, with the optimizer's state and random seeds;
            `"….safetensors"` or `"….npz"` for the layers' weights alone, by names such as `layers/dense/kernel`.
        overwrite: whether a file of that name is replaced; otherwise it is a `FileExistsError`.
        max_shard_size: in gigabytes, for Keras 3's layout in several files of at most that size, of which
            `"….weights.json"` tells.
        objects_to_skip: layers that are left out.

    >>> import tempfile, os, lapis
    >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
    >>> model = lapis.Sequential([lapis.Input((3,)), lapis.layers.Dense(2)])
    >>> save_weights(model, path)
    >>> load_weights(model, path).loaded
    ['layers/dense/kernel', 'layers/dense/bias']
    """
    skip = _skipped(kwargs)
    path = file_path(filepath)
    is_sharded = path.name.endswith(sharded.SUFFIX) or (max_shard_size is not None and path.name.endswith(_WEIGHTS))
    if max_shard_size is not None and not is_sharded:
        raise ValueError(f"max_shard_size is for files that end in '.weights.json'; filepath is {str(filepath)!r}.")
    if not is_sharded and not path.name.endswith((_WEIGHTS, *_FLAT)):
        raise ValueError(
            f"filepath is {str(filepath)!r}; weights go into a file that ends in '.weights.h5', '.safetensors' or "
            "'.npz', or with max_shard_size into several, of which one ends in '.weights.json'."
        )
    if not model.built:
        raise ValueError(_UNBUILT.format(name=model.name, what="save"))
    if is_sharded:
        path = path.with_name(path.name.removesuffix(_WEIGHTS).removesuffix(sharded.SUFFIX) + sharded.SUFFIX)
        sharded.save(model, path, _SHARD_SIZE if max_shard_size is None else max_shard_size, overwrite, skip)
        return
    with replacing(path, overwrite) as temporary:
        if path.suffix in _FLAT:
            _FLAT[path.suffix].write(temporary, [(entry.name, entry.value) for entry in flat.entries(model, skip)])
        else:
            with h5py.File(temporary, "w") as file:
                save_state(model, file, skip)


@limited
def load_weights(model: Any, filepath: _Path, skip_mismatch: bool = False, **kwargs: Any) -> LoadReport:
    """Set a model's weights from a file; one that does not fit changes nothing.

    Args:
        model: the model, built.
        filepath: a `.weights.h5`, `.weights.json` or `.keras` file, matched by the places of layers in the model, and
            by their names where those were given and stand at other places; a `.safetensors` or `.npz` file, matched by
            names such as `layers/dense/kernel`; an older `.h5` file, matched by the order of layers; or a folder of
            `OrbaxCheckpoint`, matched by the variables' paths.
        skip_mismatch: whether to set what fits and warn of the rest, instead of raising.
        strict: whether the file may not hold anything else (`True`), or need not hold everything (`False`). Left
            out, it must hold everything, and a warning tells what else it holds.
        rename: names or places in the file, with those that they have in the model; of layers in an older `.h5` file.
        by_name: for an older `.h5` file, whether layers are matched by name; others keep their weights.
        objects_to_skip: for files of Keras 3's layout, layers that keep their weights.

    Returns:
        what was loaded, missing, unexpected, of another shape.

    Raises:
        ValueError: naming each layer that does not fit, with the shape in the file and the one expected.
    """
    by_name, strict, rename = (kwargs.pop(name, None) for name in ("by_name", "strict", "rename"))
    skip = _skipped(kwargs)
    path = file_path(filepath)
    if orbax.is_checkpoint(path):
        if skip_mismatch or by_name or skip or strict is not None or rename:
            raise ValueError(
                "skip_mismatch, strict, rename, by_name and objects_to_skip do not go with a checkpoint of Orbax."
            )
        orbax.load_weights(model, path)
        return LoadReport(str(path), loaded=[variable.path for variable in model.weights])
    is_older = path.name.endswith(_LEGACY) and not path.name.endswith(_WEIGHTS)
    if not is_older and not path.name.endswith((".keras", _WEIGHTS, sharded.SUFFIX, *_FLAT)):
        raise ValueError(
            f"filepath is {str(filepath)!r}; weights are read from files that end in '.weights.h5', '.weights.json', "
            "'.keras', '.safetensors', '.npz' or '.h5'."
        )
    if by_name and not is_older:
        raise ValueError("by_name is for older '.h5' files; in the others, layers are matched by their places.")
    if skip and (is_older or path.name.endswith(".keras")):
        raise ValueError("objects_to_skip is for '.weights.h5' files.")
    _check_exists(path)
    if not model.built:
        raise ValueError(_UNBUILT.format(name=model.name, what="load"))
    name = str(path)
    if is_older:
        with hdf5.opened(path, name) as file:
            whole_model = not hdf5.has_attribute(file, "layer_names") and hdf5.holds(file, "model_weights")
            group = hdf5.group_at(file, "model_weights") if whole_model else file
            return legacy_weights.load_weights(group or file, model, name, bool(by_name), skip_mismatch, strict, rename)
    with ExitStack() as stack:
        if path.suffix in _FLAT:
            arrays = stack.enter_context(_FLAT[path.suffix].opened(path, name))
            source, rename = flat.FlatSource(arrays, model, rename), None
            skip = [*skip, *(obj for _, obj in saveables(model) if not isinstance(obj, Layer))]
        elif path.name.endswith(".keras"):
            members = stack.enter_context(archive.opened(path, name))
            source = Hdf5Source(stack.enter_context(native.weights_in(members, name)))
        elif path.name.endswith(sharded.SUFFIX):
            source = sharded.ShardedSource(path, stack)
        else:
            source = Hdf5Source(stack.enter_context(hdf5.opened(path, name)))
        return load_state(model, source, name, skip_mismatch, skip, strict, rename)


def pack(model: Any) -> tuple[bytes, dict[str, type]]:
    """The model as the bytes of a `.keras` file, with the classes in it that are not registered, for pickling.

    >>> import lapis
    >>> unpack(*pack(lapis.Sequential([lapis.Input((3,)), lapis.layers.Dense(2)]))).count_params()
    8
    """
    buffer = io.BytesIO()
    native.save(model, buffer)
    classes = {type(obj).__name__: type(obj) for _, obj in saveables(model)}
    return buffer.getvalue(), {name: cls for name, cls in classes.items() if not is_known(cls)}


def unpack(data: bytes, custom_objects: dict[str, type] | None = None) -> Any:
    """The model again, from what `pack` gave."""
    return native.load(io.BytesIO(data), "The pickle", custom_objects)


def _skipped(kwargs: dict) -> Iterable[Any]:
    skip = kwargs.pop("objects_to_skip", None)
    if kwargs:
        raise TypeError(f"Got unknown arguments {sorted(kwargs)}.")
    return list(skip or ())


def _check_exists(path: Path) -> None:
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
