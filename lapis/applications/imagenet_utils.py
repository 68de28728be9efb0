"""Images made ready for networks trained on ImageNet, and the names of what these networks see."""

import functools
import json
from typing import Any

import numpy as np

import lapis.ops as ops
from lapis.applications.published import published_file
from lapis.core.config import floatx, standardize_data_format
from lapis.core.dtypes import is_float_dtype

_MODES = ("caffe", "tf", "torch")
_BGR_MEAN = (103.939, 116.779, 123.68)
_RGB_MEAN = (0.485, 0.456, 0.406)
_RGB_STDDEV = (0.229, 0.224, 0.225)


def preprocess_input(x: Any, data_format: str | None = None, mode: str = "caffe") -> Any:
    """Images with values from 0 to 255 as a network expects them.

    `"caffe"`: from RGB to BGR, minus the mean color of ImageNet. `"tf"`: scaled to -1 … 1. `"torch"`: scaled to 0 … 1,
    minus the mean color, divided by the standard deviation.

    Args:
        x: `(height, width, 3)` or `(batch, height, width, 3)`, with the channels before height and width for
            `data_format="channels_first"`; an array, which stays as it is, or a symbolic tensor.
        data_format: `"channels_last"` or `"channels_first"`; the global `image_data_format()` by default.
        mode: `"caffe"`, `"tf"` or `"torch"`.

    >>> preprocess_input(np.full((1, 1, 3), 255.0), mode="tf").tolist()
    [[[1.0, 1.0, 1.0]]]
    """
    if mode not in _MODES:
        raise ValueError(f"`mode` must be one of {', '.join(map(repr, _MODES))}; received mode={mode!r}.")
    last = standardize_data_format(data_format) == "channels_last"
    if not is_float_dtype(x.dtype):
        x = x.astype(floatx()) if isinstance(x, np.ndarray) else ops.cast(x, floatx())

    def color(values: tuple[float, ...]) -> np.ndarray:
        return np.array(values).astype(x.dtype).reshape((3,) if last else (3, 1, 1))

    if mode == "tf":
        return x / 127.5 - 1.0
    if mode == "torch":
        return (x / 255.0 - color(_RGB_MEAN)) / color(_RGB_STDDEV)
    return (x[..., ::-1] if last else x[..., ::-1, :, :]) - color(_BGR_MEAN)


def decode_predictions(preds: Any, top: int = 5) -> list[list[tuple[str, str, float]]]:
    """For each image the `top` likeliest of ImageNet's 1000 classes, as `(identifier, name, score)`, likeliest first.

    `preds` is `(images, 1000)`. The names come from a file in the cache folder, downloaded the first time. A
    `ValueError` for another shape.
    """
    preds = np.asarray(ops.convert_to_numpy(preds))
    if preds.ndim != 2 or preds.shape[1] != 1000:
        raise ValueError(f"decode_predictions needs predictions of shape (images, 1000); received {preds.shape}.")
    names = _class_names()
    likeliest = np.argsort(preds, axis=1)[:, ::-1][:, :top]
    return [[(*names[str(i)], row[i]) for i in best] for row, best in zip(preds, likeliest)]


@functools.cache
def _class_names() -> dict[str, tuple[str, str]]:
    path = published_file(
        "imagenet_class_index.json",
        "https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json",
        "c2c37ea517e94d9795004a39431a14cb",
    )
    with open(path, encoding="utf-8") as file:
        return {index: (identifier, name) for index, (identifier, name) in json.load(file).items()}
