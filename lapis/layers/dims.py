"""Which names of dimensions the library's layers keep."""

from collections.abc import Callable, Sequence
from typing import Any

from lapis.core import nest
from lapis.graph import KerasTensor
from lapis.graph.dims import Dims, contracted, merged, permuted

_KEEPING = (
    "Activation ReLU LeakyReLU ELU PReLU Softmax Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D "
    "GaussianDropout GaussianNoise AlphaDropout ActivityRegularization BatchNormalization LayerNormalization "
    "RMSNormalization GroupNormalization UnitNormalization Identity Masking Rescaling"
)
_MERGING = "Add Subtract Multiply Average Maximum Minimum"
_CONVOLUTIONS = "Conv1D Conv2D Conv3D DepthwiseConv1D DepthwiseConv2D SeparableConv1D SeparableConv2D"
_WINDOWS = (
    "MaxPooling1D MaxPooling2D MaxPooling3D AveragePooling1D AveragePooling2D AveragePooling3D UpSampling1D "
    "UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D Cropping1D Cropping2D Cropping3D"
)
_GLOBAL = (
    "GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D "
    "GlobalMaxPooling3D"
)
_RECURRENT = "LSTM GRU SimpleRNN RNN"


def output_dims(layer: Any, args: tuple) -> Dims | list[Dims | None] | None:
    """The names of a layer's outputs, `None` where they are not known."""
    rule = _rule_of(layer)
    inputs = args[0] if args else None
    if rule is None or inputs is None:
        return None
    tensors = nest.flatten(inputs)
    if not all(isinstance(x, KerasTensor) for x in tensors):
        return None
    if rule in (_merge, _concatenate, _dot):
        return rule(layer, tensors)
    return None if tensors[0].dims is None else rule(layer, tensors[0].dims)


def _rule_of(layer: Any) -> Callable | None:
    """A layer of the user's own is like no other."""
    return _RULES.get(type(layer).__name__) if type(layer).__module__.startswith("lapis.") else None


def _who(layer: Any) -> str:
    return f"The layer {layer.path!r} ({type(layer).__name__})"


def _keep(layer: Any, dims: Dims) -> Dims:
    return dims


def _new_last(layer: Any, dims: Dims) -> Dims:
    return (*dims[:-1], None)


def _embed(layer: Any, dims: Dims) -> Dims:
    return (*dims, None)


def _merge(layer: Any, tensors: Sequence[KerasTensor]) -> Dims | None:
    ranks = {len(x.shape) for x in tensors}
    return merged(tensors, _who(layer)) if len(ranks) == 1 else None


def _concatenate(layer: Any, tensors: Sequence[KerasTensor]) -> Dims | None:
    rank = len(tensors[0].shape)
    return merged(tensors, _who(layer), skip=layer.axis % rank - rank)


def _dot(layer: Any, tensors: Sequence[KerasTensor]) -> Dims:
    one, two = tensors
    first, second = layer._positive_axes([one.shape, two.shape])
    contracted(one, first, two, second, _who(layer))
    kept = [x.dims or (None,) * len(x.shape) for x in tensors]
    left = [name for axis, name in enumerate(kept[0]) if axis != first]
    right = [name for axis, name in enumerate(kept[1]) if axis not in (0, second)]
    return (*left, *right)


def _channel(layer: Any, dims: Dims) -> int:
    return len(dims) - 1 if getattr(layer, "data_format", "channels_last") == "channels_last" else 1


def _convolve(layer: Any, dims: Dims) -> Dims:
    """Names of axes along which the size stays; the channels are new ones."""
    stays = layer.padding in ("same", "causal") and set(layer.strides) == {1}
    channel = _channel(layer, dims)
    return tuple(name if axis == 0 or (stays and axis != channel) else None for axis, name in enumerate(dims))


def _window(layer: Any, dims: Dims) -> Dims:
    channel = _channel(layer, dims)
    return tuple(name if axis in (0, channel) else None for axis, name in enumerate(dims))


def _pool_all(layer: Any, dims: Dims) -> Dims:
    kept = _window(layer, dims)
    return kept if layer.keepdims else (dims[0], dims[_channel(layer, dims)])


def _recur(layer: Any, dims: Dims) -> list[Dims | None]:
    inner = getattr(layer, "forward_layer", layer)
    return [(*dims[:2], None) if inner.return_sequences else (dims[0], None)]


def _permute(layer: Any, dims: Dims) -> Dims:
    return permuted(dims, (0, *layer.dims))


def _repeat(layer: Any, dims: Dims) -> Dims:
    return (dims[0], None, dims[1])


def _distribute(layer: Any, dims: Dims) -> Dims | None:
    rule = _rule_of(layer.layer)
    if rule is None or rule not in (_keep, _new_last, _convolve, _window, _pool_all):
        return None
    inside = rule(layer.layer, (dims[0], *dims[2:]))
    return (inside[0], dims[1], *inside[1:])


_RULES: dict[str, Callable] = {
    **dict.fromkeys(_KEEPING.split(), _keep),
    **dict.fromkeys(_MERGING.split(), _merge),
    **dict.fromkeys(_CONVOLUTIONS.split(), _convolve),
    **dict.fromkeys(_WINDOWS.split(), _window),
    **dict.fromkeys(_GLOBAL.split(), _pool_all),
    **dict.fromkeys([*_RECURRENT.split(), "Bidirectional"], _recur),
    "Dense": _new_last,
    "Embedding": _embed,
    "Concatenate": _concatenate,
    "Dot": _dot,
    "Permute": _permute,
    "RepeatVector": _repeat,
    "TimeDistributed": _distribute,
}
