"""The fully connected layer."""

from typing import Any, Unpack

import lapis.activations as activations
import lapis.constraints as constraints
import lapis.initializers as initializers
import lapis.ops as ops
import lapis.regularizers as regularizers
from lapis.core.serialization import builtin
from lapis.layers.core.quantizable import Quantizable
from lapis.layers.input_spec import InputSpec
from lapis.layers.options import Activation, BaseOptions


@builtin("keras.layers")
class Dense(Quantizable):
    """`activation(x @ kernel + bias)` along the last axis.

    Input `(batch, …, inputs)`, output `(batch, …, units)`; the kernel is `(inputs, units)`, the bias `(units,)`.

    Args:
        units: how many outputs, at least 1.
        activation: function or name; none by default.
        use_bias: whether to add a bias.
        kernel_initializer, bias_initializer: the first values.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties on weights and output.
        kernel_constraint, bias_constraint: what weights are put through after each update.
        lora_rank, lora_alpha: freeze the kernel and train a low-rank change of it (see `enable_lora`).
        quantization_config: only `None`.

    A `ValueError` unless `units` is a positive integer.

    >>> import numpy as np
    >>> Dense(3)(np.ones((2, 4))).shape
    (2, 3)
    """

    def __init__(
        self,
        units: int,
        activation: Activation = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: None = None,
        **kwargs: Unpack[BaseOptions],
    ) -> None:
        if not isinstance(units, int) or units <= 0:
            raise ValueError(f"Dense got units={units!r}; expected a positive integer.")
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units = units
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self._set_lora(lora_rank, lora_alpha)
        self._refuse_quantization(quantization_config)
        self.input_spec = InputSpec(min_ndim=2)
        self.supports_masking = True

    def build(self, input_shape: tuple) -> None:
        self._kernel = self.add_weight(
            name="kernel",
            shape=(input_shape[-1], self.units),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(self.units,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        self.input_spec = InputSpec(min_ndim=2, axes={-1: input_shape[-1]})
        if self.lora_rank:
            self._start_lora()

    @property
    def kernel(self) -> Any:
        """The kernel `(inputs, units)`, with the low-rank change where there is one."""
        return self._adapted()

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        x = ops.matmul(inputs, self._adapted() if self.lora_enabled else self._kernel)
        if self.bias is not None:
            x = ops.add(x, self.bias)
        return x if self.activation is None else self.activation(x)

    def get_config(self) -> dict:
        config = {
            **super().get_config(),
            "units": self.units,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
            "quantization_config": None,
        }
        return {**config, **self._lora_config()}
