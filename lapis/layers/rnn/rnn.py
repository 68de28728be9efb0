"""The layer that runs a recurrent cell over the time steps of sequences."""

from contextlib import nullcontext
from typing import Any, Self, Unpack

import lapis.ops as ops
from lapis.core import nest
from lapis.core.serialization import builtin, deserialize_keras_object, serialize_keras_object
from lapis.graph import inferring
from lapis.layers.input_spec import InputSpec
from lapis.layers.layer import Layer
from lapis.layers.options import LayerOptions
from lapis.layers.rnn.dropout_rnn_cell import DropoutRNNCell
from lapis.layers.rnn.recurrent_cell import RecurrentCell
from lapis.layers.rnn.stacked_rnn_cells import (
    StackedRNNCells,
    check_cell,
    output_size,
    takes_training,
)
from lapis.ops.rnn import rnn
from lapis.state import AutocastScope, StatelessScope, Variable, in_stateless_scope, name_scope

_NO_LENGTH = (
    "{cls}(unroll=True) needs to know the number of time steps, and the input has the shape {shape}. Give the length "
    "in `Input(shape=(steps, ...))`, or leave unroll=False."
)
_NO_BATCH = (
    "{cls}(stateful=True) keeps states for each sample, so it needs a fixed batch size, and the input has the shape "
    "{shape}. Give `Input(..., batch_size=...)`."
)


