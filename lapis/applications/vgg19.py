"""VGG19, and what goes with it."""

from typing import Any

import lapis.applications.imagenet_utils as imagenet_utils
from lapis.applications.vgg import vgg
from lapis.models import Functional


def VGG19(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "vgg19",
) -> Functional:
    """A network of 16 convolutions and 3 dense layers, from [Simonyan and Zisserman, 2014](https://arxiv.org/abs/1409.1556).

    Images go through `vgg19.preprocess_input` first.

    Args:
        include_top: whether the three dense layers at the end are there.
        weights: `"imagenet"` (from the cache folder, or downloaded), the path of a weight file, or `None` for random
            ones.
        input_tensor: a symbolic tensor to build on.
        input_shape: without the batch axis; `(224, 224, 3)` by default, and without the top any size from 32 up.
        pooling: without the top, `"avg"` or `"max"` for a pooling over all positions at the end.
        classes: how many classes the top tells apart.
        classifier_activation: the activation of the top; `None` for logits.
        name: the model's name.

    >>> VGG19(weights=None, include_top=False, pooling="avg").output_shape
    (None, 512)
    """
    return vgg(
        "vgg19",
        (2, 2, 4, 4, 4),
        "cbe5617147190e668d6c5d5026f83318",
        "253f8cb515780f3b799900260a226db6",
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
