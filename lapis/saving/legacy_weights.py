"""Weights in the older HDF5 layout: a group for each layer, whose weights stand in a list of names.

Layers find their groups by their order in the model, or by name.
"""

import warnings
from collections.abc import Iterable
from typing import Any

import h5py

from lapis.core.naming import to_snake_case
from lapis.saving import hdf5
from lapis.saving.places import is_given
from lapis.saving.report import LoadReport, shorten
from lapis.saving.state import Transaction, mismatch, oddity

_TOP_LEVEL = "top_level_model_weights"
_Pairs = list[tuple[Any, h5py.Dataset]]
_Group = tuple[str, list[h5py.Dataset]]


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


def read_list(group: h5py.Group) -> list[h5py.Dataset]:
    """The headers of the arrays in a group, in order."""
    found = []
    for name in hdf5.read_names(group, "weight_names") or ():
        dataset = hdf5.dataset_at(group, name)
        if dataset is None:
            raise ValueError(f"{group.name} in the file lists an array {name!r} that is not there.")
        found.append(dataset)
    return found


def load_weights(
    group: h5py.Group, model: Any, name: str, by_name: bool = False, skip_mismatch: bool = False
) -> LoadReport:
    """Set the weights of all layers from `group` of the file called `name`, or raise `ValueError` and change nothing.

    With `by_name`, layers of other names keep their weights; with `skip_mismatch`, so do weights of other shapes.
    """
    layer_names = hdf5.read_names(group, "layer_names")
    if layer_names is None:
        raise ValueError(f"{name} holds no weights in the layout of Keras's .h5 files: it lists no `layer_names`.")
    report = LoadReport(name)
    stored = {layer_name: _layer_group(group, layer_name, name) for layer_name in layer_names}
    if by_name:
        pairs, problems = _match_by_name(stored, model)
    else:
        pairs, problems = _match_in_order(stored, model, report)
    if hdf5.holds(group, _TOP_LEVEL):
        top, found = _match("the model itself", own_weights_of(model), read_list(_layer_group(group, _TOP_LEVEL, name)))
        pairs, problems = pairs + top, problems + found
    text = f"{name} does not fit the model: {'; '.join(problems)}."
    if problems and not skip_mismatch:
        raise ValueError(f"{text} Nothing was loaded.")
    report.warnings.extend(assign(model, pairs))
    report.loaded = [weight.path for weight, _ in pairs]
    given = {id(weight) for weight, _ in pairs}
    left = [weight.path for layer in model.layers for weight in weights_of(layer) if id(weight) not in given]
    report.missing = left if not problems else []
    report.mismatched = dict.fromkeys(left, text) if problems else {}
    if problems:
        warnings.warn(f"{text} The rest was loaded.", stacklevel=4)
    if report.warnings:
        warnings.warn(f"{name} was loaded, but {shorten(report.warnings, '; ')}.", stacklevel=4)
    return report


def _in_order_of(layers: list[Any], groups: list[_Group], report: LoadReport) -> list[_Group]:
    """The groups in the order of the layers: by the names that layers were given, all others as they stand."""
    named = {key: (key, arrays) for key, arrays in groups}
    given = [is_given(layer.name, to_snake_case(type(layer).__name__)) and layer.name in named for layer in layers]
    taken = {layer.name for layer, is_named in zip(layers, given) if is_named}
    rest = iter([group for group in groups if group[0] not in taken])
    found = [named[layer.name] if is_named else next(rest) for layer, is_named in zip(layers, given)]
    moved = [layer.name for layer, old, new in zip(layers, groups, found) if old[0] != new[0]]
    if moved:
        report.warnings.append(
            f"layers stand in another order than in the file and were found by their names: {shorten(moved, ', ')}"
        )
    return found


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


def _layer_group(group: h5py.Group, layer_name: str, name: str) -> h5py.Group:
    found = hdf5.group_at(group, layer_name)
    if found is None:
        raise ValueError(f"{name} lists a layer {layer_name!r} that it does not hold.")
    return found


def _match_in_order(stored: dict[str, h5py.Group], model: Any, report: LoadReport) -> tuple[_Pairs, list[str]]:
    layers = [layer for layer in model.layers if weights_of(layer)]
    groups = [(key, arrays) for key, group in stored.items() if (arrays := read_list(group))]
    if len(layers) != len(groups):
        ours, theirs = [layer.name for layer in layers], [key for key, _ in groups]
        raise ValueError(
            f"{report.file} does not fit the model: it holds weights for {len(groups)} layers, the model has "
            f"{len(layers)} with weights. Only in the file: {_without(theirs, ours)}; only in the model: "
            f"{_without(ours, theirs)}. "
            "To load the layers that share a name, pass by_name=True. Nothing was loaded."
        )
    pairs: _Pairs = []
    problems: list[str] = []
    for layer, (key, arrays) in zip(layers, _in_order_of(layers, groups, report)):
        also = f" ({key!r} in the file)" if key != layer.name else ""
        found = _match(f"layer {layer.name!r}{also}", weights_of(layer), arrays)
        pairs, problems = pairs + found[0], problems + found[1]
    return pairs, problems


def _match_by_name(stored: dict[str, h5py.Group], model: Any) -> tuple[_Pairs, list[str]]:
    pairs: _Pairs = []
    problems: list[str] = []
    for layer in model.layers:
        if layer.name in stored:
            found = _match(f"layer {layer.name!r}", weights_of(layer), read_list(stored[layer.name]))
            pairs, problems = pairs + found[0], problems + found[1]
    return pairs, problems


def _match(label: str, weights: list[Any], arrays: list[h5py.Dataset]) -> tuple[_Pairs, list[str]]:
    if len(weights) != len(arrays):
        return [], [f"{label} has {len(weights)} weights, the file {len(arrays)}"]
    found = [(weight, array, mismatch(weight, array)) for weight, array in zip(weights, arrays)]
    pairs = [(weight, array) for weight, array, problem in found if problem is None]
    problems = [f"{label}, weight {weight.path!r}: {problem}" for weight, _, problem in found if problem is not None]
    return pairs, problems


def _without(names: list[str], others: list[str]) -> str:
    left = [name for name in names if name not in others]
    return ", ".join(left[:10]) + (" and more" if len(left) > 10 else "") or "none"
