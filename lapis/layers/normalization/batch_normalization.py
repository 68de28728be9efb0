"""Batch normalization."""

from typing import Any, Unpack

import lapis.core.config as config
import lapis.initializers as initializers
import lapis.ops as ops
from lapis.core.dtypes import result_type
from lapis.core.serialization import builtin
from lapis.layers.batch_axis import is_batch_axis
from lapis.layers.input_spec import InputSpec
from lapis.layers.normalization.base import ScaledAndShifted, known_size
from lapis.layers.normalization.renormalization import check_clipping, compose, corrections
from lapis.layers.options import LayerOptions


@builtin("keras.layers")
class BatchNormalization(ScaledAndShifted):
    """Subtract the mean and divide by the standard deviation of each channel.

    `gamma * (x - mean) / sqrt(variance + epsilon) + beta`, where in training mean and variance are those of the batch,
    and moving averages of them are kept: `moving = moving * momentum + batch * (1 - momentum)`. Otherwise the moving
    averages are used. A layer with `trainable = False` uses them in training too, and does not change them. Input and
    output have the same shape.

    From [Ioffe and Szegedy, 2015](https://arxiv.org/abs/1502.03167), with `renorm` from
    [Ioffe, 2017](https://arxiv.org/abs/1702.03275).

    Args:
        axis: the axis of the channels: `-1`, or `1` after layers with `data_format="channels_first"`.
        momentum: how much of a moving average is kept at each step.
        epsilon: added to the variance.
        center, scale: whether to add `beta`, and to multiply by `gamma`.
        beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer: the first values.
        beta_regularizer, gamma_regularizer: penalties on the weights.
        beta_constraint, gamma_constraint: what the weights are put through after each update.
        renorm: whether training normalizes with moving averages of its own, corrected towards the batch.
        renorm_clipping: bounds on the correction, a dict of `"rmin"`, `"rmax"`, `"dmax"`.
        renorm_momentum: `momentum` for the averages that `renorm` uses.
        synchronized: whether statistics cover the batch on all devices. They always do here, so it changes nothing.

    Call arguments:
        inputs: `(batch, ..., channels)`.
        training: whether to use the statistics of the batch.
        mask: `inputs.shape[:-1]`, true where values count for the statistics.

    >>> import numpy as np
    >>> layer = BatchNormalization()
    >>> layer(np.array([[1.0], [3.0]]), training=True).round(2).tolist()
    [[-1.0], [1.0]]
    >>> print(layer.moving_mean.numpy())
    [0.02]
    """

    moving_mean: Any = None
    moving_variance: Any = None

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: dict[str, float] | None = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(
            epsilon=float(epsilon),
            center=center,
            scale=scale,
            beta_initializer=beta_initializer,
            gamma_initializer=gamma_initializer,
            beta_regularizer=beta_regularizer,
            gamma_regularizer=gamma_regularizer,
            beta_constraint=beta_constraint,
            gamma_constraint=gamma_constraint,
            **kwargs,
        )
        self.axis = int(axis)
        self.momentum = float(momentum)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.renorm = renorm
        self.renorm_clipping = check_clipping(renorm_clipping) if renorm else renorm_clipping
        self.renorm_momentum = renorm_momentum
        self.synchronized = synchronized

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        channels = known_size(self, self.axis, input_shape)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: channels})
        self._add_scale_and_shift((channels,))

        def statistic(name: str, initializer: Any) -> Any:
            return self.add_weight(
                name=name, shape=(channels,), initializer=initializer, trainable=False, autocast=False
            )

        def stddev(shape: Any, dtype: Any = None) -> Any:
            return ops.sqrt(self.moving_variance_initializer(shape, dtype=dtype))

        self.moving_mean = statistic("moving_mean", self.moving_mean_initializer)
        self.moving_variance = statistic("moving_variance", self.moving_variance_initializer)
        if self.renorm:
            self.moving_stddev = statistic("moving_stddev", stddev)
            self.renorm_mean = statistic("renorm_mean", self.moving_mean_initializer)
            self.renorm_stddev = statistic("renorm_stddev", stddev)

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        if mask is not None and len(mask.shape) != len(inputs.shape) - 1:
            raise ValueError(
                f"The mask of {self.path!r} must have one axis less than its inputs; received a mask of shape "
                f"{tuple(mask.shape)} and inputs of shape {tuple(inputs.shape)}."
            )
        x = ops.cast(inputs, result_type(inputs.dtype, "float32"))  # sums overflow in 16 bits
        gamma, beta = (None if w is None else ops.cast(w, x.dtype) for w in (self.gamma, self.beta))
        if training and self.trainable:
            mean, variance = self._batch_statistics(x, mask)
            if self.renorm:
                gamma, beta = self._renormalize(mean, variance, gamma, beta)
            else:
                _move(self.moving_mean, mean, self.momentum)
                _move(self.moving_variance, variance, self.momentum)
        else:
            mean, variance = (ops.cast(w, x.dtype) for w in (self.moving_mean, self.moving_variance))
        outputs = ops.batch_normalization(x, mean, variance, self.axis, beta, gamma, self.epsilon)
        return ops.cast(outputs, self.compute_dtype)

    def _batch_statistics(self, x: Any, mask: Any) -> tuple[Any, Any]:
        axes = tuple(i for i in range(x.ndim) if i != self.axis % x.ndim)
        if mask is None:
            return ops.moments(x, axes)
        counts = ops.broadcast_to(ops.expand_dims(ops.cast(mask, "bool"), -1), x.shape)
        total = ops.sum(ops.cast(counts, x.dtype), axes, keepdims=True) + config.epsilon()
        mean = ops.sum(ops.where(counts, x, 0), axes, keepdims=True) / total
        variance = ops.sum(ops.where(counts, ops.square(x - mean), 0), axes, keepdims=True) / total
        return ops.squeeze(mean, axes), ops.squeeze(variance, axes)

    def _renormalize(self, mean: Any, variance: Any, gamma: Any, beta: Any) -> tuple[Any, Any]:
        """The scale and shift that correct batch statistics towards moving ones, which move on."""
        stddev = ops.sqrt(variance + self.epsilon)
        old_mean, old_stddev = (ops.cast(w, mean.dtype) for w in (self.renorm_mean, self.renorm_stddev))
        floor = self.epsilon**0.5  # the averages may still be zero
        ratio, shift = corrections(mean, stddev, old_mean, ops.maximum(old_stddev, floor), self.renorm_clipping)
        _move(self.renorm_mean, mean, self.renorm_momentum)
        _move(self.renorm_stddev, stddev, self.renorm_momentum)
        _move(self.moving_mean, mean, self.momentum)
        moved = _move(self.moving_stddev, stddev, self.momentum)
        self.moving_variance.assign(ops.relu(ops.square(moved) - self.epsilon))
        return compose(ratio, shift, gamma, beta)

    def _mixes_rows(self, ranks: list[int], training: bool) -> bool:
        return (training and self.trainable) or is_batch_axis(self.axis, ranks)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "axis": self.axis,
            "momentum": self.momentum,
            "moving_mean_initializer": initializers.serialize(self.moving_mean_initializer),
            "moving_variance_initializer": initializers.serialize(self.moving_variance_initializer),
            "synchronized": self.synchronized,
            "renorm": self.renorm,
            "renorm_clipping": self.renorm_clipping,
            "renorm_momentum": self.renorm_momentum,
        }


def _move(average: Any, value: Any, momentum: float) -> Any:
    """One step of an exponential moving average."""
    moved = ops.cast(average, value.dtype) * momentum + value * (1.0 - momentum)
    average.assign(moved)
    return moved
