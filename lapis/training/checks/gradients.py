"""Trainable weights that no gradient comes to."""

import warnings
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Literal

from lapis.core import nest
from lapis.core.dtypes import is_float_dtype
from lapis.core.findings import Finding
from lapis.graph import InnerTensor, KerasTensor, Node, Plan
from lapis.layers import Embedding, Layer
from lapis.training.building import graph_of
from lapis.training.checks.graphs import function_name, path_of
from lapis.training.checks.subject import Subject, has_own_steps
from lapis.training.hosting import takes_strings

_ADVICE = "Freeze it with `trainable = False`, or let a loss depend on it."
# Operations whose gradient is zero wherever it exists; those that give whole numbers show by their type.
_FLAT = frozenset(
    {"stop_gradient", "sign", "floor", "ceil", "trunc", "round", "floor_divide", "zeros_like", "ones_like"}
)


def weights_without_gradient(subject: Subject) -> Iterator[Finding]:
    """`no-gradient`: layers from which no differentiable way leads to an output, as the graph tells."""
    model = subject.model
    graph = graph_of(model)
    if graph is None or not subject.trains or not model.compiled or model.loss is None or has_own_steps(model):
        return
    reached: set[int] = set()
    blocks: dict[int, Node] = {}
    _reach(graph.graph_plan, graph.outputs, reached, blocks)
    for node in _inner_nodes(graph.graph_plan):
        layer = node.operation
        if isinstance(layer, Layer) and id(layer) not in reached and _trains(layer):
            reached.add(id(layer))
            block = _block_after(node, blocks)
            if block is None:
                message = "It is to be trained, but no gradient comes to it."
            else:
                where = f" ({block.source})" if block.source else ""
                message = f"It is to be trained, but no gradient comes through {path_of(block.operation)!r}{where}."
            yield Finding("no-gradient", "warning", message, _ADVICE, path_of(layer), node.source)


def _trains(layer: Any) -> bool:
    """Whether the layer has weights of its own to train, or those of layers that it runs itself."""
    return bool(layer.trainable_variables) and not hasattr(layer, "graph")


def _adds_losses(layer: Any) -> bool:
    """Whether it may add a loss of its own: nobody knows what a class of the user's does."""
    return any(
        not type(one).__module__.startswith("lapis.") or one.activity_regularizer is not None
        for one in layer._flatten_layers()
    )


def _reach(plan: Plan, outputs: list[KerasTensor], reached: set[int], blocks: dict[int, Node]) -> set[int]:
    """Note all layers that a gradient of the outputs comes to, and give the inputs that it comes to."""
    wanted = {id(x) for x in outputs if is_float_dtype(x.dtype)}
    for node in reversed(plan.nodes):
        layer = node.operation
        is_layer = isinstance(layer, Layer)
        come = [x for x in node.output_tensors if id(x) in wanted]
        taps = any(isinstance(x, InnerTensor) and x.node is node for n in plan.nodes for x in n.input_tensors)
        if not (come or taps or (is_layer and _adds_losses(layer))):
            continue
        if function_name(node) in _FLAT or isinstance(layer, Embedding):
            blocks[id(node)] = node
            reached.update([id(layer)] if is_layer else ())
            continue
        graph = graph_of(layer) if is_layer and hasattr(layer, "graph") and not taps else None
        if graph is None:
            reached.update(id(one) for one in (layer._flatten_layers() if is_layer else ()))
            wanted.update(id(x) for x in node.input_tensors if is_float_dtype(x.dtype))
            continue
        inner = [graph.outputs[node.output_tensors.index(x)] for x in come]
        inside = _reach(graph.graph_plan, inner, reached, blocks)
        for x, given in zip(graph.inputs, node.input_tensors):
            if id(x) in inside and is_float_dtype(given.dtype):
                wanted.add(id(given))
    return wanted


def _inner_nodes(plan: Plan) -> Iterator[Node]:
    for node in plan.nodes:
        graph = graph_of(node.operation) if hasattr(node.operation, "graph") else None
        if graph is None:
            yield node
        else:
            yield from _inner_nodes(graph.graph_plan)


def _block_after(node: Node, blocks: dict[int, Node]) -> Node | None:
    """The call further on that stops the gradient: one that is flat, or that makes whole numbers."""
    stack, seen = [node], set()
    while stack:
        one = stack.pop()
        made = {id(x) for x in one.output_tensors}
        for after in one.operation._outbound_nodes:
            if id(after) in seen or not any(id(x) in made for x in after.input_tensors):
                continue
            seen.add(id(after))
            if id(after) in blocks or not any(is_float_dtype(x.dtype) for x in after.output_tensors):
                if after.in_model:
                    return after
            else:
                stack.append(after)
    return None


def weights_without_gradient_in_calls(subject: Subject) -> Iterator[Finding]:
    """`no-gradient` for weights inside layers and models with a `call` of their own; in `check`, since it traces."""
    model = subject.model
    if subject.method != "check" or subject.batch is None or takes_strings(model) or not model.built:
        return
    known = {finding.path for finding in weights_without_gradient(subject)}
    try:
        zeros = _gradients_are_zero(model, subject.batch[0])
    except Exception:
        return  # a batch that does not fit is told of by others
    for variable, zero in zip(model.trainable_variables, zeros):
        path = variable.path.rpartition("/")[0]
        if zero and path not in known:
            known.add(path)
            message = f"Its weight {variable.name!r} is to be trained, but nothing that the model gives depends on it."
            yield Finding("no-gradient", "warning", message, _ADVICE, path)


def _gradients_are_zero(model: Any, x: Any) -> list[bool]:
    """For each trainable variable whether its gradient is zero whatever the numbers are."""
    groups = model.trainable_variables, model.non_trainable_variables
    trainable, fixed = [[jax.ShapeDtypeStruct(v.shape, v.dtype) for v in group] for group in groups]

    def objective(trainable: Any, fixed: Any, x: Any) -> Any:
        outputs, _, losses = model.stateless_call(trainable, fixed, x, training=True, return_losses=True)
        values = [jnp.asarray(leaf) for leaf in nest.flatten([outputs, losses]) if leaf is not None]
        return sum(jnp.sum(jnp.square(value)) for value in values if jnp.issubdtype(value.dtype, jnp.floating))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they come when the model runs
        jaxpr = jax.make_jaxpr(jax.grad(objective))(trainable, fixed, x).jaxpr
    makers = {id(var): equation for equation in jaxpr.eqns for var in equation.outvars}
    return [_is_zero(var, makers) for var in jaxpr.outvars]


def _is_zero(var: Any, makers: dict[int, Any]) -> bool:
    """Whether the value is a zero that was written down, in whatever shape and type."""
    while not isinstance(var, Literal):
        equation = makers.get(id(var))
        if equation is None or equation.primitive.name not in ("broadcast_in_dim", "convert_element_type", "reshape"):
            return False
        var = equation.invars[0]
    return not np.any(var.val)
