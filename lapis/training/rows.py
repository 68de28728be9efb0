"""Whether a batch may be padded to a common size: whether rows are kept apart, and padding can be left out."""

from collections.abc import Iterator
from typing import Any

from lapis.graph import FunctionOperation, Node
from lapis.layers import Layer, TimeDistributed
from lapis.layers.attention.heads import HeadedAttention
from lapis.layers.calling import signature_of
from lapis.losses import LossFunctionWrapper
from lapis.losses.lookup import CLASSES as LOSSES
from lapis.losses.lookup import FUNCTIONS as LOSS_FUNCTIONS
from lapis.metrics import IoU, MeanMetricWrapper
from lapis.metrics.lookup import CLASSES as METRICS
from lapis.metrics.lookup import FUNCTIONS as METRIC_FUNCTIONS
from lapis.training.row_operations import is_activation, operation_keeps_rows

# The methods by which a model decides for itself what becomes of a batch.
_STEPS = (
    "train_step",
    "test_step",
    "compute_loss",
    "compute_metrics",
    "compute_loss_and_updates",
    "stateless_compute_loss",
    "get_metrics_result",
)
_OVERLAPS = (LOSS_FUNCTIONS["dice"], LOSS_FUNCTIONS["tversky"])


# Losses and metrics


def counts_real_rows(model: Any) -> bool:
    """Whether the model's losses and metrics leave out padding within `lapis.state.real_rows`.

    The model is to be built, with the losses and metrics that `compile` was given. What Lapis cannot vouch for counts
    every row: a step, loss or metric of the user's own, losses that layers add, a loss without reduction.
    """
    losses, metrics = model._compile_loss, model._compile_metrics
    if any(part is not None and not part.built for part in (losses, metrics)):
        return False
    if any(not _is_own(getattr(type(model), name)) or name in vars(model) for name in _STEPS):
        return False
    if any(
        layer.activity_regularizer is not None or layer._metrics or not _is_own(type(layer)) for layer in _all(model)
    ):
        return False
    outputs = getattr(model, "outputs", None) if _is_own(type(model)) else None
    return (
        outputs is not None
        and all(len(x.shape) >= 2 for x in outputs)
        and all(loss_counts_real_rows(part.loss) for part in (losses._parts if losses is not None else ()))
        and all(metric_counts_real_rows(metric) for metric in (metrics.metrics if metrics is not None else ()))
    )


def loss_counts_real_rows(loss: Any) -> bool:
    """Whether a loss is one of Lapis's own, set so that it leaves out padding within `lapis.state.real_rows`.

    Predictions are taken to have two axes or more, the first of them the batch.
    """
    if loss.reduction in (None, "none"):
        return False
    own = type(loss) in LOSSES.values()
    return (own or type(loss) is LossFunctionWrapper) and _values_by_row(loss.fn, loss._fn_kwargs, own)


def metric_counts_real_rows(metric: Any) -> bool:
    """Whether a metric is one of Lapis's own, set so that it leaves out padding within `lapis.state.real_rows`.

    Predictions are taken to have two axes or more, the first of them the batch.
    """
    if type(metric) not in METRICS:
        return False
    if isinstance(metric, MeanMetricWrapper):
        return _values_by_row(metric._fn, metric._fn_kwargs, type(metric) is not MeanMetricWrapper)
    return not isinstance(metric, IoU) or _spares_batch(metric.axis)


def _values_by_row(function: Any, options: dict[str, Any], own: bool) -> bool:
    """Whether a function gives values by row, or leaves out padding itself."""
    known = (*LOSS_FUNCTIONS.values(), *METRIC_FUNCTIONS.values())
    if not own and not any(function is one for one in known):
        return False
    axis = options.get("axis", -1)
    if any(function is one for one in _OVERLAPS):
        axes = axis if isinstance(axis, (list, tuple)) else [axis]
        return options.get("axis") is None or all(one > 0 for one in axes)
    return _spares_batch(axis)


def _spares_batch(axis: int) -> bool:
    """Whether an axis, of so far unknown arrays with two axes or more, cannot be that of the batch."""
    return axis == -1 or axis > 0


def _is_own(thing: Any) -> bool:
    """Whether a class or function is Lapis's own."""
    return thing.__module__.partition(".")[0] == "lapis"


def _all(layer: Layer) -> Iterator[Any]:
    """The layers inside a layer, at any depth."""
    return layer._flatten_layers(include_self=False)


# Layers


def rows_independent(model: Any, training: bool) -> bool:
    """Whether each row of the outputs depends on the same row of the inputs only.

    The answer is yes only for a graph of Lapis's own layers and operations that are known to keep rows apart. Random
    layers do, although what they draw depends on the size of the batch. In training, losses that layers add count as
    outputs.
    """
    if training and any(layer.activity_regularizer is not None for layer in (model, *_all(model))):
        return False
    return _is_own(type(model)) and _graph_keeps_rows(model, training)


def _graph_keeps_rows(model: Any, training: bool) -> bool:
    graph = getattr(model, "graph", None)
    if graph is None:
        return False
    plan = graph.graph_plan
    starts = {id(x) for x in plan.inputs}
    batches = {x.shape[:1] for x in plan.inputs}
    if len(batches) != 1 or () in batches or plan.reaches_inside:
        return False
    batch = batches.pop()
    for node in plan.nodes:
        if all(id(x) in starts for x in node.output_tensors):
            continue
        if any(x.shape[:1] != batch for x in node.output_tensors) or not _node_keeps_rows(node, training):
            return False
    return True


def _node_keeps_rows(node: Node, training: bool) -> bool:
    operation = node.operation
    if isinstance(operation, FunctionOperation):
        return operation_keeps_rows(node)
    if not isinstance(operation, Layer):
        return False
    given = signature_of(type(operation).call).bind(node.args, node.kwargs, operation).get("training")
    return _layer_keeps_rows(
        operation, [len(x.shape) for x in node.input_tensors], training if given is None else given
    )


def _layer_keeps_rows(layer: Any, ranks: list[int], training: bool) -> bool:
    if not _is_own(type(layer)) or layer._mixes_rows(ranks, training):
        return False
    if hasattr(type(layer), "graph"):
        return _graph_keeps_rows(layer, training)
    for name in ("activation", "recurrent_activation"):
        function = getattr(layer, name, None)
        wrapped = function is None or isinstance(function, Layer)
        if not wrapped and not (is_activation(function) and min(ranks) > 1):
            return False
    if isinstance(layer, TimeDistributed):
        ranks = [rank - 1 for rank in ranks]
    # Attention answers for its own layers, which see arrays of other ranks.
    inside = () if isinstance(layer, HeadedAttention) else layer._layers
    return all(_layer_keeps_rows(inner, ranks, training) for inner in inside)
