"""How many multiplications and additions a training step needs, counted on the layers of a model."""

import math
from typing import Any


def products(model: Any) -> int:
    """Multiplications with an addition that one row needs forward: matrix products and convolutions alone."""
    return sum(_of_layer(layer) for layer in model.layers)


def _of_layer(layer: Any) -> int:
    kind = type(layer).__name__
    if kind == "Functional":
        return products(layer)
    if kind == "Dense":
        return math.prod(layer.output.shape[1:-1]) * math.prod(layer.kernel.shape)
    if kind in ("Conv2D", "DepthwiseConv2D"):
        return math.prod(layer.output.shape[1:-1]) * math.prod(layer.kernel.shape)
    if kind == "Conv2DTranspose":
        return math.prod(layer.input.shape[1:-1]) * math.prod(layer.kernel.shape)
    if kind in ("LSTM", "GRU"):
        return layer.input.shape[1] * (
            math.prod(layer.cell.kernel.shape) + math.prod(layer.cell.recurrent_kernel.shape)
        )
    if kind == "MultiHeadAttention":
        length, width = layer.output.shape[1:]
        projections = sum(math.prod(weight.shape) for weight in layer.weights if len(weight.shape) == 3)
        return length * projections + 2 * length * length * width
    return 0


def training_flops(model: Any, batch: int) -> int:
    """Floating-point operations of a step: forward, and twice that backward, for data and for weights.

    The first layer's data gradient, which nobody needs, is counted too: a few parts in a hundred at most.
    """
    return 6 * batch * products(model)
