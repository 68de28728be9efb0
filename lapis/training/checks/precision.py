"""Mixes of types that lose precision."""

from collections.abc import Iterator
from typing import Any

import numpy as np

import lapis.activations as activations
from lapis.core import nest
from lapis.core.dtypes import is_float_dtype
from lapis.core.findings import Finding
from lapis.graph import KerasTensor, producer
from lapis.layers import Embedding, Layer, Softmax
from lapis.optimizers import LossScaleOptimizer
from lapis.training.building import graph_of
from lapis.training.checks.graphs import function_name, has_weights, nodes, path_of
from lapis.training.checks.subject import Subject
from lapis.training.outputs import object_name

_EXACT = {"float32": 2**24, "float16": 2**11, "bfloat16": 2**8}  # whole numbers beyond are rounded
_HALF = ("float16", "bfloat16")
_ROWS = 1024  # that are looked at


def ids_through_floats(subject: Subject) -> Iterator[Finding]:
    """`ids-rounded`: an embedding of more ids than the type that they come in tells apart."""
    for node in nodes(subject.model):
        layer = node.operation
        if not isinstance(layer, Embedding):
            continue
        for dtype in _types_above(node.input_tensors[0]):
            most = _EXACT.get(dtype)
            if most is not None and layer.input_dim > most:
                message = f"It has {layer.input_dim} ids, but they come as {dtype}, which rounds those beyond {most}."
                advice = "Give the Input dtype='int32', and do not cast ids to floats."
                yield Finding("ids-rounded", "error", message, advice, path_of(layer), node.source)
                break


def _types_above(x: KerasTensor) -> Iterator[str]:
    """The types that the values have had, up to the input."""
    while True:
        yield x.dtype
        node = producer(x)
        if node is None or len(node.input_tensors) != 1 or has_weights(node.operation):
            return
        x = node.input_tensors[0]


def rounded_values(subject: Subject) -> Iterator[Finding]:
    """`values-rounded`: whole numbers in the data, such as ids or times, that an input's type cannot hold."""
    graph = graph_of(subject.model)
    given = subject.given or subject.batch
    if graph is None or given is None:
        return
    for x, leaf in _by_input(graph, given[0]):
        if not isinstance(leaf, np.ndarray) or leaf.dtype.kind not in "iuf" or x.dtype not in _EXACT:
            continue
        if np.can_cast(leaf.dtype, x.dtype):
            continue
        rows = leaf[:_ROWS]
        large = rows[np.abs(rows) > _EXACT[x.dtype]]
        whole = large[np.isfinite(large) & (np.floor(large) == large)]
        lost = whole[whole.astype(x.dtype).astype(whole.dtype) != whole]
        if lost.size:
            node = producer(x)
            message = f"Its data hold {lost[0]}, which {x.dtype} rounds to {int(lost[:1].astype(x.dtype)[0])}."
            advice = "Give the Input an integer type, or subtract and scale the values beforehand."
            path, source = (None, None) if node is None else (path_of(node.operation), node.source)
            yield Finding("values-rounded", "warning", message, advice, path, source)


def _by_input(graph: Any, x: Any) -> list[tuple[KerasTensor, Any]]:
    """The inputs with their data, none where they do not match."""
    named = isinstance(x, dict) and set(x) == set(graph.input_names)
    flat = [x[name] for name in graph.input_names] if named else nest.flatten(x)
    return list(zip(graph.inputs, flat)) if len(flat) == len(graph.inputs) else []


def float64_cut(subject: Subject) -> Iterator[Finding]:
    """`float64-cut`: a layer that computes in fewer bits than the tensor it is given."""
    for node in nodes(subject.model):
        layer = node.operation
        if not isinstance(layer, Layer) or hasattr(layer, "graph") or not layer.autocast:
            continue
        given = any(x.dtype == "float64" for x in node.input_tensors)
        if given and is_float_dtype(layer.compute_dtype) and layer.compute_dtype != "float64":
            message = f"It is given float64 and computes in {layer.compute_dtype}."
            advice = "Pass dtype='float64' to the layer, or leave float64 out of the Input."
            yield Finding("float64-cut", "warning", message, advice, path_of(layer), node.source)
            return


def half_precision(subject: Subject) -> Iterator[Finding]:
    """`half-precision-output`, `half-precision-weights`, `no-loss-scaling`: 16 bits where they do not suffice."""
    model = subject.model
    if not model.compiled or subject.method == "evaluate":
        return
    graph = graph_of(model)
    for x in graph.outputs if graph is not None and _needs_probabilities(model.loss) else ():
        node = producer(x)
        if node is not None and x.dtype in _HALF and _makes_probabilities(node):
            message = f"It gives probabilities in {x.dtype}, and the loss is computed from them."
            advice = "Pass dtype='float32' to the last layer."
            yield Finding("half-precision-output", "warning", message, advice, path_of(node.operation), node.source)
    layers = [one for one in model._flatten_layers(include_self=False) if one.trainable and one._trainable_variables]
    for layer in layers:
        if layer.variable_dtype in _HALF:
            message = f"Its weights are kept in {layer.variable_dtype}, where small updates are rounded away."
            advice = f"Take the policy 'mixed_{layer.variable_dtype}', which keeps them in float32."
            yield Finding("half-precision-weights", "warning", message, advice, path_of(layer))
            break
    scaled = isinstance(model.optimizer, LossScaleOptimizer) or model.dtype_policy.name == "mixed_float16"
    for layer in layers:
        if layer.compute_dtype == "float16" and not scaled:
            message = "It computes in float16, where small gradients vanish, and the loss is not scaled."
            advice = (
                "Set the policy 'mixed_float16' before the model is made, or wrap the optimizer in LossScaleOptimizer."
            )
            yield Finding("no-loss-scaling", "warning", message, advice, path_of(layer))
            break


def _needs_probabilities(loss: Any) -> bool:
    """Whether a loss is computed from the probabilities themselves: crossentropies take what went into them."""
    names = [one if isinstance(one, str) else object_name(one) or "" for one in nest.flatten(loss) if one is not None]
    return any(not name.endswith("crossentropy") for name in names)


def _makes_probabilities(node: Any) -> bool:
    functions = (activations.softmax, activations.sigmoid)
    of_layer = getattr(node.operation, "activation", None) in functions or isinstance(node.operation, Softmax)
    return of_layer or function_name(node) in ("softmax", "sigmoid")