@builtin("keras.layers")
class RNN(Layer):
    """Runs a cell over sequences `(batch, time, ...)`, handing its states from each time step to the next.

    A cell has `call(inputs, states) -> (output, new_states)`, where `call` may also take `training`; `state_size`, an
    integer or a list of them; and if it likes `output_size` and `get_initial_state(batch_size)`. Where the mask
    `(batch, time)` is false, the states stay and the output is that of the step before.

    Args:
        cell: a cell, or a list of cells to stack.
        return_sequences: whether the outputs of all steps are returned, `(batch, time, units)`, or the last one.
        return_state: whether the last states are returned as well, after the output.
        go_backwards: run from the end to the start; the outputs come in that order.
        stateful: begin each call with the states in which the last one ended; the batch size must be fixed.
        unroll: write all steps out instead of looping; faster for short sequences, of known length only.
        zero_output_for_mask: let masked steps give zeros in place of the output before.

    Call arguments:
        sequences: `(batch, time, ...)`.
        initial_state: the states to begin with; zeros, or those kept by a stateful layer, when not given.
        mask: booleans `(batch, time)`; true where a step counts.
        training: handed to the cell.

    Raises:
        ValueError: for a cell without `call` or `state_size`, an unknown length with `unroll`, a batch size that is
            unknown or another with `stateful`.

    >>> import numpy as np
    >>> from lapis.layers.rnn.gru import GRUCell
    >>> RNN([GRUCell(4), GRUCell(3)], return_sequences=True)(np.ones((2, 5, 1))).shape
    (2, 5, 3)
    """

    states: Any

    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        if isinstance(cell, (list, tuple)):
            cell = StackedRNNCells(cell)
        check_cell(cell, type(self).__name__)
        super().__init__(**kwargs)
        sizes = cell.state_size
        if not isinstance(sizes, (list, tuple, int)):
            raise ValueError(f"The cell's state_size is {sizes!r}; expected an integer or a list of integers.")
        self.cell = cell
        self.state_size = [sizes] if isinstance(sizes, int) else list(sizes)
        self.single_state = isinstance(sizes, int)
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.go_backwards = go_backwards
        self.stateful = stateful
        self.unroll = unroll
        self.zero_output_for_mask = zero_output_for_mask
        self.supports_masking = True
        self._set_states(None)

    # State

    def build(self, sequences_shape: tuple, initial_state_shape: Any = None) -> None:
        if self.unroll and sequences_shape[1] is None:
            raise ValueError(_NO_LENGTH.format(cls=type(self).__name__, shape=sequences_shape))
        if isinstance(self.cell, Layer) and not self.cell.built:
            self.cell.build((sequences_shape[0], *sequences_shape[2:]))
        spec = self.input_spec
        if spec.__class__ is InputSpec and spec.ndim == 3:  # its weights are for so many numbers a step
            self.input_spec = InputSpec(ndim=3, axes={2: sequences_shape[2]})
        if self.stateful:
            if sequences_shape[0] is None:
                raise ValueError(_NO_BATCH.format(cls=type(self).__name__, shape=sequences_shape))
            self._make_states(sequences_shape[0])

    def _make_states(self, batch_size: int) -> None:
        like = self.get_initial_state(batch_size)

        def make(index: int, shape: tuple) -> Variable:
            # Given as a function, so that the variable gets numbers even where the layer is built while being traced.
            def first(shape: tuple, dtype: Any = None) -> Any:
                return nest.flatten(self.get_initial_state(batch_size))[index]

            return Variable(first, shape, self.variable_dtype, trainable=False, name="rnn_state")

        with name_scope(self.name, caller=self):
            states = [make(index, state.shape) for index, state in enumerate(nest.flatten(like))]
        self._set_states(nest.pack_sequence_as(like, states))

    def _set_states(self, states: list | None) -> None:
        # Not tracked: like seeds, the states are variables of the layer but no weights of it, and stay out of files.
        self.__dict__["states"] = states

    @property
    def variables(self) -> list[Variable]:
        """The weights, the seeds' states and the states of a stateful layer."""
        return super().variables + [state for state in nest.flatten(self.states) if state is not None]

    def get_initial_state(self, batch_size: int | None) -> list:
        """The states that the cell begins with, as a list."""
        if not getattr(self.cell, "get_initial_state", None):
            dtype = getattr(self.cell, "compute_dtype", self.compute_dtype)
            return [ops.zeros((batch_size, size), dtype=dtype) for size in self.state_size]
        state = self.cell.get_initial_state(batch_size=batch_size)
        return list(state) if nest.is_nested(state) else [state]

    def reset_state(self) -> None:
        """Set the states of a stateful layer to zero."""
        for state in nest.flatten(self.states):
            if state is not None:
                state.assign(ops.zeros_like(state.value))

    def reset_states(self) -> None:
        """The same as `reset_state`."""
        self.reset_state()

    # Running

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool = False) -> Any:
        states = self._starting_states(sequences, initial_state)
        self._reset_dropout(self.cell)
        if training:
            self._draw_dropout(self.cell, sequences[:, 0], states)
        try:
            last, outputs, states = self.inner_loop(sequences, states, mask, training)
        finally:
            self._reset_dropout(self.cell)
        output = ops.cast(outputs if self.return_sequences else last, self.compute_dtype)
        states = nest.map_structure(lambda state: ops.cast(state, self.compute_dtype), list(states))
        if self.stateful:
            for variable, state in zip(nest.flatten(self.states), nest.flatten(states), strict=True):
                variable.assign(state)
        return (output, *states) if self.return_state else output

    def _starting_states(self, sequences: Any, states: Any) -> list:
        if self.stateful:
            expected, received = nest.flatten(self.states)[0].shape[0], sequences.shape[0]
            if isinstance(received, int) and received != expected:
                raise ValueError(
                    f"The stateful layer {self.path!r} keeps states for batches of {expected}; "
                    f"got a batch of {received}."
                )
        if states is None:
            states = self.states if self.stateful else self.get_initial_state(sequences.shape[0])
        states = list(states) if nest.is_nested(states) else [states]
        if len(states) != len(self.state_size):
            raise ValueError(
                f"The layer {self.path!r} has {len(self.state_size)} states; got initial_state with {len(states)}."
            )
        dtype = getattr(self.cell, "compute_dtype", self.compute_dtype)
        if inferring() and not isinstance(sequences.shape[0], int):  # states of a fixed batch meet an unknown one
            shape = (sequences.shape[0],)
            return nest.map_structure(lambda state: ops.zeros(shape + tuple(state.shape[1:]), dtype=dtype), states)
        return nest.map_structure(lambda state: ops.convert_to_tensor(state, dtype=dtype), states)

    def inner_loop(self, sequences: Any, initial_state: list, mask: Any, training: bool = False) -> tuple:
        """All steps: the last output, the outputs of all steps (or of the last alone), and the last states."""
        options = {
            "mask": mask,
            "go_backwards": self.go_backwards,
            "unroll": self.unroll,
            "zero_output_for_mask": self.zero_output_for_mask,
            "return_all_outputs": self.return_sequences,
        }
        if self._runs_itself():
            return self.cell.run(sequences, initial_state, training, **options)
        return self._call_each_step(sequences, initial_state, training, options)

    def _call_each_step(self, sequences: Any, initial_state: list, training: bool, options: dict) -> tuple:
        """The loop for any cell. The variables that the cell changes go round with the states."""
        cell = self.cell
        run: Any = cell if callable(cell) else cell.call
        extra = {"training": training} if takes_training(cell) else {}
        variables = cell.non_trainable_variables if isinstance(cell, Layer) else []
        changed: set[int] = set()

        def step(inputs: Any, states: list, values: list) -> tuple[Any, Any, list]:
            for variable, value in zip(variables, values):
                variable.assign(value)
            output, new_states = run(inputs, states, **extra)
            new_values = _stored(variables)
            changed.update(i for i, value in enumerate(values) if new_values[i] is not value)
            return output, new_states, new_values

        before = _stored(variables)
        inside = in_stateless_scope()
        with nullcontext() if inside else StatelessScope():
            last, outputs, states, after = rnn(step, sequences, initial_state, shared=before, **options)
        for i, variable in enumerate(variables):
            if i in changed or inside:
                variable.assign(after[i] if i in changed else before[i])
        return last, outputs, states

    def _runs_itself(self) -> bool:
        """Whether the cell's own loop does what calling it step by step would do."""
        cell = self.cell
        return (
            isinstance(cell, RecurrentCell)
            and type(cell).call is RecurrentCell.call
            and type(cell).__call__ is Layer.__call__
            and cell.compute_dtype == self.compute_dtype
            and cell.activity_regularizer is None
        )

    def _draw_dropout(self, cell: Any, inputs: Any, states: Any) -> None:
        """Let the cells draw their dropout masks before the loop, since the loop's steps share them."""
        if isinstance(cell, StackedRNNCells):
            for inner, state in zip(cell.cells, states, strict=True):
                self._draw_dropout(inner, inputs, state)
                inputs = ops.zeros((inputs.shape[0], output_size(inner)), dtype=inputs.dtype)
        elif isinstance(cell, DropoutRNNCell):
            cell.get_dropout_mask(inputs)
            cell.get_recurrent_dropout_mask(states[0] if nest.is_nested(states) else states)

    def _reset_dropout(self, cell: Any) -> None:
        if isinstance(cell, StackedRNNCells):
            for inner in cell.cells:
                self._reset_dropout(inner)
        elif isinstance(cell, DropoutRNNCell):
            cell.reset_dropout_mask()
            cell.reset_recurrent_dropout_mask()

    # Masks and configs

    def _mixes_rows(self, ranks: list[int], training: bool) -> bool:
        return self.stateful or not isinstance(self.cell, Layer)

    def compute_mask(self, _: Any, mask: Any) -> Any:
        mask = nest.flatten(mask)[0]
        output_mask = mask if self.return_sequences else None
        return [output_mask, *(None for _ in self.state_size)] if self.return_state else output_mask

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "return_sequences": self.return_sequences,
            "return_state": self.return_state,
            "go_backwards": self.go_backwards,
            "stateful": self.stateful,
            "unroll": self.unroll,
            "zero_output_for_mask": self.zero_output_for_mask,
            "cell": serialize_keras_object(self.cell),
        }

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> Self:
        config = dict(config)
        return cls(deserialize_keras_object(config.pop("cell"), custom_objects), **config)


def _stored(variables: list) -> list:
    """The variables' values in the types in which they are kept."""
    with AutocastScope(None):
        return [variable.value for variable in variables]
