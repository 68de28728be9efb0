"""Long short-term memory and its cell."""

from typing import Any, Unpack

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.graph import inferring
from lapis.kernels import cudnn
from lapis.layers.input_spec import InputSpec
from lapis.layers.options import Activation, RecurrentOptions
from lapis.layers.rnn.cell_layer import CellLayer, check_use_cudnn, from_cell, refuse_cudnn
from lapis.layers.rnn.recurrent_cell import GatedCell, forget_bias
from lapis.ops.rnn import lstm_gates


@builtin("keras.layers")
class LSTMCell(GatedCell):
    """One step of `LSTM`.

    Called with inputs `(batch, features)` and the states `[h, c]`, each `(batch, units)`; returns the new `h`, and both
    states. The arguments are those of `LSTM`.

    >>> import numpy as np
    >>> output, states = LSTMCell(4)(np.ones((2, 3)), [np.zeros((2, 4)), np.zeros((2, 4))])
    >>> output.shape
    (2, 4)
    """

    gate_count = 4
    gates = staticmethod(lstm_gates)

    def __init__(
        self,
        units: int,
        activation: Activation = "tanh",
        recurrent_activation: Activation = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            units=units,
            activation=activation,
            recurrent_activation=recurrent_activation,
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
        self.unit_forget_bias = unit_forget_bias
        self.state_size = [units, units]

    def build(self, input_shape: tuple) -> None:
        gates = 4 * self.units
        initializer = forget_bias(self.bias_initializer, self.units) if self.unit_forget_bias else None
        self._add_weights((input_shape[-1], gates), (self.units, gates), (gates,), initializer)

    def get_config(self) -> dict:
        return {**super().get_config(), "unit_forget_bias": self.unit_forget_bias}


@builtin("keras.layers")
class LSTM(CellLayer):
    """Long short-term memory, from [Hochreiter and Schmidhuber, 1997](https://doi.org/10.1162/neco.1997.9.8.1735).

    Sequences `(batch, time, features)` give the last output `(batch, units)`, or all with `return_sequences`; the
    states are `h` and `c`. With `i, f, g, o` the four parts of `inputs @ kernel + h @ recurrent_kernel + bias`:
    `c = s(f) * c + s(i) * a(g)`, `h = s(o) * a(c)`.

    Args:
        units: size of the output, a positive integer (else `ValueError`).
        activation: `a` above; `None` for none.
        recurrent_activation: `s` above; `None` for none.
        use_bias: whether there is a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: first values of the weights.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: a penalty on the output.
        kernel_constraint, recurrent_constraint, bias_constraint: applied to the weights after each training step.
        dropout: fraction of the inputs dropped in training, the same at every step.
        recurrent_dropout: fraction of the state dropped in training before it is multiplied.
        seed: an integer for the dropout.
        return_sequences, return_state, go_backwards, stateful, unroll: as in `RNN`.
        unit_forget_bias: start the forget gate's bias at 1, as
            [Jozefowicz et al., 2015](https://proceedings.mlr.press/v37/jozefowicz15.html) advise.
        use_cudnn: whether NVIDIA's cuDNN runs the loop: `"auto"` where it can, `False` never; with `True`, a call
            that it cannot run is a `ValueError`. It has reverse-mode derivatives only.

    >>> import numpy as np
    >>> LSTM(4, return_sequences=True)(np.ones((2, 5, 3))).shape
    (2, 5, 4)
    """

    units = from_cell()
    recurrent_activation = from_cell()
    unit_forget_bias = from_cell()

    def __init__(
        self,
        units: int,
        activation: Activation = "tanh",
        recurrent_activation: Activation = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        use_cudnn: bool | str = "auto",
        **kwargs: Unpack[RecurrentOptions],
    ) -> None:
        cell = LSTMCell(
            units,
            activation=activation,
            recurrent_activation=recurrent_activation,
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
            unit_forget_bias=unit_forget_bias,
            dtype=kwargs.get("dtype"),
            trainable=kwargs.get("trainable", True),
            name="lstm_cell",
            seed=seed,
            implementation=kwargs.pop("implementation", 2),
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
        self.input_spec = InputSpec(ndim=3)
        self.use_cudnn = check_use_cudnn("LSTM", use_cudnn)

    def inner_loop(self, sequences: Any, initial_state: list, mask: Any, training: bool = False) -> tuple:
        refusal = self._cudnn_refusal(sequences, initial_state, mask, training) if self.use_cudnn else "unwanted"
        if refusal is not None:
            if not inferring():  # sizes may be unknown then
                refuse_cudnn(self, refusal)
            return super().inner_loop(sequences, initial_state, mask, training)
        cell = self.cell
        x = ops.flip(sequences, axis=1) if self.go_backwards else sequences
        kernel, recurrent_kernel = (ops.convert_to_tensor(weight) for weight in (cell.kernel, cell.recurrent_kernel))
        bias = None if cell.bias is None else ops.convert_to_tensor(cell.bias)
        outputs, states = cudnn.lstm(x, initial_state, kernel, recurrent_kernel, bias)
        return states[0], outputs, states

    def _cudnn_refusal(self, sequences: Any, states: list, mask: Any, training: bool) -> str | None:
        """Why cuDNN does not serve for a call, `None` if it does."""
        cell = self.cell
        if not self._runs_itself() or cell.functions != (ops.tanh, ops.sigmoid):
            return "it computes LSTMs with activation='tanh' and recurrent_activation='sigmoid'"
        if mask is not None or self.unroll:
            return "it takes neither a mask nor unroll=True"
        if training and (cell.dropout or cell.recurrent_dropout):
            return "it has no dropout inside"
        return cudnn.refusal(sequences, *states)
