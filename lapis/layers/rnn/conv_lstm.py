"""LSTM layers whose products are convolutions, over one, two and three spatial axes."""

from collections.abc import Sequence
from typing import Any, ClassVar

from lapis.core.serialization import builtin
from lapis.layers.input_spec import InputSpec
from lapis.layers.options import Activation
from lapis.layers.rnn.cell_layer import CellLayer, from_cell
from lapis.layers.rnn.conv_lstm_cell import ConvLSTMCell


class ConvLSTM(CellLayer):
    """What ConvLSTM1D, ConvLSTM2D and ConvLSTM3D share; the arguments stand at `ConvLSTM2D`."""

    rank: ClassVar[int]
    filters = from_cell()
    kernel_size = from_cell()
    strides = from_cell()
    padding = from_cell()
    data_format = from_cell()
    dilation_rate = from_cell()
    recurrent_activation = from_cell()
    unit_forget_bias = from_cell()

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
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
        **kwargs: Any,
    ) -> None:
        cell = ConvLSTMCell(
            self.rank,
            filters,
            kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            activation=activation,
            recurrent_activation=recurrent_activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            unit_forget_bias=unit_forget_bias,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
            name="conv_lstm_cell",
            dtype=kwargs.get("dtype"),
        )
        super().__init__(
            cell,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        # A cell has as many states as it says, but this one's sizes follow from the input's.
        self.state_size = [-1, -1]
        self.input_spec = InputSpec(ndim=self.rank + 3)


@builtin("keras.layers")
class ConvLSTM1D(ConvLSTM):
    """An LSTM over sequences of rows, `(batch, time, steps, channels)`; all else is as in `ConvLSTM2D`.

    >>> import numpy as np
    >>> ConvLSTM1D(4, 3, padding="same")(np.ones((2, 5, 8, 1))).shape
    (2, 8, 4)
    """

    rank = 1


@builtin("keras.layers")
class ConvLSTM2D(ConvLSTM):
    """An LSTM over sequences of images, from [Shi et al., 2015](https://arxiv.org/abs/1506.04214), without peepholes.

    The formula is that of `LSTM`, with a convolution in place of each matrix product; that of the state always pads to
    "same". Sequences `(batch, time, rows, columns, channels)` give the last output
    `(batch, new rows, new columns, filters)`, or all with `return_sequences`. The channels come before the spatial
    axes with `data_format="channels_first"`.

    Args:
        filters: number of channels of the output.
        kernel_size, strides, dilation_rate: an integer, or one for each spatial axis; strides and dilation rate may not
            both be above 1.
        padding: "valid" or "same", for the convolution of the inputs.
        data_format: "channels_last", "channels_first", or `None` for the global setting.
        activation: `a` in the formula; `None` for none.
        recurrent_activation: `s` in the formula; `None` for none.
        use_bias: whether there is a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: first values of the weights.
        unit_forget_bias: start the forget gate's bias at 1.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: a penalty on the output.
        kernel_constraint, recurrent_constraint, bias_constraint: applied to the weights after each training step.
        dropout: fraction of the inputs dropped in training, for each gate by itself, the same at every step.
        recurrent_dropout: fraction of the state dropped in training before it is convolved.
        seed: an integer for the dropout.
        return_sequences, return_state, go_backwards, stateful: as in `RNN`.

    Raises:
        ValueError: for values that are not as above, and for spatial axes or channels of unknown size.

    >>> import numpy as np
    >>> ConvLSTM2D(4, 3)(np.ones((2, 5, 8, 8, 1))).shape
    (2, 6, 6, 4)
    """

    rank = 2


@builtin("keras.layers")
class ConvLSTM3D(ConvLSTM):
    """An LSTM over sequences of volumes, `(batch, time, x, y, z, channels)`; all else is as in `ConvLSTM2D`.

    >>> import numpy as np
    >>> ConvLSTM3D(2, 2)(np.ones((1, 3, 4, 4, 4, 1))).shape
    (1, 3, 3, 3, 2)
    """

    rank = 3
