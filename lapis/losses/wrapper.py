"""A loss made of a function."""

from collections.abc import Callable
from typing import Any, ClassVar, Self

import lapis.core.nest as nest
from lapis.core.serialization import builtin, deserialize_keras_object, serialize_keras_object
from lapis.losses.loss import Loss, squeeze_or_expand_to_same_rank


@builtin("keras.src.losses.losses", registered_name="LossFunctionWrapper")
class LossFunctionWrapper(Loss):
    """The loss whose values are `fn(y_true, y_pred, **kwargs)`.

    Targets and predictions that differ by a last axis of size 1 are brought to the same rank first.

    >>> import lapis.ops as ops
    >>> fourth = LossFunctionWrapper(lambda y_true, y_pred: ops.mean((y_true - y_pred) ** 4, axis=-1), name="fourth")
    >>> float(fourth([[0.0, 1.0]], [[2.0, 1.0]]))
    8.0
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.fn = fn
        self._fn_kwargs = kwargs

    def call(self, y_true: Any, y_pred: Any) -> Any:
        if nest.is_nested(y_true) or nest.is_nested(y_pred):
            nest.assert_same_structure(y_true, y_pred)
            pairs = [squeeze_or_expand_to_same_rank(*pair) for pair in zip(nest.flatten(y_true), nest.flatten(y_pred))]
            y_true = nest.pack_sequence_as(y_true, [pair[0] for pair in pairs])
            y_pred = nest.pack_sequence_as(y_pred, [pair[1] for pair in pairs])
        else:
            y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data, the function by its name."""
        wrapped = {"fn": self.fn, **self._fn_kwargs}
        return {**super().get_config(), **serialize_keras_object(wrapped)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The loss that `get_config()` describes."""
        if "fn" in config:
            config = deserialize_keras_object(config)
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}({self.fn}, kwargs={self._fn_kwargs})>"


class NamedLoss(LossFunctionWrapper):
    """A loss whose class fixes the function, so that its config holds the function's arguments only.

    `_config_keys` are the arguments that every config holds. `_extra_keys` are those that Keras leaves out of its own
    configs: they are written only where they differ from the default, so that nothing is lost.
    """

    _config_keys: ClassVar[tuple[str, ...]] = ()
    _extra_keys: ClassVar[dict[str, Any]] = {}

    def __init__(
        self, fn: Callable[..., Any], reduction: str | None, name: str | None, dtype: Any, **kwargs: Any
    ) -> None:
        super().__init__(fn, reduction=reduction, name=name, dtype=dtype, **kwargs)
        self.__dict__.update(kwargs)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        config = Loss.get_config(self)
        config.update({key: self._fn_kwargs[key] for key in self._config_keys})
        for key, default in self._extra_keys.items():
            if self._fn_kwargs[key] != default:
                config[key] = self._fn_kwargs[key]
        return config
