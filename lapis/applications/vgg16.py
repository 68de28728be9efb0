"""VGG16, and what goes with it."""

from typing import Any

import lapis.applications.imagenet_utils as imagenet_utils
from lapis.applications.vgg import vgg
from lapis.models import Functional


def VGG16(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "vgg16",
) -> Functional:
    """A network of 13 convolutions and 3 dense layers, from [Simonyan and Zisserman, 2014](https://arxiv.org/abs/1409.1556).

    Images go through `vgg16.preprocess_input` first.

    The arguments are those of `VGG19`.

    >>> VGG16(weights=None, include_top=False, pooling="avg").output_shape
    (None, 512)
    """
    return vgg(
        "vgg16",
        (2, 2, 3, 3, 3),
        "64373286793e3c8b2b4e3219cbf3544b",
        "6d6bbae143d832006294945121d1f1fc",
        include_top,
        weights,
        input_tensor,
        input_shape,
        pooling,
        classes,
        classifier_activation,
        name,
    )


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Images with values from 0 to 255 as BGR minus the mean color, as `imagenet_utils.preprocess_input` makes them.

    >>> import numpy as np
    >>> preprocess_input(np.zeros((1, 1, 3))).round(1).tolist()
    [[[-103.9, -116.8, -123.7]]]
    """
    return imagenet_utils.preprocess_input(x, data_format, mode="caffe")


decode_predictions = imagenet_utils.decode_predictions
