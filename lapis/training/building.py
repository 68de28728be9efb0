"""Makes whatever a model still lacks before it can run on a batch: weights, metrics' and optimizer's variables."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import jax
import jax.numpy as jnp

import lapis.core.nest as nest
from lapis.data import ArrayAdapter, DataAdapter, unpack_x_y_sample_weight
from lapis.state import StatelessScope
from lapis.training.hosting import takes_strings

_FROZEN = (
    "The model's trainable variables are no longer those that the optimizer was built for: {details}. Call compile() "
    "again after a layer's `trainable` changes or layers are added."
)


def graph_of(model: Any) -> Any:
    """The graph that a model runs, with `inputs`, `outputs` and `plan`; `None` where `call` is somebody's own."""
    own = type(model).call.__module__.startswith("lapis.models") and "call" not in vars(model)
    return getattr(model, "graph", None) if own else None


def is_own(model: Any, method: str) -> bool:
    """Whether a model's method is its own in place of Lapis's."""
    found = getattr(type(model), method)
    return method in vars(model) or not str(getattr(found, "__module__", "")).startswith("lapis.training")


def _is_built(model: Any) -> bool:
    return all(layer.built for layer in model._flatten_layers())


def _is_compiled_for_data(model: Any) -> bool:
    parts = (model._compile_loss, model._compile_metrics)
    return all(part is None or part.built for part in parts)


def build_on(model: Any, peek: Callable[[], Any], with_targets: bool) -> None:
    """Build what is not built yet; `peek()` gives the first batch and is called only if it is needed."""
    if not _is_built(model) or (with_targets and not _is_compiled_for_data(model)):
        x, y, sample_weight = unpack_x_y_sample_weight(peek())
        # A step of one's own without targets uses the losses as it likes.
        losses_apply = with_targets and not (y is None and is_own(model, "train_step"))
        if takes_strings(model):  # which cannot be traced
            _touch(model, losses_apply, x, y, sample_weight)
        elif losses_apply or not _is_built(model):
            jax.eval_shape(lambda *batch: _touch(model, losses_apply, *batch), x, y, sample_weight)
    if with_targets and model.optimizer is not None:
        _build_optimizer(model)


def build_first(model: Any, adapter: DataAdapter) -> None:
    """Build a model that takes strings on its first batch, since only then is it known what runs on the host."""
    if not model.built and isinstance(adapter, ArrayAdapter) and takes_strings(model):
        build_on(model, lambda: adapter.take(slice(0, adapter.batch_size)), with_targets=False)


def _touch(model: Any, with_targets: bool, x: Any, y: Any, sample_weight: Any) -> None:
    """Go once through everything that makes variables on first use."""
    with StatelessScope():
        told = _told_by_graph(model, x) if with_targets else None
        if told is not None:
            with suppress(Exception):  # where the rows are no rows; what is wrong shows below
                _touch_compiled(model, x, y, told, sample_weight)
                return
        y_pred = model(x, training=False)
        if y_pred is None:
            raise ValueError(f"The model {model.path!r} gave nothing: let its `call` return the outputs.")
        _known_outputs(model)[_kind(x)] = nest.map_structure(_spec, y_pred)
        if with_targets:
            _touch_compiled(model, x, y, y_pred, sample_weight)


def _touch_compiled(model: Any, x: Any, y: Any, y_pred: Any, sample_weight: Any) -> None:
    if model._compile_metrics is not None and not model._compile_metrics.built:
        model.compute_metrics(x, y, y_pred, sample_weight)
    if model._compile_loss is not None and not model._compile_loss.built:
        model._call_compute_loss(x, y, y_pred, sample_weight, False)


def _told_by_graph(model: Any, x: Any) -> Any:
    """Zeros in place of the outputs, where a built graph tells their sizes; tracing its layers takes far longer."""
    graph = graph_of(model)
    if graph is None or not _is_built(model) or takes_strings(model):
        return None
    if any(end.shape[:1] != (None,) or None in end.shape[1:] for end in graph.outputs):
        return None
    rows, outputs = nest.flatten(x)[0].shape[0], nest.unpack_single(graph.output)
    return nest.map_structure(lambda end: jnp.zeros((rows, *end.shape[1:]), end.dtype), outputs)


def _spec(x: Any) -> Any:
    return jax.ShapeDtypeStruct(x.shape, x.dtype) if hasattr(x, "shape") and hasattr(x, "dtype") else None


def _kind(x: Any) -> Any:
    return tuple(
        (path, getattr(leaf, "shape", None), str(getattr(leaf, "dtype", None)))
        for path, leaf in nest.flatten_with_path(x)
    )


def _known_outputs(model: Any) -> dict[Any, Any]:
    """Shapes and types of the outputs by those of the inputs, as far as the model has been traced."""
    return model.__dict__.setdefault("_known_outputs", {})


def outputs_for(model: Any, x: Any) -> Any:
    """Shapes and types of a model's outputs for inputs, by tracing its call unless that was done; `None` if in vain."""
    known, kind = _known_outputs(model), _kind(x)
    if kind not in known:
        if takes_strings(model):  # which cannot be traced
            return None
        jax.eval_shape(lambda x: _touch(model, False, x, None, None), x)
    outputs = known.get(kind)
    return None if any(leaf is None for leaf in nest.flatten(outputs)) else outputs


def _build_optimizer(model: Any) -> None:
    optimizer, variables = model.optimizer, model.trainable_variables
    if not optimizer.built:
        optimizer.build(variables)
        return
    known = getattr(optimizer, "_trainable_variables", None)
    if is_own(model, "train_step"):  # which may train some of them, and build optimizers for these
        return
    if known is not None and [id(variable) for variable in known] != [id(variable) for variable in variables]:
        gone = [v.path for v in known if not any(v is other for other in variables)]
        new = [v.path for v in variables if not any(v is other for other in known)]
        raise ValueError(_FROZEN.format(details=f"no longer trainable {gone}, newly trainable {new}"))
