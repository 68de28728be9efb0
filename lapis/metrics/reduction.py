"""Sums and means over everything seen."""

from collections.abc import Callable
from typing import Any, ClassVar, Self

import lapis.ops as ops
from lapis.core.serialization import builtin, deserialize_keras_object, serialize_keras_object
from lapis.graph import get_mask
from lapis.losses.lookup import FUNCTIONS as LOSS_FUNCTIONS
from lapis.losses.loss import Loss, apply_mask, squeeze_or_expand_to_same_rank
from lapis.metrics.metric import Metric
from lapis.state import get_real_rows, real_size, zero_padding


def reduce_to_samplewise_values(values: Any, sample_weight: Any, reduce_fn: Callable[..., Any], dtype: str) -> Any:
    """Values times weights and their weights, one each per sample: `((batch,), (batch,))`.

    A mask that `values` carry joins the weights; axes beyond the first are reduced with `reduce_fn`.
    """
    mask = get_mask(values)
    values = ops.cast(values, dtype)
    if sample_weight is not None:
        sample_weight = ops.convert_to_tensor(sample_weight, dtype=dtype)
        sample_weight = apply_mask(sample_weight, mask, dtype, reduction="sum")
        values, sample_weight = squeeze_or_expand_to_same_rank(values, sample_weight)
        weight_rank = len(sample_weight.shape)
        if weight_rank == 0 and values.shape and get_real_rows() is not None:
            values = _reduce_real(values, reduce_fn)
        if len(values.shape) > weight_rank:
            values = reduce_fn(values, axis=list(range(weight_rank, len(values.shape))))
        sample_weight = ops.broadcast_to(sample_weight, ops.shape(values))
        values = values * sample_weight
        if weight_rank > 1:
            sample_weight = reduce_fn(sample_weight, axis=list(range(1, weight_rank)))
    if len(values.shape) > 1:
        values = reduce_fn(values, axis=list(range(1, len(values.shape))))
    if values.shape:
        values = zero_padding(values)
        sample_weight = None if sample_weight is None else zero_padding(sample_weight)
    return values, sample_weight


def _reduce_real(values: Any, reduce_fn: Callable[..., Any]) -> Any:
    """`reduce_fn`, a sum or a mean, over all values in rows that are not padding."""
    total = ops.sum(zero_padding(values))
    return total if reduce_fn is ops.sum else total / ops.cast(real_size(values), total.dtype)


@builtin("keras.metrics")
class Sum(Metric):
    """The (weighted) sum of all values seen.

    >>> metric = Sum()
    >>> float(metric([1.0, 2.0]))
    3.0
    """

    def __init__(self, name: str | None = "sum", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable(shape=(), initializer="zeros", dtype=self.dtype, name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Add `values`, times `sample_weight`, which may leave out trailing axes."""
        values, _ = reduce_to_samplewise_values(values, sample_weight, ops.sum, self.dtype)
        self.total.assign_add(ops.sum(values))

    def result(self) -> Any:
        return ops.cast(self.total, self.dtype)


@builtin("keras.metrics")
class Mean(Metric):
    """The (weighted) mean of all values seen, 0 before any.

    >>> metric = Mean()
    >>> float(metric([1.0, 3.0], sample_weight=[3.0, 1.0]))
    1.5
    """

    def __init__(self, name: str | None = "mean", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable(shape=(), initializer="zeros", dtype=self.dtype, name="total")
        self.count = self.add_variable(shape=(), initializer="zeros", dtype=self.dtype, name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Take in `values`, of weight `sample_weight`, which may leave out trailing axes."""
        values, sample_weight = reduce_to_samplewise_values(values, sample_weight, ops.mean, self.dtype)
        self.total.assign_add(ops.sum(values))
        if sample_weight is not None:
            count = ops.sum(sample_weight)
        else:
            count = real_size(values) if values.shape else 1
        self.count.assign_add(ops.cast(count, self.dtype))

    def result(self) -> Any:
        return ops.divide_no_nan(self.total, self.count)


@builtin("keras.metrics")
class MeanMetricWrapper(Mean):
    """The mean of `fn(y_true, y_pred, **kwargs)`, weighted by sample weights and by the mask that `y_pred` carries.

    >>> import lapis.ops as ops
    >>> metric = MeanMetricWrapper(lambda y_true, y_pred: ops.abs(ops.subtract(y_true, y_pred)), name="gap")
    >>> float(metric([1.0, 2.0], [1.0, 4.0]))
    1.0
    """

    def __init__(self, fn: Callable[..., Any], name: str | None = None, dtype: Any = None, **kwargs: Any) -> None:
        super().__init__(name=name, dtype=dtype)
        self._fn = fn
        self._fn_kwargs = kwargs
        if isinstance(fn, Loss) or fn in LOSS_FUNCTIONS.values():
            self._direction = "down"

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in a batch of targets and predictions."""
        mask = get_mask(y_pred)
        values = self._fn(y_true, y_pred, **self._fn_kwargs)
        if not getattr(values, "shape", ()):
            mask = None  # a function that gives one number has averaged over the steps that it wants
        super().update_state(values, apply_mask(sample_weight, mask, self.dtype, reduction="sum"))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data, the function by its name."""
        return {**super().get_config(), **serialize_keras_object({"fn": self._fn, **self._fn_kwargs})}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The metric that `get_config()` describes."""
        if "fn" in config:
            config = deserialize_keras_object(config)
        return cls(**config)


class NamedMetric(MeanMetricWrapper):
    """A mean whose class fixes the function, so that its config holds the function's arguments only.

    `_config_keys` are the arguments that every config holds. `_extra_keys` are those that Keras leaves out of its own
    configs: they are written only where they differ from the default, so that nothing is lost.
    `_direction` tells callbacks whether more is better.
    """

    _config_keys: ClassVar[tuple[str, ...]] = ()
    _extra_keys: ClassVar[dict[str, Any]] = {}

    def __init__(self, fn: Callable[..., Any], name: str | None, dtype: Any, **kwargs: Any) -> None:
        super().__init__(fn, name=name, dtype=dtype, **kwargs)
        self.__dict__.update(kwargs)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        config = Metric.get_config(self)
        config.update({key: self._fn_kwargs[key] for key in self._config_keys})
        for key, default in self._extra_keys.items():
            if self._fn_kwargs[key] != default:
                config[key] = self._fn_kwargs[key]
        return config
