"""What one step of training, evaluation and prediction computes, as pure functions of state and batch.

The state of training is `(trainable, non_trainable, optimizer, metrics)`, four lists of values; that of evaluation
lacks the optimizer's, that of prediction also the metrics'.
"""

from typing import Any

import jax

import lapis.core.nest as nest
import lapis.ops as ops
from lapis.core.config import floatx
from lapis.core.dtypes import is_float_dtype
from lapis.core.watching import watching
from lapis.data import unpack_x_y_sample_weight
from lapis.graph import get_mask, keeping_logits, set_mask
from lapis.state import StatelessScope, real_batch_size

_NO_LOSS = (
    "There is no loss to train on: compile() got none, and no layer adds one. Pass `loss` to compile(), call "
    "`self.add_loss` in a layer, or override `compute_loss`."
)


def total_loss(model: Any, y: Any, y_pred: Any, sample_weight: Any, training: bool) -> Any:
    """The compiled losses and those that layers and regularizers add, summed."""
    losses = []
    if model._compile_loss is not None:
        loss = model._compile_loss(y, y_pred, sample_weight)
        if loss is not None:
            losses.append(loss)
    losses.extend(_as_scalar(loss) for loss in model.losses)
    if not losses:
        if training:
            raise ValueError(_NO_LOSS)
        return ops.zeros(())
    loss = sum(losses[1:], losses[0])
    if watching.watch is not None:
        watching.watch.loss(loss)
    return loss


def _as_scalar(loss: Any) -> Any:
    loss = ops.convert_to_tensor(loss)
    return ops.sum(loss if is_float_dtype(loss.dtype) else ops.cast(loss, floatx()))


def _current(scope: StatelessScope, variables: list[Any]) -> list[Any]:
    values = [scope.get_current_value(variable) for variable in variables]
    return [variable.value if value is None else value for value, variable in zip(values, variables)]


def stateless_loss(model: Any, state: tuple, x: Any, y: Any, y_pred: Any, sample_weight: Any, training: bool) -> Any:
    """The loss and the new `(trainable, non_trainable, metrics)` values."""
    trainable, non_trainable, metrics = state
    mapping = [
        *zip(model.trainable_variables, trainable),
        *zip(model.non_trainable_variables, non_trainable),
        *zip(model.metrics_variables, metrics),
    ]
    with StatelessScope(mapping) as scope:
        loss = model._call_compute_loss(x, y, y_pred, sample_weight, training)
    return loss, (trainable, _current(scope, model.non_trainable_variables), _current(scope, model.metrics_variables))


def loss_and_updates(
    model: Any,
    trainable: Any,
    non_trainable: Any,
    metrics: Any,
    x: Any,
    y: Any,
    sample_weight: Any,
    training: bool,
    optimizer_variables: Any,
) -> tuple[Any, tuple]:
    """The (scaled) loss, and `(loss, y_pred, non_trainable, metrics)`."""
    with keeping_logits():
        y_pred, non_trainable, forward_losses = model.stateless_call(
            trainable, non_trainable, x, return_losses=True, training=training
        )
        with model._using_losses(forward_losses):
            loss, (_, non_trainable, metrics) = model.stateless_compute_loss(
                trainable,
                non_trainable,
                metrics,
                x=x,
                y=y,
                y_pred=y_pred,
                sample_weight=sample_weight,
                training=training,
            )
    scaled = loss
    if training and model.optimizer is not None:
        with StatelessScope(list(zip(model.optimizer.variables, optimizer_variables or ()))):
            scaled = model.optimizer.scale_loss(loss)
    return scaled, (loss, y_pred, non_trainable, metrics)


def update_metrics(
    model: Any, metrics: Any, loss: Any, x: Any, y: Any, y_pred: Any, sample_weight: Any
) -> tuple[dict[str, Any], list[Any]]:
    """The logs and the new values of the metrics' variables."""
    with StatelessScope(list(zip(model.metrics_variables, metrics))) as scope:
        batch = real_batch_size(next(leaf for leaf in nest.flatten(x) if leaf is not None))
        model._loss_tracker.update_state(loss, sample_weight=batch)
        logs = model.compute_metrics(x, y, y_pred, sample_weight)
    return logs, _current(scope, model.metrics_variables)


def train_step(model: Any, state: tuple, data: Any) -> tuple[dict[str, Any], tuple]:
    """One step down the gradient: `(logs, new state)`."""
    trainable, non_trainable, optimizer_variables, metrics = state
    x, y, sample_weight = unpack_x_y_sample_weight(data)

    def objective(trainable: Any) -> tuple[Any, tuple]:
        loss, aux = model.compute_loss_and_updates(
            trainable,
            non_trainable,
            metrics,
            x,
            y,
            sample_weight,
            training=True,
            optimizer_variables=optimizer_variables,
        )
        return loss, (aux, [None if leaf is None else get_mask(leaf) for leaf in nest.flatten(aux[1])])

    (_, (aux, masks)), gradients = jax.value_and_grad(objective, has_aux=True)(trainable)
    loss, y_pred, non_trainable, metrics = aux
    for leaf, mask in zip(nest.flatten(y_pred), masks):  # the arrays that leave the gradient are new ones
        if mask is not None:
            set_mask(leaf, mask)
    trainable, optimizer_variables = model.optimizer.stateless_apply(optimizer_variables, gradients, trainable)
    logs, metrics = update_metrics(model, metrics, loss, x, y, y_pred, sample_weight)
    return logs, (trainable, non_trainable, optimizer_variables, metrics)


def test_step(model: Any, state: tuple, data: Any) -> tuple[dict[str, Any], tuple]:
    """One step of evaluation: `(logs, new state)`."""
    trainable, non_trainable, metrics = state
    x, y, sample_weight = unpack_x_y_sample_weight(data)
    _, (loss, y_pred, non_trainable, metrics) = model.compute_loss_and_updates(
        trainable, non_trainable, metrics, x, y, sample_weight, training=False
    )
    logs, metrics = update_metrics(model, metrics, loss, x, y, y_pred, sample_weight)
    return logs, (trainable, non_trainable, metrics)


def predict_step(model: Any, state: tuple, data: Any) -> tuple[Any, Any]:
    """One step of prediction: `(outputs, new non_trainable values)`."""
    trainable, non_trainable = state
    x, _, _ = unpack_x_y_sample_weight(data)
    return model.stateless_call(trainable, non_trainable, x, training=False)
