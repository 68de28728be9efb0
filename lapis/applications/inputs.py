"""The input of a model for images."""

import warnings
from typing import Any

from lapis.core.config import image_data_format
from lapis.layers import Input
from lapis.utils.graphs import get_source_inputs, is_keras_tensor

_EXPECTED_CHANNELS = (1, 3)


def image_input(
    input_tensor: Any, input_shape: tuple | None, size: int, least_size: int, include_top: bool, weights: Any
) -> tuple[Any, Any]:
    """The tensor to build on, and the inputs of the model.

    A `ValueError` where `input_shape` is not what the weights or the network need.
    """
    shape = _image_shape(input_shape, size, least_size, include_top, weights)
    if input_tensor is None:
        x = Input(shape)
        return x, x
    if not is_keras_tensor(input_tensor):
        x = Input(shape, tensor=input_tensor)
        return x, x
    sources = get_source_inputs(input_tensor)
    return input_tensor, sources[0] if len(sources) == 1 else sources


def _image_shape(input_shape: tuple | None, size: int, least_size: int, include_top: bool, weights: Any) -> tuple:
    last = image_data_format() == "channels_last"
    given = None if input_shape is None else tuple(input_shape)
    if given is not None and len(given) != 3:
        raise ValueError(f"`input_shape` must hold three integers; received input_shape={input_shape}.")
    channels = 3 if given is None else given[-1 if last else 0]
    if weights == "imagenet":
        if channels != 3:
            raise ValueError(f"The ImageNet weights need inputs with 3 channels; received input_shape={input_shape}.")
    elif channels not in _EXPECTED_CHANNELS:
        warnings.warn(
            f"The network is made for 1 or 3 channels; input_shape={input_shape} has {channels}.", stacklevel=4
        )
    default = (size, size, channels) if last else (channels, size, size)
    if include_top and weights == "imagenet" and given not in (None, default):
        raise ValueError(
            f"With include_top=True the ImageNet weights need input_shape={default}; received {input_shape}."
        )
    if given is None:
        if include_top:
            return default
        return (None, None, 3) if last else (3, None, None)
    spatial = given[:-1] if last else given[1:]
    if any(length is not None and length < least_size for length in spatial):
        raise ValueError(f"Images must be {least_size} x {least_size} or larger; received input_shape={input_shape}.")
    if include_top and None in given:
        raise ValueError(f"With include_top=True all sizes must be known; received input_shape={input_shape}.")
    return given
