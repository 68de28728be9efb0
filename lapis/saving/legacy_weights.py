"""Weights in the older HDF5 layout: a group for each layer, whose weights stand in a list of names.

Layers find their groups by their order in the model, or by name.
"""

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import h5py

from lapis.core.naming import to_snake_case
from lapis.saving import hdf5
from lapis.saving.hdf5_array import Array
from lapis.saving.hdf5_reader import Group
from lapis.saving.places import in_other_order, is_given
from lapis.saving.report import LoadReport, shorten
from lapis.saving.state import Transaction, mismatch, oddity

_TOP_LEVEL = "top_level_model_weights"
_Pairs = list[tuple[Any, Array]]
_Groups = dict[str, list[Array]]


def weights_of(layer: Any) -> list[Any]:
    """A layer's weights in the order of this layout: all trainable ones first."""
    return [*layer.trainable_weights, *layer.non_trainable_weights]


def own_weights_of(model: Any) -> list[Any]:
    """The weights that the model has itself rather than through its layers."""
    known = {id(weight) for weight in model.weights}
    own = [*model._trainable_variables, *model._non_trainable_variables]
    return [weight for weight in own if id(weight) in known]


def save_weights(group: h5py.Group, model: Any) -> None:
    """Write the weights of all layers into `group`."""
    hdf5.write_names(group, "layer_names", [layer.name for layer in model.layers])
    for layer in sorted(model.layers, key=lambda layer: layer.name):
        save_list(group.create_group(layer.name), weights_of(layer))
    save_list(group.create_group(_TOP_LEVEL), own_weights_of(model))


def save_list(group: h5py.Group, weights: Iterable[Any]) -> None:
    """Write variables into a group, in order, by their paths."""
    weights = list(weights)
    names: list[str] = []
    for weight in weights:
        name = weight.path
        names.append(name if name not in names else f"{name}_{len(names)}")
    hdf5.write_names(group, "weight_names", names)
    for name, weight in zip(names, weights):
        value = weight.numpy()
        # This layout knows none of the types that HDF5 itself lacks, such as bfloat16; float32 holds their values.
        hdf5.write(group, name, value.astype("float32") if value.dtype.kind == "V" else value)


def read_list(group: Group) -> list[Array]:
    """The headers of the arrays in a group, in order."""
    found = []
    for name in hdf5.read_names(group, "weight_names") or ():
        dataset = hdf5.dataset_at(group, name)
        if dataset is None:
            raise ValueError(f"{group.name} in the file lists an array {name!r} that is not there.")
        found.append(dataset)
    return found


def load_weights(
    group: Group,
    model: Any,
    name: str,
    by_name: bool = False,
    skip_mismatch: bool = False,
    strict: bool | None = None,
    rename: Mapping[str, str] | None = None,
) -> LoadReport:
    """Set the weights of all layers from `group` of the file called `name`, or raise `ValueError` and change nothing.

    With `by_name`, layers of other names keep their weights; with `skip_mismatch`, so do weights of other shapes. With
    `strict` false, layers may be missing in the file; with `strict` true, it may not hold others either. `rename` gives
    names of layers in the file others.
    """
    layer_names = hdf5.read_names(group, "layer_names")
    if layer_names is None:
        raise ValueError(f"{name} holds no weights in the layout of Keras's .h5 files: it lists no `layer_names`.")
    report = LoadReport(name)
    stored = {layer_name: read_list(_layer_group(group, layer_name, name)) for layer_name in layer_names}
    renamed = _renamed({key: arrays for key, arrays in stored.items() if arrays}, rename or {}, model)
    layers = [layer for layer in model.layers if weights_of(layer)]
    is_lenient = by_name or skip_mismatch or strict is False
    if by_name or len(layers) != len(renamed):
        found = {layer.name: layer.name for layer in layers if layer.name in renamed}
        are_given = all(_is_given(layer, rename) for layer in layers)
        if not is_lenient and (len(found) < len(layers) or not are_given):
            raise ValueError(_other_layers(name, layers, renamed))
    else:
        found = _in_order(layers, renamed, rename or {}, report)
    pairs: _Pairs = []
    problems: list[str] = []
    for layer in layers:
        if layer.name in found:
            key = found[layer.name]
            also = f" ({key!r} in the file)" if key != layer.name else ""
            fits, odd = _match(f"layer {layer.name!r}{also}", weights_of(layer), renamed[key])
            pairs, problems = pairs + fits, problems + odd
        else:
            report.missing.extend(weight.path for weight in weights_of(layer))
    report.unexpected = [key for key in renamed if key not in found.values()]
    if hdf5.holds(group, _TOP_LEVEL):
        top, odd = _match("the model itself", own_weights_of(model), read_list(_layer_group(group, _TOP_LEVEL, name)))
        pairs, problems = pairs + top, problems + odd
    text = f"{name} does not fit the model: {'; '.join([*problems, *_extra(report, strict)])}."
    if (problems and not skip_mismatch) or (strict and not report.complete):
        raise ValueError(f"{text} Nothing was loaded.")
    report.warnings.extend(assign(model, pairs))
    report.loaded = [weight.path for weight, _ in pairs]
    if problems:
        known = {*report.loaded, *report.missing}
        left = [weight.path for layer in layers for weight in weights_of(layer) if weight.path not in known]
        report.mismatched = dict.fromkeys(left, text)
    if problems or (report.missing and not by_name):
        warnings.warn(f"{text} The rest was loaded.", stacklevel=4)
    elif report.unexpected and not by_name:
        extra = shorten(report.unexpected, ", ")
        warnings.warn(f"{name} was loaded, but it also holds what the model has no place for: {extra}.", stacklevel=4)
    if report.warnings:
        warnings.warn(f"{name} was loaded, but {shorten(report.warnings, '; ')}.", stacklevel=4)
    return report


