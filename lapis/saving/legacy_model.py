"""A whole model in one HDF5 file, as Keras wrote it before the `.keras` archive and still reads it."""

import json
import warnings
from pathlib import Path
from typing import Any

import h5py

from lapis.core.serialization import CustomObjectScope, serialize_shared
from lapis.saving import hdf5, legacy_weights, plain
from lapis.saving.archive import KERAS_VERSION
from lapis.saving.budget import budget_of
from lapis.saving.hdf5_reader import Group
from lapis.saving.legacy_compile import compile_arguments, training_config
from lapis.saving.legacy_config import output_names, to_legacy, to_modern
from lapis.saving.legacy_optimizer import UNFIT_OPTIMIZER, fitting
from lapis.saving.native import build, understanding
from lapis.saving.state import mismatch
from lapis.saving.tree import saveables
from lapis.state import SeedGenerator

# Keras has no place for the states of random seeds; it passes over a group of this name.
_SEEDS = "seed_generators"


def save(model: Any, path: Path, include_optimizer: bool = True) -> None:
    """Write architecture, weights and, for a compiled model, compile arguments and the optimizer's state."""
    config = to_legacy(serialize_shared(model))
    config["class_name"] = config["class_name"].rpartition(">")[2]
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = KERAS_VERSION
        file.attrs["backend"] = "jax"
        file.attrs["model_config"] = json.dumps(config).encode("utf-8")
        weights = file.create_group("model_weights")
        weights.attrs["keras_version"] = KERAS_VERSION
        weights.attrs["backend"] = "jax"
        legacy_weights.save_weights(weights, model)
        training = training_config(model) if include_optimizer else None
        if training is not None:
            file.attrs["training_config"] = json.dumps(training).encode("utf-8")
            legacy_weights.save_list(file.create_group("optimizer_weights"), model.optimizer.variables)
        for seed_path, obj in saveables(model):
            if isinstance(obj, SeedGenerator):
                hdf5.write(file, f"{_SEEDS}/{seed_path}", obj.state)


def load(path: Path, custom_objects: dict | None = None, compile: bool = True) -> Any:
    """The model that the file holds."""
    with hdf5.opened(path, str(path)) as file:
        text = hdf5.read_text(file, "model_config")
        if text is None:
            raise ValueError(
                f"{path} holds no model: it has no `model_config`. Weights alone go into `model.load_weights`."
            )
        config = plain.parse_object(text, f"The model_config of {path}")
        with understanding(f"The model_config of {path} describes no model"):
            modern = to_modern(config, _is_keras_2(file))
        with CustomObjectScope(custom_objects):
            with budget_of(file):
                model = build(modern, str(path), custom_objects)
            if not hasattr(model, "layers"):
                raise ValueError(f"The model_config of {path} describes a {type(model).__name__}, which is no model.")
            weights = hdf5.group_at(file, "model_weights")
            if weights is None:
                raise ValueError(f"{path} holds a model without weights: it has no group `model_weights`.")
            legacy_weights.load_weights(weights, model, str(path))
            _load_seeds(file, model)
            if compile:
                _compile(model, file, path, config)
    return model


def _load_seeds(file: Group, model: Any) -> None:
    for seed_path, obj in saveables(model):
        if isinstance(obj, SeedGenerator):
            dataset = hdf5.dataset_at(file, f"{_SEEDS}/{seed_path}")
            if dataset is not None and mismatch(obj.state, dataset) is None:
                obj.state.assign(hdf5.read(dataset))


def _compile(model: Any, file: Group, path: Path, model_config: dict) -> None:
    text = hdf5.read_text(file, "training_config")
    if text is None:
        return
    config = plain.parse_object(text, f"The training_config of {path}")
    is_keras_2 = _is_keras_2(file)
    failure = f"The training_config of {path} describes no training"
    try:
        with understanding(failure):
            model.compile(**compile_arguments(config, output_names(model_config)))
    except ValueError as error:
        if not is_keras_2:
            raise
        # Keras 2 had other settings; what does not fit is told rather than guessed.
        warnings.warn(f"{path} was loaded, but not compiled, since it was compiled by Keras 2: {error}", stacklevel=4)
        return
    optimizer = model.optimizer
    group = hdf5.group_at(file, "optimizer_weights")
    if group is None:
        return
    with understanding(failure):
        optimizer.build(model.trainable_variables)
    arrays, variables = legacy_weights.read_list(group), optimizer.variables
    if is_keras_2:
        names = hdf5.read_names(group, "weight_names") or [""]
        variables = fitting(optimizer, arrays, is_former=names[0].endswith("/iter:0")) or []
    pairs = list(zip(variables, arrays))
    fits = len(arrays) == len(variables) or (is_keras_2 and pairs)
    if not fits or any(mismatch(variable, array) for variable, array in pairs):
        warnings.warn(UNFIT_OPTIMIZER.format(path=path, kind=type(optimizer).__name__), stacklevel=4)
        return
    legacy_weights.assign(optimizer, pairs)


def _is_keras_2(file: Group) -> bool:
    return not (hdf5.read_text(file, "keras_version") or "").startswith("3")
