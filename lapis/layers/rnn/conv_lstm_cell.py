"""The cell behind ConvLSTM1D, ConvLSTM2D and ConvLSTM3D."""

from collections.abc import Sequence
from typing import Any

import lapis.activations as activations
import lapis.ops as ops
from lapis.core.config import standardize_data_format
from lapis.layers.input_spec import InputSpec
from lapis.layers.options import Activation
from lapis.layers.rnn.recurrent_cell import RecurrentCell, check_units, forget_bias
from lapis.layers.windows import int_tuple, padding_name
from lapis.ops.rnn import lstm_gates


class ConvLSTMCell(RecurrentCell):
    """One step of a ConvLSTM: an LSTM cell with convolutions in place of matrix products.

    Inputs are `(batch, ..., channels)` with `rank` spatial axes, or `(batch, channels, ...)`; the states `[h, c]` have
    the size of the convolution's output, and `filters` channels. The arguments are those of `ConvLSTM2D`.
    """

    dropout_mask_count = gate_count = 4
    gates = staticmethod(lstm_gates)
    recurs_by_product = False

    def __init__(
        self,
        rank: int,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int],
        padding: str,
        data_format: str | None,
        dilation_rate: int | Sequence[int],
        recurrent_activation: Activation,
        unit_forget_bias: bool,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.rank = rank
        self.filters = check_units(type(self).__name__, "filters", filters)
        self.kernel_size = int_tuple(kernel_size, rank, "kernel_size")
        self.strides = int_tuple(strides, rank, "strides")
        self.padding = padding_name(padding)
        self.data_format = standardize_data_format(data_format)
        self.dilation_rate = int_tuple(dilation_rate, rank, "dilation_rate")
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                "Strides above 1 do not go together with a dilation rate above 1; received "
                f"strides={self.strides} and dilation_rate={self.dilation_rate}."
            )
        self.recurrent_activation = activations.get(recurrent_activation)
        self.unit_forget_bias = unit_forget_bias
        self.input_spec = InputSpec(ndim=rank + 2)
        self.state_size = -1  # the states' shapes follow from the input's

    @property
    def functions(self) -> tuple:
        return (self.activation, self.recurrent_activation)

    @property
    def gate_axis(self) -> int:
        """The axis of the channels."""
        return -1 if self.data_format == "channels_last" else 1

    def build(self, input_shape: tuple, states_shape: Any = None) -> None:
        spatial = input_shape[1:-1] if self.data_format == "channels_last" else input_shape[2:]
        channels = input_shape[self.gate_axis]
        if None in spatial or channels is None:
            raise ValueError(
                "A ConvLSTM layer keeps states of fixed size, so the spatial axes and the channels must be known; "
                f"each time step has the shape {input_shape}. Give them in `Input(shape=(time, ...))`."
            )
        self.input_spec = InputSpec(shape=(None, *input_shape[1:]))
        self._spatial = spatial
        initializer = forget_bias(self.bias_initializer, self.filters) if self.unit_forget_bias else None
        gates = 4 * self.filters
        self._add_weights(
            (*self.kernel_size, channels, gates), (*self.kernel_size, self.filters, gates), (gates,), initializer
        )

    def project(self, inputs: Any, factors: Any = None) -> Any:
        steps = inputs.shape[: -self.rank - 1]  # the batch, with time in front of it where there are many steps
        flat = (-1, *inputs.shape[len(steps) :])
        names = ("strides", "padding", "data_format", "dilation_rate")
        geometry: dict[str, Any] = {name: getattr(self, name) for name in names}
        if isinstance(factors, tuple):
            parts = [ops.reshape(inputs * factor, flat) for factor in factors]
            kernels = ops.split(self.kernel, 4, axis=-1)
            x = [ops.conv(part, k, **geometry) for part, k in zip(parts, kernels)]
            x = ops.concatenate(x, axis=self.gate_axis)
        else:
            x = ops.conv(ops.reshape(inputs, flat), self.kernel, **geometry)
        if self.bias is not None:
            x = ops.add(x, self.bias if self.gate_axis == -1 else ops.reshape(self.bias, (-1, *(1,) * self.rank)))
        return ops.reshape(x, (*steps, *x.shape[1:]))

    def recur(self, h: Any, factors: Any = None) -> Any:
        geometry: dict[str, Any] = {"padding": "same", "data_format": self.data_format}
        if not isinstance(factors, tuple):
            return ops.conv(h, self.recurrent_kernel, **geometry)
        parts = zip(factors, ops.split(self.recurrent_kernel, 4, axis=-1))
        return ops.concatenate([ops.conv(h * f, part, **geometry) for f, part in parts], axis=self.gate_axis)

    def get_initial_state(self, batch_size: int | None = None) -> list:
        """Zeros of the size of the convolution's output, for `h` and for `c`."""
        axes = zip(self._spatial, self.kernel_size, self.strides, self.dilation_rate)
        if self.padding == "same":
            sizes = [-(-size // stride) for size, _, stride, _ in axes]
        else:
            sizes = [(size - (kernel - 1) * rate - 1) // stride + 1 for size, kernel, stride, rate in axes]
        shape = (*sizes, self.filters) if self.data_format == "channels_last" else (self.filters, *sizes)
        return [ops.zeros((batch_size, *shape), dtype=self.compute_dtype) for _ in range(2)]

    def get_config(self) -> dict:
        names = ("filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate", "unit_forget_bias")
        return {
            **super().get_config(),
            **{name: getattr(self, name) for name in names},
            "recurrent_activation": activations.serialize(self.recurrent_activation),
        }
