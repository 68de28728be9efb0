"""The dense layer for any axes, written as an einsum equation."""

import re
from collections.abc import Sequence
from typing import Any, Unpack

import lapis.activations as activations
import lapis.constraints as constraints
import lapis.initializers as initializers
import lapis.ops as ops
import lapis.regularizers as regularizers
from lapis.core.serialization import builtin
from lapis.layers.core.quantizable import Quantizable
from lapis.layers.input_spec import InputSpec
from lapis.layers.options import Activation, LayerOptions

_EQUATION = re.compile(r"(\.{3})?([a-zA-Z]+)(\.{3})?,([a-zA-Z]+)->(\.{3})?([a-zA-Z]+)(\.{3})?")


@builtin("keras.layers")
class EinsumDense(Quantizable):
    """`activation(einsum(equation, x, kernel) + bias)`.

    Input, kernel and output shapes follow from the equation: `"ab,bc->ac"` is a `Dense`; `"abc,cde->abde"` splits the
    last axis into heads; an ellipsis at the left or right end of input and output stands for further axes.

    Args:
        equation: `"input,kernel->output"`, a letter for each axis.
        output_shape: sizes of the output's axes without the batch and without the ellipsis; `None` where the input
            has the same letter.
        activation: function or name; none by default.
        bias_axes: letters of the output's axes that the bias has; no bias by default.
        kernel_initializer, bias_initializer: the first values.
        kernel_regularizer, bias_regularizer: penalties on the weights.
        kernel_constraint, bias_constraint: what weights are put through after each update.
        lora_rank, lora_alpha: freeze the kernel and train a low-rank change of it (see `enable_lora`).
        gptq_unpacked_column_size, quantization_config: only `None`.

    A `ValueError` where the equation is malformed or does not fit the shapes.

    >>> import numpy as np
    >>> EinsumDense("abc,cd->abd", output_shape=(None, 6), bias_axes="d")(np.ones((2, 5, 4))).shape
    (2, 5, 6)
    """

    def __init__(
        self,
        equation: str,
        output_shape: int | Sequence[int | None],
        activation: Activation = None,
        bias_axes: str | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        gptq_unpacked_column_size: None = None,
        quantization_config: None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.equation = equation
        self.partial_output_shape = (output_shape,) if isinstance(output_shape, int) else tuple(output_shape)
        self.bias_axes = bias_axes
        self.activation = activations.get(activation)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self._set_lora(lora_rank, lora_alpha)
        self._refuse_quantization(quantization_config or gptq_unpacked_column_size)

    def build(self, input_shape: tuple) -> None:
        axes = _Axes(self.equation, input_shape, self.partial_output_shape)
        self.input_spec = InputSpec(ndim=len(input_shape))
        self._kernel = self.add_weight(
            name="kernel",
            shape=axes.kernel_shape(),
            initializer=self._fan_aware(axes),
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.bias = None
        if self.bias_axes is not None:
            self.bias = self.add_weight(
                name="bias",
                shape=axes.bias_shape(self.bias_axes),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        if self.lora_rank:
            self._start_lora()

    def _fan_aware(self, axes: "_Axes") -> Any:
        """The kernel's initializer, told which of the kernel's axes are inputs and which outputs."""
        initializer = self.kernel_initializer
        if not isinstance(initializer, initializers.VarianceScaling) or (
            initializer.input_axes is not None and initializer.output_axes is not None
        ):
            return initializer
        inputs, outputs = axes.fan_axes()
        config = {**initializer.get_config(), "seed": initializer.seed, "input_axes": inputs, "output_axes": outputs}
        return type(initializer).from_config(config)

    @property
    def kernel(self) -> Any:
        """The kernel, with the low-rank change where there is one."""
        return self._adapted()

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        x = ops.einsum(self.equation, inputs, self.kernel)
        if self.bias is not None:
            x = ops.add(x, self.bias)
        return x if self.activation is None else self.activation(x)

    def _mixes_rows(self, ranks: list[int], training: bool) -> bool:
        left, letters, _, kernel, _, outputs, _ = _EQUATION.fullmatch(self.equation.replace(" ", "")).groups()  # pyright: ignore
        if left and all(rank > len(letters) for rank in ranks):
            return False  # the batch is among the axes that the ellipsis stands for
        return letters[0] in kernel or outputs[0] != letters[0]

    def get_config(self) -> dict:
        config = {
            **super().get_config(),
            "output_shape": self.partial_output_shape,
            "equation": self.equation,
            "activation": activations.serialize(self.activation),
            "bias_axes": self.bias_axes,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
            "quantization_config": None,
        }
        return {**config, **self._lora_config()}


class _Axes:
    """The letters of an equation with their sizes."""

    def __init__(self, equation: str, input_shape: tuple, output_shape: tuple) -> None:
        found = _EQUATION.fullmatch(equation.replace(" ", ""))
        left = right = None
        if found:
            left, self.inputs, right, self.kernel, out_left, self.outputs, out_right = found.groups()
        if not found or (left, right) != (out_left, out_right) or (left and right):
            raise ValueError(
                f"The equation {equation!r} is not of the form 'ab,bc->ac', '...ab,bc->...ac' or 'ab...,bc->ac...'."
            )
        self.equation = equation
        extra = len(input_shape) - len(self.inputs)
        if extra < 0 or (extra and not (left or right)):
            raise ValueError(f"The equation {equation!r} does not fit an input of shape {input_shape}.")
        self.extra_right = extra if right else 0
        input_sizes = input_shape[extra:] if left else input_shape[: len(self.inputs)]
        # The first letter of the output is the batch axis, unless an ellipsis at the left stands for it.
        output_sizes = output_shape if left else (input_shape[0], *output_shape)
        if len(output_sizes) != len(self.outputs):
            raise ValueError(f"The equation {equation!r} does not fit output_shape={output_shape}.")
        self.input_sizes = dict(zip(self.inputs, input_sizes))
        self.output_sizes = dict(zip(self.outputs, output_sizes))
        self._check()

    def _check(self) -> None:
        for letter, size in self.output_sizes.items():
            given = self.input_sizes.get(letter, size)
            if size is None:
                self.output_sizes[letter] = given
            elif size != given:
                raise ValueError(
                    f"Axis {letter!r} of {self.equation!r} has size {given} in the input, {size} in the output_shape."
                )
            if letter not in self.inputs and letter not in self.kernel:
                raise ValueError(f"Axis {letter!r} of the output of {self.equation!r} is in neither input nor kernel.")
        for letter in self.kernel:
            if letter not in self.inputs and letter not in self.outputs:
                raise ValueError(f"Axis {letter!r} of the kernel of {self.equation!r} is in neither input nor output.")

    def _size(self, letter: str) -> Any:
        return self.output_sizes[letter] if letter in self.output_sizes else self.input_sizes[letter]

    def kernel_shape(self) -> tuple:
        return tuple(self._size(letter) for letter in self.kernel)

    def fan_axes(self) -> tuple[list[int], list[int]]:
        """The kernel's axes that are summed over, and those that stay."""
        stays = [letter in self.outputs for letter in self.kernel]
        return [i for i, stay in enumerate(stays) if not stay], [i for i, stay in enumerate(stays) if stay]

    def bias_shape(self, letters: str) -> tuple:
        """From the first biased axis to the last of the output, 1 where there is no bias."""
        for letter in letters:
            if letter not in self.outputs:
                raise ValueError(f"bias_axes has {letter!r}, which is no output axis of {self.equation!r}.")
        first = min(self.outputs.index(letter) for letter in letters)
        sizes = [self._size(letter) if letter in letters else 1 for letter in self.outputs[first:]]
        return (*sizes, *[1] * self.extra_right)
