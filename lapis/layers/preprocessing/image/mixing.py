"""Images mixed with others of their batch."""

from typing import Any, Unpack

import lapis.ops as ops
import lapis.random as random
from lapis.core.serialization import builtin
from lapis.layers.options import LayerOptions
from lapis.layers.preprocessing.image.base import images_in
from lapis.layers.preprocessing.image.color_layer import RandomColorLayer
from lapis.layers.preprocessing.image.patches import covered, draw_stretch


class MixingLayer(RandomColorLayer):
    """Mixes each image of a batch with a partner from it, and their labels likewise."""

    def _mixes_rows(self, ranks: list[int], training: bool) -> bool:
        return training or super()._mixes_rows(ranks, training)

    def _partners(self, count: Any, seed: Any) -> Any:
        return random.shuffle(ops.arange(count, dtype="int32"), seed=seed)

    def transform_labels(self, labels: Any, transformation: Any, training: bool = True) -> Any:
        """The labels mixed by the same weights: `weight * label + (1 - weight) * partner's label`.

        They have shape `(batch, classes)`, or `(batch,)` for numbers to be predicted. A `ValueError` where they are
        class numbers, which have no mixture.
        """
        if not training or transformation is None:
            return labels
        if labels.ndim < 2 and "int" in str(labels.dtype):
            raise ValueError(
                f"{type(self).__name__} got labels of shape {tuple(labels.shape)} and dtype {labels.dtype}; class "
                "numbers cannot be mixed. Pass them as vectors, for example `ops.one_hot(labels, num_classes)`."
            )
        return self._mixed(labels, transformation)

    def _mixed(self, x: Any, transformation: Any, dtype: Any = None) -> Any:
        weight = ops.reshape(transformation["mix_weight"], (-1, *[1] * (x.ndim - 1)))
        weight = weight if dtype is None else ops.cast(weight, dtype)
        return weight * x + (1 - weight) * ops.take(x, transformation["permutation_order"], axis=0)


@builtin("keras.layers")
class MixUp(MixingLayer):
    """In training, replaces each image by a weighted mean of itself and another one of its batch.

    Labels and segmentation masks are mixed likewise, bounding boxes put side by side. From
    [Zhang et al., 2017](https://arxiv.org/abs/1710.09412).

    Args:
        alpha: both parameters of the beta distribution that weights are drawn from: the smaller, the more images stay
            nearly themselves or become the other.
        data_format: "channels_last" or "channels_first"; by default the global setting.
        seed: an integer; `None` draws one.

    >>> import numpy as np
    >>> MixUp()({"images": np.ones((2, 8, 8, 3)), "labels": np.eye(2)}, training=True)["labels"].sum(axis=1).tolist()
    [1.0, 1.0]
    """

    _arguments = ("alpha", "seed")

    def __init__(
        self,
        alpha: float = 0.2,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(seed, data_format=data_format, **kwargs)
        self.alpha = alpha

    def _draw(self, shape: tuple, seed: Any) -> dict:
        count = images_in(shape)
        partners = self._partners(count, seed)
        weight = random.beta((count,), self.alpha, self.alpha, seed=seed)
        return {"mix_weight": weight, "permutation_order": partners}

    def _change(self, images: Any, transformation: Any) -> Any:
        return self._mixed(images, transformation, self.compute_dtype)

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any, training: bool = True) -> Any:
        """The boxes and labels of each image followed by those of its partner."""
        if not training or transformation is None:
            return bounding_boxes
        partners = transformation["permutation_order"]
        return {
            key: ops.concatenate([value, ops.take(value, partners, axis=0)], axis=1)
            for key, value in bounding_boxes.items()
        }

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        """The masks mixed by the same weights, as floats."""
        if not training or transformation is None:
            return segmentation_masks
        return self._mixed(segmentation_masks, transformation)


@builtin("keras.layers")
class CutMix(MixingLayer):
    """In training, replaces a rectangle of each image by the same place of another one of its batch.

    Segmentation masks are cut likewise, labels mixed by the rectangle's area. A single image stays as it is. From
    [Yun et al., 2019](https://arxiv.org/abs/1905.04899).

    Args:
        factor: bounds to draw the number between that both parameters of a beta distribution have, or a number `f` for
            `(0, f)`; one less what is drawn from that distribution is the rectangle's area.
        seed: an integer; `None` draws one.
        data_format: "channels_last" or "channels_first"; by default the global setting.

    >>> import numpy as np
    >>> CutMix()({"images": np.ones((2, 8, 8, 3)), "labels": np.eye(2)}, training=True)["labels"].sum(axis=1).tolist()
    [1.0, 1.0]
    """

    _FACTOR_BOUNDS = (0, 1)
    _arguments = ("factor", "seed")

    def __init__(
        self, factor: Any = 1.0, seed: int | None = None, data_format: str | None = None, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(seed, data_format=data_format, **kwargs)
        self._set_factor(factor)

    def _draw(self, shape: tuple, seed: Any) -> dict | None:
        if len(shape) == 3:
            return None
        count, dtype = shape[0], self.compute_dtype
        height, width = (shape[axis] for axis in self._spatial_axes)
        alpha = random.uniform((), *self.factor, dtype=dtype, seed=seed) + 1e-6
        ratio = ops.sqrt(1 - random.beta((count,), alpha, alpha, dtype=dtype, seed=seed))
        left, right = place_x = draw_stretch(count, width, ratio, dtype, seed)
        top, bottom = place_y = draw_stretch(count, height, ratio, dtype, seed)
        return {
            "permutation_order": self._partners(count, seed),
            "batch_masks": covered(place_x, place_y, width, height, self.data_format == "channels_first"),
            "mix_weight": 1 - (right - left) * (bottom - top) / (width * height),
        }

    def _change(self, images: Any, transformation: Any) -> Any:
        partners = ops.take(images, transformation["permutation_order"], axis=0)
        return ops.where(transformation["batch_masks"], partners, images)

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any, training: bool = True) -> Any:
        """Not available: a rectangle may cut a box in two."""
        raise NotImplementedError("CutMix cannot transform bounding boxes, which it may cut; leave them out.")

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        """The masks with the same rectangles replaced, in the compute type."""
        return self.transform_images(segmentation_masks, transformation, training)
