"""The networks of [Simonyan and Zisserman, 2014](https://arxiv.org/abs/1409.1556)."""

import os
from collections.abc import Sequence
from typing import Any

import lapis.activations as activations
from lapis.applications.inputs import image_input
from lapis.applications.published import published_file
from lapis.layers import Conv2D, Dense, Flatten, GlobalAveragePooling2D, GlobalMaxPooling2D, MaxPooling2D
from lapis.models import Functional

_URL = "https://storage.googleapis.com/tensorflow/keras-applications"
_FILTERS = (64, 128, 256, 512, 512)


def vgg(
    kind: str,
    depths: Sequence[int],
    md5_with_top: str,
    md5_without_top: str,
    include_top: bool,
    weights: Any,
    input_tensor: Any,
    input_shape: tuple | None,
    pooling: str | None,
    classes: int,
    classifier_activation: Any,
    name: str,
) -> Functional:
    """Five blocks of as many convolutions as `depths` says, and a classifier or a pooling."""
    _check(include_top, weights, classes, classifier_activation)
    x, inputs = image_input(input_tensor, input_shape, 224, 32, include_top, weights)
    for block, (filters, depth) in enumerate(zip(_FILTERS, depths), 1):
        for i in range(1, depth + 1):
            x = Conv2D(filters, 3, activation="relu", padding="same", name=f"block{block}_conv{i}")(x)
        x = MaxPooling2D(2, name=f"block{block}_pool")(x)
    if include_top:
        x = Flatten(name="flatten")(x)
        x = Dense(4096, activation="relu", name="fc1")(x)
        x = Dense(4096, activation="relu", name="fc2")(x)
        x = Dense(classes, activation=classifier_activation, name="predictions")(x)
    elif pooling == "avg":
        x = GlobalAveragePooling2D()(x)
    elif pooling == "max":
        x = GlobalMaxPooling2D()(x)
    model = Functional(inputs, x, name=name)
    if weights == "imagenet":
        end, md5 = ("", md5_with_top) if include_top else ("_notop", md5_without_top)
        file = f"{kind}_weights_tf_dim_ordering_tf_kernels{end}.h5"
        weights = published_file(file, f"{_URL}/{kind}/{file}", md5)
    if weights is not None:
        model.load_weights(weights)
    return model


def _check(include_top: bool, weights: Any, classes: int, classifier_activation: Any) -> None:
    if not (weights is None or weights == "imagenet" or os.path.exists(weights)):
        raise ValueError(f"`weights` must be None, 'imagenet' or the path of a file that exists; received {weights!r}.")
    if weights == "imagenet" and include_top and classes != 1000:
        raise ValueError(f"The ImageNet weights with include_top=True have 1000 classes; received classes={classes}.")
    allowed = (activations.get(None), activations.softmax)
    if include_top and weights is not None and activations.get(classifier_activation) not in allowed:
        raise ValueError(
            "With trained weights `classifier_activation` must be None or 'softmax'; "
            f"received {classifier_activation!r}."
        )