def _renamed(stored: _Groups, rename: Mapping[str, str], model: Any) -> _Groups:
    """The groups by the names that they get."""
    if not isinstance(rename, Mapping):
        raise TypeError(f"rename must be a dict of names in the file to names in the model; got {rename!r:.80}.")
    ours = [layer.name for layer in model.layers]
    for names, have, where in ((rename, stored, "file"), (rename.values(), ours, "model")):
        for unknown in (name for name in names if name not in have):
            some = shorten([repr(name) for name in have], ", ")
            raise ValueError(
                f"rename speaks of {unknown!r} in the {where}, which is not there. The {where} has {some}."
            )
    found: _Groups = {}
    taken = set(rename.values())
    if len(taken) < len(rename):
        raise ValueError(f"rename gives one name of the model to several of the file: {dict(rename)}.")
    for key, arrays in stored.items():
        # A layer that another takes the name of can be found by its order only.
        found[rename.get(key, f"{key} in the file" if key in taken else key)] = arrays
    return found


def _is_given(layer: Any, rename: Mapping[str, str] | None) -> bool:
    return layer.name in (rename or {}).values() or is_given(layer.name, to_snake_case(type(layer).__name__))


def _in_order(layers: list[Any], stored: _Groups, rename: Mapping[str, str], report: LoadReport) -> dict[str, str]:
    """The groups for the layers: by the names that layers were given, all others as they stand."""
    by_name = [_is_given(layer, rename) and layer.name in stored for layer in layers]
    taken = {layer.name for layer, is_named in zip(layers, by_name) if is_named}
    rest = iter([key for key in stored if key not in taken])
    found = {layer.name: layer.name if is_named else next(rest) for layer, is_named in zip(layers, by_name)}
    moved = [layer.name for layer, old in zip(layers, stored) if old != found[layer.name]]
    if moved and not rename:
        report.warnings.append(
            f"layers stand in another order than in the file and were found by their names: {shorten(moved, ', ')}"
        )
    others = {key: (name, f"layer {list(found).index(name)}") for name, key in found.items() if key != name}
    if told := in_other_order(others):
        report.warnings.append(
            "names are in another order than in the file, weights were matched by the order of layers: "
            f"{shorten(told, '; ')}; by_name=True matches them by name"
        )
    return found


def _other_layers(name: str, layers: list[Any], stored: _Groups) -> str:
    ours, theirs = [layer.name for layer in layers], list(stored)
    return (
        f"{name} does not fit the model: it holds weights for {len(stored)} layers, the model has {len(layers)} with "
        f"weights. Only in the file: {_without(theirs, ours)}; only in the model: {_without(ours, theirs)}. To load "
        "the layers that share a name, pass by_name=True or strict=False; `rename` says which is which. Nothing was "
        "loaded."
    )


def _extra(report: LoadReport, strict: bool | None) -> list[str]:
    """What the file lacks, and with `strict` what it holds beside."""
    lacks = [f"it has nothing for {shorten(report.missing, ', ')}"] if report.missing else []
    holds = f"it also holds what the model has no place for: {shorten(report.unexpected, ', ')}"
    return [*lacks, holds] if report.unexpected and strict else lacks


def assign(root: Any, pairs: _Pairs) -> list[str]:
    """Give each variable the values of its array, and tell what is odd; an error on the way leaves all as they were."""
    odd = []
    with Transaction(root):
        for weight, dataset in pairs:
            values = hdf5.read(dataset)
            if problem := oddity(values):
                odd.append(f"{dataset.name} {problem}")
            weight.assign(values)
    return odd


def _layer_group(group: Group, layer_name: str, name: str) -> Group:
    found = hdf5.group_at(group, layer_name)
    if found is None:
        raise ValueError(f"{name} lists a layer {layer_name!r} that it does not hold.")
    return found


def _match(label: str, weights: list[Any], arrays: list[Array]) -> tuple[_Pairs, list[str]]:
    if len(weights) != len(arrays):
        return [], [f"{label} has {len(weights)} weights, the file {len(arrays)}"]
    found = [(weight, array, mismatch(weight, array)) for weight, array in zip(weights, arrays)]
    pairs = [(weight, array) for weight, array, problem in found if problem is None]
    problems = [f"{label}, weight {weight.path!r}: {problem}" for weight, _, problem in found if problem is not None]
    return pairs, problems


def _without(names: list[str], others: list[str]) -> str:
    left = [name for name in names if name not in others]
    return ", ".join(left[:10]) + (" and more" if len(left) > 10 else "") or "none"
