"""Cross-entropies and the peak signal-to-noise ratio."""

from typing import Any

import jax
import jax.numpy as jnp

import lapis.core.config as config
from lapis.core.watching import watching
from lapis.graph import op
from lapis.ops.arrays import Tensor, to_float


def _clip(probabilities: Any) -> Any:
    """Probabilities away from 0 and 1, where logarithms have no end."""
    return jnp.clip(probabilities, config.epsilon(), 1.0 - config.epsilon())


def _log_probabilities(output: Any, from_logits: bool, axis: int) -> Any:
    if from_logits:
        return jax.nn.log_softmax(output, axis=axis)
    return jnp.log(_clip(output / jnp.sum(output, axis, keepdims=True)))


def _check_same_shape(target: Any, output: Any) -> None:
    if target.shape != output.shape:
        raise ValueError(
            f"target and output must have the same shape, and got {target.shape} and {output.shape}. Whole-number "
            "classes belong to sparse_categorical_crossentropy."
        )


@op
def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Tensor:
    """`-target * log(output) - (1 - target) * log(1 - output)`, element by element.

    `output` holds probabilities, or their logits with `from_logits`.

    >>> [round(v, 4) for v in binary_crossentropy([1.0, 0.0], [0.5, 0.5]).tolist()]
    [0.6931, 0.6931]
    """
    target, output = jnp.asarray(target), jnp.asarray(output)
    _check_same_shape(target, output)
    if from_logits:
        log_yes, log_no = jax.nn.log_sigmoid(output), jax.nn.log_sigmoid(-output)
    else:
        output = _clip(output)
        log_yes, log_no = jnp.log(output), jnp.log(1.0 - output)
    return -target * log_yes - (1.0 - target) * log_no


@op
def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Tensor:
    """`-sum(target * log(output))` over `axis`, along which both hold probabilities (or `output` logits).

    >>> round(float(categorical_crossentropy([0.0, 1.0], [0.5, 0.5])), 4)
    0.6931
    """
    target, output = jnp.asarray(target), jnp.asarray(output)
    _check_same_shape(target, output)
    if target.ndim < 1:
        raise ValueError("categorical_crossentropy takes arrays with an axis of classes, and got two scalars.")
    return -jnp.sum(target * _log_probabilities(output, from_logits, axis), axis=axis)


@op
def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Tensor:
    """`categorical_crossentropy` with `target` the number of the class, of the shape of `output` without `axis`.

    A last axis of size 1 in `target` is dropped.

    >>> round(float(sparse_categorical_crossentropy(1, [0.5, 0.5])), 4)
    0.6931
    """
    target, output = jnp.asarray(target, "int32"), jnp.asarray(output)
    if output.ndim < 1:
        raise ValueError("sparse_categorical_crossentropy takes an output with an axis of classes, and got a scalar.")
    if target.ndim == output.ndim and target.shape[-1] == 1:
        target = jnp.squeeze(target, axis=-1)
    if target.shape != output.shape[:-1]:
        raise ValueError(
            f"target must have the shape of output without the classes, {output.shape[:-1]}, and got {target.shape}."
        )
    if watching.watch is not None:
        watching.watch.ids("sparse_categorical_crossentropy", target, 0, output.shape[axis])
    if from_logits and axis in (-1, output.ndim - 1):
        return _minus_log_softmax_at(to_float(output), target)
    log_probabilities = _log_probabilities(output, from_logits, axis)
    # A sum over a mask: a gather's gradient is a scatter, which is far slower.
    return -jnp.sum(jax.nn.one_hot(target, output.shape[axis], axis=axis) * log_probabilities, axis=axis)


@jax.custom_jvp
def _minus_log_softmax_at(logits: Any, target: Any) -> Any:
    """`-log_softmax(logits)[target]` along the last axis, 0 for a target out of range."""
    return _loss_and_softmax(logits, target)[0]


@_minus_log_softmax_at.defjvp
def _(primals: tuple, tangents: tuple) -> tuple[Any, Any]:
    """One pass over the classes gives the gradient: the softmax, less 1 at the target."""
    logits, target = primals
    loss, softmax, inside = _loss_and_softmax(logits, target)
    hit = jnp.arange(logits.shape[-1]) == target[..., None]
    return loss, jnp.sum(jnp.where(inside[..., None], softmax - hit, 0) * tangents[0], axis=-1)


def _loss_and_softmax(logits: Any, target: Any) -> tuple[Any, Any, Any]:
    largest = jax.lax.stop_gradient(jnp.max(logits, axis=-1, keepdims=True))
    powers = jnp.exp(logits - largest)
    total = jnp.sum(powers, axis=-1, keepdims=True)
    own = jnp.take_along_axis(logits - largest, target[..., None], axis=-1, mode="clip")
    inside = (target >= 0) & (target < logits.shape[-1])
    return jnp.where(inside, (jnp.log(total) - own)[..., 0], 0), powers / total, inside


@op
def psnr(x1: Any, x2: Any, max_val: Any) -> Tensor:
    """The peak signal-to-noise ratio in decibels, `20 log10(max_val) - 10 log10(mean((x1 - x2)**2))`.

    >>> round(float(psnr([1.0, 2.0], [2.0, 3.0], 10.0)), 4)
    20.0
    """
    x1, x2 = jnp.asarray(x1), jnp.asarray(x2)
    if x1.shape != x2.shape:
        raise ValueError(f"psnr takes two arrays of one shape, and got {x1.shape} and {x2.shape}.")
    peak = jnp.asarray(max_val, x2.dtype)
    return 20 * jnp.log10(peak) - 10 * jnp.log10(jnp.mean(jnp.square(x1 - x2)))
