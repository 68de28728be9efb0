"""What SimpleRNNCell, GRUCell, LSTMCell and the ConvLSTM cell share: weights, dropout, and the loop over all steps."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import lapis.activations as activations
import lapis.constraints as constraints
import lapis.initializers as initializers
import lapis.ops as ops
import lapis.regularizers as regularizers
from lapis.layers.layer import Layer
from lapis.layers.options import Activation
from lapis.layers.rnn.dropout_rnn_cell import DropoutRNNCell
from lapis.ops.rnn import recurrence, rnn
from lapis.state import SeedGenerator


class RecurrentCell(DropoutRNNCell, Layer):
    """A cell with a `kernel` for its inputs, a `recurrent_kernel` for its state `h`, and a `bias`.

    One step is `states = gates(project(x), recur(h), states, *functions)`, and the new `h` is the output. `project`
    needs no state, so the layer applies it to all time steps at once. A subclass gives `build` and `gates`, a function
    of both shares cut into one part for each gate.
    """

    gate_count = 1
    gates: Callable[..., list]
    # Whether the state's share of the gates is one matrix product, as in `recur`.
    recurs_by_product = True
    bias: Any
    recurrent_bias: Any = None
    state_size: Any
    output_size: int

    def __init__(
        self,
        activation: Activation,
        use_bias: bool,
        kernel_initializer: Any,
        recurrent_initializer: Any,
        bias_initializer: Any,
        kernel_regularizer: Any,
        recurrent_regularizer: Any,
        bias_regularizer: Any,
        kernel_constraint: Any,
        recurrent_constraint: Any,
        bias_constraint: Any,
        dropout: float,
        recurrent_dropout: float,
        seed: int | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.recurrent_initializer = initializers.get(recurrent_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = regularizers.get(recurrent_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.recurrent_constraint = constraints.get(recurrent_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.dropout = min(1.0, max(0.0, dropout))
        self.recurrent_dropout = min(1.0, max(0.0, recurrent_dropout))
        self.seed = seed
        self.seed_generator = SeedGenerator(seed=seed)

    @property
    def gate_axis(self) -> int:
        """The axis along which the gates lie."""
        return -1

    @property
    def functions(self) -> tuple:
        """The activations that `gates` applies."""
        return (self.activation,)

    def _add_weights(
        self, kernel_shape: tuple, recurrent_shape: tuple, bias_shape: tuple, bias_initializer: Any = None
    ) -> None:
        self.kernel = self.add_weight(
            name="kernel",
            shape=kernel_shape,
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.recurrent_kernel = self.add_weight(
            name="recurrent_kernel",
            shape=recurrent_shape,
            initializer=self.recurrent_initializer,
            regularizer=self.recurrent_regularizer,
            constraint=self.recurrent_constraint,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=bias_shape,
                initializer=bias_initializer or self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )

    @property
    def input_bias(self) -> Any:
        """The part of the bias that belongs to the inputs."""
        return self.bias

    def project(self, inputs: Any, factors: Any = None) -> Any:
        """The inputs' share of the gates `(..., gates)`, for one step or many, after dropout by `factors`."""
        x = self.product(inputs, self.kernel, factors)
        return x if self.input_bias is None else ops.add(x, self.input_bias)

    def product(self, x: Any, kernel: Any, factors: Any = None) -> Any:
        """`(x * factors) @ kernel`, each gate's part of the kernel with factors of its own where there are several."""
        if not isinstance(factors, tuple):
            return ops.matmul(x if factors is None else x * factors, kernel)
        parts = zip(factors, ops.split(kernel, len(factors), axis=-1))
        return ops.concatenate([ops.matmul(x * factor, part) for factor, part in parts], axis=-1)

    def recur(self, h: Any, factors: Any = None) -> Any:
        """The state's share of the gates, after dropout by `factors`."""
        r = self.product(h, self.recurrent_kernel, factors)
        return r if self.recurrent_bias is None else ops.add(r, self.recurrent_bias)

    def step(self, x: Any, states: Sequence[Any], factors: Any = None) -> list:
        """The new states, from the projected inputs of one step; `factors` drop from the state that is multiplied."""
        r = self.recur(states[0], factors)
        x, r = (ops.split(part, self.gate_count, axis=self.gate_axis) for part in (x, r))
        return self.gates(x, r, list(states), *self.functions)

    def call(self, inputs: Any, states: Any, training: bool = False) -> tuple[Any, Any]:
        as_list = list(states) if isinstance(states, (list, tuple)) else [states]
        x = self.project(inputs, self.get_dropout_mask(inputs) if training else None)
        new = self.step(x, as_list, self.get_recurrent_dropout_mask(as_list[0]) if training else None)
        return new[0], new if isinstance(states, (list, tuple)) else new[0]

    def run(self, sequences: Any, states: list, training: bool = False, mask: Any = None, **options: Any) -> tuple:
        """The cell applied to all steps of `(batch, time, ...)`: last output, all outputs and last states."""
        factors = self.get_dropout_mask(sequences[:, 0]) if training else None
        state_factors = self.get_recurrent_dropout_mask(states[0]) if training else None
        x = self.project(ops.swapaxes(sequences, 0, 1), factors)
        mask = None if mask is None else ops.swapaxes(mask, 0, 1)
        if self.recurs_by_product and state_factors is None:
            cell = self.gates, self.functions, self.gate_count
            weights = self.recurrent_kernel, self.recurrent_bias
            last, outputs, states = recurrence(*cell, x, *weights, states, mask=mask, **options)
        else:

            def step(x: Any, states: list) -> tuple[Any, list]:
                new = self.step(x, states, state_factors)
                return new[0], new

            last, outputs, states = rnn(step, x, states, mask=mask, time_major=True, **options)
        return last, ops.swapaxes(outputs, 0, 1), states

    def get_initial_state(self, batch_size: int | None = None) -> list:
        """Zeros `(batch_size, units)`, one array for each state."""
        sizes = self.state_size if isinstance(self.state_size, (list, tuple)) else [self.state_size]
        return [ops.zeros((batch_size, size), dtype=self.compute_dtype) for size in sizes]

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "recurrent_initializer": initializers.serialize(self.recurrent_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "recurrent_regularizer": regularizers.serialize(self.recurrent_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "recurrent_constraint": constraints.serialize(self.recurrent_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
            "dropout": self.dropout,
            "recurrent_dropout": self.recurrent_dropout,
            "seed": self.seed,
        }


class GatedCell(RecurrentCell):
    """A cell with a second activation, that of its gates, and a dropout mask for each gate if the state is dropped."""

    def __init__(self, units: int, recurrent_activation: Any, implementation: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = check_units(type(self).__name__, "units", units)
        self.recurrent_activation = activations.get(recurrent_activation)
        self.implementation = 1 if self.recurrent_dropout != 0 else implementation
        if self.implementation == 1:
            self.dropout_mask_count = self.gate_count
        self.output_size = units

    @property
    def functions(self) -> tuple:
        return (self.activation, self.recurrent_activation)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "units": self.units,
            "recurrent_activation": activations.serialize(self.recurrent_activation),
        }


def check_units(cell: str, name: str, value: Any) -> int:
    """`value`; a `ValueError` unless it is a positive integer."""
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError(f"{cell} got {name}={value!r}; expected a positive integer.")
    return value


def forget_bias(initializer: Callable, units: int) -> Callable:
    """An initializer for four gates' biases, ones for the second (forget) gate, `initializer` for the others."""

    def initialize(shape: Sequence[int], dtype: Any = None) -> Any:
        ones = initializers.get("ones")
        return np.concatenate(
            [make((n * units,), dtype=dtype) for make, n in ((initializer, 1), (ones, 1), (initializer, 2))]
        )

    return initialize
