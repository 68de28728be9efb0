"""The plain recurrent layer and its cell."""

from typing import Any, Unpack

from lapis.core.serialization import builtin
from lapis.layers.input_spec import InputSpec
from lapis.layers.options import Activation, BaseOptions, LayerOptions
from lapis.layers.rnn.cell_layer import CellLayer, from_cell
from lapis.layers.rnn.recurrent_cell import RecurrentCell, check_units


def simple_gates(x: list, r: list, states: list, activation: Any) -> list:
    """`h = activation(x + r)`."""
    return [activation(x[0] + r[0])]


@builtin("keras.layers")
class SimpleRNNCell(RecurrentCell):
    """One step of `SimpleRNN`: `h = activation(x @ kernel + bias + h @ recurrent_kernel)`.

    Called with inputs `(batch, features)` and the states `[(batch, units)]`; returns the new `h`, and the states with
    it. The arguments are those of `SimpleRNN`.

    >>> import numpy as np
    >>> cell = SimpleRNNCell(4)
    >>> output, states = cell(np.ones((2, 3)), [np.zeros((2, 4))])
    >>> output.shape
    (2, 4)
    """

    gates = staticmethod(simple_gates)

    def __init__(
        self,
        units: int,
        activation: Activation = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
            **kwargs,
        )
        self.units = check_units(type(self).__name__, "units", units)
        self.state_size = self.output_size = units

    def build(self, input_shape: tuple) -> None:
        self._add_weights((input_shape[-1], self.units), (self.units, self.units), (self.units,))

    def get_config(self) -> dict:
        return {**super().get_config(), "units": self.units}

    def call(self, sequence: Any, states: Any, training: bool = False) -> tuple[Any, Any]:
        return super().call(sequence, states, training)


@builtin("keras.layers")
class SimpleRNN(CellLayer):
    """A recurrent layer whose output is fed back: `h = activation(x @ kernel + bias + h @ recurrent_kernel)`.

    Sequences `(batch, time, features)` give the last output `(batch, units)`, or all with `return_sequences`.

    Args:
        units: size of the output, a positive integer (else `ValueError`).
        activation: applied to the sum; `None` for none.
        use_bias: whether there is a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: first values of the weights.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: a penalty on the output.
        kernel_constraint, recurrent_constraint, bias_constraint: applied to the weights after each training step.
        dropout: fraction of the inputs dropped in training, the same at every step.
        recurrent_dropout: fraction of the state dropped in training before it is multiplied.
        return_sequences, return_state, go_backwards, stateful, unroll: as in `RNN`.
        seed: an integer for the dropout.

    >>> import numpy as np
    >>> SimpleRNN(4, return_sequences=True)(np.ones((2, 5, 3))).shape
    (2, 5, 4)
    """

    units = from_cell()

    def __init__(
        self,
        units: int,
        activation: Activation = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        seed: int | None = None,
        **kwargs: Unpack[BaseOptions],
    ) -> None:
        cell = SimpleRNNCell(
            units,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
            dtype=kwargs.get("dtype"),
            trainable=kwargs.get("trainable", True),
            name="simple_rnn_cell",
        )
        super().__init__(
            cell,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        self.input_spec = [InputSpec(ndim=3)]

    def get_config(self) -> dict:
        config = super().get_config()
        del config["seed"]  # Keras's files have none here
        return config
