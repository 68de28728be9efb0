"""What SimpleRNN, GRU, LSTM and the ConvLSTM layers share: an RNN around a cell of its own."""

from typing import Any, Self

import lapis.regularizers as regularizers
from lapis.layers.layer import Layer
from lapis.layers.rnn.rnn import RNN


class _FromCell:
    """An attribute that is read from the layer's cell."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, layer: Any, owner: type | None = None) -> Any:
        return self if layer is None else getattr(layer.cell, self.name)


from_cell: Any = _FromCell


class CellLayer(RNN):
    """An RNN whose config holds the arguments of its cell instead of the cell."""

    activation = from_cell()
    use_bias = from_cell()
    kernel_initializer = from_cell()
    recurrent_initializer = from_cell()
    bias_initializer = from_cell()
    kernel_regularizer = from_cell()
    recurrent_regularizer = from_cell()
    bias_regularizer = from_cell()
    kernel_constraint = from_cell()
    recurrent_constraint = from_cell()
    bias_constraint = from_cell()
    dropout = from_cell()
    recurrent_dropout = from_cell()

    def get_config(self) -> dict:
        config = super().get_config()
        del config["cell"]
        cell = self.cell.get_config()
        for key in Layer.get_config(self.cell):
            del cell[key]
        penalty = regularizers.serialize(self.activity_regularizer)
        return {**config, **cell, "activity_regularizer": penalty}

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> Self:
        return cls(**config)


_NO_CUDNN = (
    "The layer {path!r} has use_cudnn=True, but cuDNN cannot run it here: {reason}. Leave use_cudnn='auto', which "
    "takes the fastest loop there is."
)


def refuse_cudnn(layer: Any, reason: str) -> None:
    """A `ValueError` where cuDNN is insisted on."""
    if layer.use_cudnn is True:
        raise ValueError(_NO_CUDNN.format(path=layer.path, reason=reason))


def check_use_cudnn(layer: str, value: Any) -> Any:
    """`value`; a `ValueError` unless it is `"auto"`, `True` or `False`."""
    if value not in ("auto", True, False):
        raise ValueError(f"{layer} got use_cudnn={value!r}; expected 'auto', True or False.")
    return value
