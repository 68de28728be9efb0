"""The gated recurrent unit and its cell."""

from collections.abc import Sequence
from typing import Any, Unpack

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.layers.input_spec import InputSpec
from lapis.layers.options import Activation, RecurrentOptions
from lapis.layers.rnn.cell_layer import CellLayer, check_use_cudnn, from_cell, refuse_cudnn
from lapis.layers.rnn.recurrent_cell import GatedCell
from lapis.ops.rnn import gru_gates


@builtin("keras.layers")
class GRUCell(GatedCell):
    """One step of `GRU`.

    Called with inputs `(batch, features)` and the states `[(batch, units)]`; returns the new `h`, and the states with
    it. The arguments are those of `GRU`.

    >>> import numpy as np
    >>> output, states = GRUCell(4)(np.ones((2, 3)), [np.zeros((2, 4))])
    >>> output.shape
    (2, 4)
    """

    gate_count = 3
    gates = staticmethod(gru_gates)

    def __init__(
        self,
        units: int,
        activation: Activation = "tanh",
        recurrent_activation: Activation = "sigmoid",
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
        reset_after: bool = True,
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
        self.reset_after = reset_after
        self.recurs_by_product = reset_after
        self.state_size = units

    def build(self, input_shape: tuple) -> None:
        gates = 3 * self.units
        self._add_weights((input_shape[-1], gates), (self.units, gates), (2, gates) if self.reset_after else (gates,))

    @property
    def input_bias(self) -> Any:
        return self.bias[0] if self.use_bias and self.reset_after else self.bias

    @property
    def recurrent_bias(self) -> Any:
        """The part of the bias that belongs to the state; `None` without `reset_after`."""
        return self.bias[1] if self.use_bias and self.reset_after else None

    def step(self, x: Any, states: Sequence[Any], factors: Any = None) -> list:
        if self.reset_after:
            return super().step(x, states, factors)
        # The state is reset before it is multiplied, so the candidate's product has to wait for the reset gate.
        h, cut = states[0], 2 * self.units
        in_gates, in_candidate = (factors[:2], h * factors[2]) if isinstance(factors, tuple) else (factors, h)
        gates = x[..., :cut] + self.product(h, self.recurrent_kernel[:, :cut], in_gates)
        z, reset = (self.recurrent_activation(gate) for gate in ops.split(gates, 2, axis=-1))
        r_candidate = ops.matmul(reset * in_candidate, self.recurrent_kernel[:, cut:])
        return [z * h + (1 - z) * self.activation(x[..., cut:] + r_candidate)]

    def get_config(self) -> dict:
        return {**super().get_config(), "reset_after": self.reset_after}


@builtin("keras.layers")
class GRU(CellLayer):
    """The gated recurrent unit, from [Cho et al., 2014](https://arxiv.org/abs/1406.1078).

    Sequences `(batch, time, features)` give the last output `(batch, units)`, or all with `return_sequences`. With
    `x` and `r` the parts of `inputs @ kernel` and `h @ recurrent_kernel` that belong to each gate, biases included:
    `z = f(x_z + r_z)`, `reset = f(x_r + r_r)`, `h = z * h + (1 - z) * g(x_h + reset * r_h)`.

    Args:
        units: size of the output, a positive integer (else `ValueError`).
        activation: `g` above; `None` for none.
        recurrent_activation: `f` above; `None` for none.
        use_bias: whether there is a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: first values of the weights.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: a penalty on the output.
        kernel_constraint, recurrent_constraint, bias_constraint: applied to the weights after each training step.
        dropout: fraction of the inputs dropped in training, the same at every step.
        recurrent_dropout: fraction of the state dropped in training before it is multiplied.
        seed: an integer for the dropout.
        return_sequences, return_state, go_backwards, stateful, unroll: as in `RNN`.
        reset_after: multiply by the reset gate after the matrix product, as above, or the state before it (the
            paper's first version); with it, the bias is `(2, 3 * units)`.
        use_cudnn: `"auto"` or `False`; a call with `True` is a `ValueError`, since JAX has only the LSTM of cuDNN.

    >>> import numpy as np
    >>> GRU(4, return_sequences=True)(np.ones((2, 5, 3))).shape
    (2, 5, 4)
    """

    units = from_cell()
    recurrent_activation = from_cell()
    reset_after = from_cell()

    def __init__(
        self,
        units: int,
        activation: Activation = "tanh",
        recurrent_activation: Activation = "sigmoid",
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
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        reset_after: bool = True,
        use_cudnn: bool | str = "auto",
        **kwargs: Unpack[RecurrentOptions],
    ) -> None:
        cell = GRUCell(
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
            reset_after=reset_after,
            dtype=kwargs.get("dtype"),
            trainable=kwargs.get("trainable", True),
            name="gru_cell",
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
        self.use_cudnn = check_use_cudnn("GRU", use_cudnn)

    def inner_loop(self, sequences: Any, initial_state: list, mask: Any, training: bool = False) -> tuple:
        refuse_cudnn(self, "JAX has no other layer of it than the LSTM")
        return super().inner_loop(sequences, initial_state, mask, training)
