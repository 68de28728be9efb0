"""The share of the targets' variance that predictions explain."""

import warnings
from typing import Any

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.losses.loss import squeeze_or_expand_to_same_rank
from lapis.metrics.metric import Metric
from lapis.state import real_size, zero_padding

_AGGREGATIONS = (None, "uniform_average", "variance_weighted_average")


@builtin("keras.metrics")
class R2Score(Metric):
    """The coefficient of determination, `1 - Σ(y_true - y_pred)² / Σ(y_true - mean)²`, of `(batch, outputs)`.

    `class_aggregation` joins the outputs' scores: `"uniform_average"` (default), `"variance_weighted_average"`, or
    `None` for one score each. With `num_regressors` > 0 the score is adjusted for so many independent variables.
    Inputs of another rank are a `ValueError`.

    >>> metric = R2Score()
    >>> round(float(metric([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]])), 4)
    0.5714
    """

    _direction = "up"

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if class_aggregation not in _AGGREGATIONS:
            raise ValueError(f"class_aggregation is {class_aggregation!r}; expected one of {_AGGREGATIONS}.")
        if num_regressors < 0:
            raise ValueError(f"num_regressors must be 0 or more; got num_regressors={num_regressors}.")
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors
        self.num_samples = self.add_variable(shape=(), initializer="zeros", name="num_samples")
        self._built = False

    def _build(self, y_true: Any, y_pred: Any) -> None:
        if len(y_true.shape) != 2 or len(y_pred.shape) != 2:
            raise ValueError(
                "R2Score takes targets and predictions of shape (batch, outputs); got y_true of shape "
                f"{tuple(y_true.shape)} and y_pred of shape {tuple(y_pred.shape)}."
            )
        shape = (y_pred.shape[-1],)
        self.squared_sum = self.add_variable(shape, "zeros", name="squared_sum")
        self.sum = self.add_variable(shape, "zeros", name="sum")
        self.total_mse = self.add_variable(shape, "zeros", name="residual")
        self.count = self.add_variable(shape, "zeros", name="count")
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in a batch; `sample_weight` has the shape `(batch,)` or `(batch, outputs)`."""
        y_true = ops.convert_to_tensor(y_true, dtype=self.dtype)
        y_pred = ops.convert_to_tensor(y_pred, dtype=self.dtype)
        y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
        if not self._built:
            self._build(y_true, y_pred)
        weight = ops.convert_to_tensor(1 if sample_weight is None else sample_weight, dtype=self.dtype)
        if len(weight.shape) == 1:
            weight = ops.expand_dims(weight, axis=1)
        weight = zero_padding(ops.broadcast_to(weight, ops.shape(y_true)))
        self.sum.assign_add(ops.sum(y_true * weight, axis=0))
        self.squared_sum.assign_add(ops.sum(ops.square(y_true) * weight, axis=0))
        self.total_mse.assign_add(ops.sum(ops.square(y_true - y_pred) * weight, axis=0))
        self.count.assign_add(ops.sum(weight, axis=0))
        self.num_samples.assign_add(ops.cast(real_size(y_true), self.num_samples.dtype))

    def result(self) -> Any:
        total = self.squared_sum - self.sum * (self.sum / self.count)
        scores = 1 - self.total_mse / total
        scores = ops.where(ops.isinf(scores), 0.0, scores)
        if self.class_aggregation == "uniform_average":
            scores = ops.mean(scores)
        elif self.class_aggregation == "variance_weighted_average":
            scores = ops.sum(total * scores) / ops.sum(total)
        return self._adjusted(scores) if self.num_regressors else scores

    def _adjusted(self, scores: Any) -> Any:
        if self.num_regressors >= self.num_samples - 1:
            warnings.warn(
                f"R2Score is adjusted for {self.num_regressors} variables, which needs at least "
                f"{self.num_regressors + 2} samples; the score without adjustment is given.",
                stacklevel=3,
            )
            return scores
        n = ops.cast(self.num_samples, "float32")
        return 1.0 - (1.0 - scores) * (n - 1.0) / (n - self.num_regressors - 1.0)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        options = {"class_aggregation": self.class_aggregation, "num_regressors": self.num_regressors}
        return {**super().get_config(), **options}
