"""Makes whatever a model still lacks before it can run on a batch: weights, metrics' and optimizer's variables."""

from collections.abc import Callable
from typing import Any

import jax

import lapis.core.nest as nest
from lapis.data import ArrayAdapter, DataAdapter, unpack_x_y_sample_weight
from lapis.state import StatelessScope
from lapis.training.checks.subject import is_own
from lapis.training.hosting import takes_strings

_FROZEN = (
    "The model's trainable variables are no longer those that the optimizer was built for: {details}. Call compile() "
    "again after a layer's `trainable` changes or layers are added."
)


def _is_built(model: Any) -> bool:
    return all(layer.built for layer in model._flatten_layers())


def _is_compiled_for_data(model: Any) -> bool:
    parts = (model._compile_loss, model._compile_metrics)
    return all(part is None or part.built for part in parts)


def build_on(model: Any, peek: Callable[[], Any], with_targets: bool) -> None:
    """Build what is not built yet; `peek()` gives the first batch and is called only if it is needed."""
    if not _is_built(model) or (with_targets and not _is_compiled_for_data(model)):
        x, y, sample_weight = unpack_x_y_sample_weight(peek())
        losses_apply = with_targets and not (y is None and is_own(model, "train_step"))
        if _is_built(model) and not losses_apply:  # then the step uses the model and its loss as it likes
            pass
        elif takes_strings(model):  # which cannot be traced
            _touch(model, losses_apply, x, y, sample_weight)
        else:
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
        y_pred = model(x, training=False)
        if y_pred is None:
            raise ValueError(f"The model {model.path!r} gave nothing: let its `call` return the outputs.")
        _known_outputs(model)[_kind(x)] = nest.map_structure(_spec, y_pred)
        if not with_targets:
            return
        if model._compile_metrics is not None and not model._compile_metrics.built:
            model.compute_metrics(x, y, y_pred, sample_weight)
        if model._compile_loss is not None and not model._compile_loss.built:
            model._call_compute_loss(x, y, y_pred, sample_weight, False)


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
