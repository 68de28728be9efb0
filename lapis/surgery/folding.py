"""Batch normalization folded into the layer before it."""

from collections import Counter
from typing import Any

import numpy as np

from lapis.graph import InnerTensor, KerasTensor
from lapis.layers import (
    BatchNormalization,
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    Conv3D,
    Conv3DTranspose,
    Dense,
    DepthwiseConv1D,
    DepthwiseConv2D,
    SeparableConv1D,
    SeparableConv2D,
)
from lapis.surgery.draft import Draft, Step
from lapis.surgery.editor import Editor

_TRANSPOSED = (Conv1DTranspose, Conv2DTranspose, Conv3DTranspose)
_DEPTHWISE = (DepthwiseConv1D, DepthwiseConv2D)
_FOLDABLE = (Dense, Conv1D, Conv2D, Conv3D, SeparableConv1D, SeparableConv2D, *_TRANSPOSED, *_DEPTHWISE)


def fold_batch_normalization(model: Any) -> Any:
    """A model that predicts the same with fewer layers: batch normalization becomes part of the layer before it.

    At inference `gamma * (x @ kernel + bias - mean) / sqrt(variance + epsilon) + beta` is `x @ kernel' + bias'` with
    `kernel' = kernel * s`, `bias' = (bias - mean) * s + beta`, `s = gamma / sqrt(variance + epsilon)`. So dense,
    convolutional (transposed, depthwise and separable ones too) layers take it in, at any depth of nesting, where
    they have no activation, are called once, and nothing but the normalization uses what they give. Training the new
    model is another matter: it no longer normalizes.

    Args:
        model: a built model that is a graph; it stays as it is.

    Returns:
        A new model, not compiled; the same architecture where there was nothing to fold.

    >>> import lapis
    >>> model = lapis.Sequential([lapis.Input((4,)), lapis.layers.Dense(3), lapis.layers.BatchNormalization()])
    >>> [type(layer).__name__ for layer in fold_batch_normalization(model).layers]
    ['Dense']
    """
    editor = Editor(model)
    drafts = editor.drafts()
    uses = Counter(id(x) for draft in drafts for x in _used(draft))
    calls = Counter(id(step.operation) for draft in drafts for step in draft.steps)
    folded: list[tuple[Any, list[np.ndarray]]] = []
    for draft in drafts:
        makers = {id(x): step for step in draft.steps for x in step.gives}
        for step in list(draft.steps):
            before = makers.get(id(step.inputs[0])) if step.inputs else None
            if before is None or not _can_fold(before, step, uses, calls):
                continue
            layer, weights = _folded(before.operation, step.operation)
            folded.append((layer, weights))
            before.operation = layer
            draft.put_in_place(step.gives[0], before.gives[0])
            draft.steps.remove(step)
    new = editor.build()
    for layer, weights in folded:
        layer.set_weights(weights)
    return new


def _used(draft: Draft) -> list[KerasTensor]:
    """The tensors that a draft uses, those inside of nested models too."""
    used = [*draft.outputs, *(x for step in draft.steps for x in step.inputs)]
    for x in used:  # grows on the way
        if isinstance(x, InnerTensor):
            used.append(x.inner)
    return used


def _can_fold(before: Step, step: Step, uses: Counter, calls: Counter) -> bool:
    layer, norm = before.operation, step.operation
    if type(norm) is not BatchNormalization or type(layer) not in _FOLDABLE or step.kwargs.get("training"):
        return False
    channels = 1 if getattr(layer, "data_format", None) == "channels_first" else -1
    rank = len(before.gives[0].shape)
    return (
        uses[id(before.gives[0])] == 1
        and calls[id(layer)] == calls[id(norm)] == 1
        and layer.get_config()["activation"] == "linear"
        and layer.activity_regularizer is None
        and not getattr(layer, "lora_enabled", False)
        and norm.axis % rank == channels % rank
    )


def _folded(layer: Any, norm: Any) -> tuple[Any, list[np.ndarray]]:
    """The layer with a bias, and the weights that make it do the normalization too."""
    mean, variance = (np.asarray(w, "float64") for w in (norm.moving_mean, norm.moving_variance))
    scale = 1.0 / np.sqrt(variance + norm.epsilon)
    if norm.gamma is not None:
        scale = scale * np.asarray(norm.gamma, "float64")
    *others, kernel = [w.numpy().astype("float64") for w in layer.weights[: -1 if layer.use_bias else None]]
    bias = layer.bias.numpy().astype("float64") if layer.use_bias else 0.0
    bias = (bias - mean) * scale + (0.0 if norm.beta is None else np.asarray(norm.beta, "float64"))
    if isinstance(layer, _TRANSPOSED):  # (…, filters, channels)
        kernel = kernel * scale[:, None]
    elif isinstance(layer, _DEPTHWISE):  # (…, channels, multiplier)
        kernel = kernel * scale.reshape(kernel.shape[-2:])
    else:
        kernel = kernel * scale
    dtype = layer.variable_dtype
    new = type(layer).from_config({**layer.get_config(), "use_bias": True})
    return new, [w.astype(dtype) for w in (*others, kernel, bias)]
