"""Spectral normalization of another layer's kernel."""

from typing import Any, Unpack

import lapis.initializers as initializers
import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.layers.core.wrapper import Wrapper
from lapis.layers.input_spec import InputSpec
from lapis.layers.layer import Layer
from lapis.layers.options import LayerOptions


@builtin("keras.layers")
class SpectralNormalization(Wrapper):
    """Run a layer with its kernel divided by the kernel's largest singular value.

    The singular value is tracked by power iteration in training: `v = normalize(u @ w.T)`, `u = normalize(v @ w)`,
    `sigma = v @ w @ u.T`, with the kernel as a matrix `w` of its last axis against all others. From
    [Miyato et al., 2018](https://arxiv.org/abs/1802.05957).

    Args:
        layer: a layer with a `kernel` (`Dense`, `Conv2D`, …) or `embeddings`.
        power_iterations: how many iterations in each training step, at least 1.

    A `ValueError` where `layer` has neither weight.

    >>> import numpy as np
    >>> from lapis.layers.core.dense import Dense
    >>> SpectralNormalization(Dense(4))(np.ones((2, 3))).shape
    (2, 4)
    """

    def __init__(self, layer: Layer, power_iterations: int = 1, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(layer, **kwargs)
        if power_iterations <= 0:
            raise ValueError(f"`power_iterations` must be 1 or more; received {power_iterations}.")
        self.power_iterations = power_iterations

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        self.input_spec = InputSpec(min_ndim=1, axes={-1: input_shape[-1]})
        for name in ("kernel", "embeddings"):
            if hasattr(self.layer, name):
                self.kernel = getattr(self.layer, name)
                break
        else:
            raise ValueError(
                f"SpectralNormalization needs a layer with a kernel or embeddings; {type(self.layer).__name__} "
                f"{self.layer.path!r} has neither."
            )
        self.vector_u = self.add_weight(
            name="vector_u",
            shape=(1, self.kernel.shape[-1]),
            initializer=initializers.TruncatedNormal(stddev=0.02),
            trainable=False,
            dtype=self.kernel.dtype,
        )

    def call(self, inputs: Any, training: bool = False) -> Any:
        if training:
            u, kernel = self.normalized_weights()
            zero = ops.all(ops.equal(self.kernel, 0))  # nothing to divide by
            self.vector_u.assign(ops.where(zero, self.vector_u, u))
            self.kernel.assign(ops.where(zero, self.kernel, kernel))
        return ops.cast(self.layer(inputs), inputs.dtype)

    def normalized_weights(self) -> tuple[Any, Any]:
        """The next `u`, and the kernel divided by its largest singular value."""
        w = ops.reshape(self.kernel, (-1, self.kernel.shape[-1]))
        u = v = ops.convert_to_tensor(self.vector_u)
        for _ in range(self.power_iterations):
            v = ops.normalize(ops.matmul(u, ops.transpose(w)), axis=None)
            u = ops.normalize(ops.matmul(v, w), axis=None)
        u, v = ops.stop_gradient(u), ops.stop_gradient(v)
        sigma = ops.matmul(ops.matmul(v, w), ops.transpose(u))
        kernel = ops.reshape(w / sigma, self.kernel.shape)
        return ops.cast(u, self.vector_u.dtype), ops.cast(kernel, self.kernel.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "power_iterations": self.power_iterations}
