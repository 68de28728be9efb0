"""Images bent as if they were of rubber."""

from typing import Any, Unpack

import lapis.ops as ops
import lapis.random as random
from lapis.core.serialization import builtin
from lapis.layers.options import LayerOptions
from lapis.layers.preprocessing.image.geometry import FILL_MODES, RandomGeometryLayer, images_in
from lapis.ops.image.warping import displace


@builtin("keras.layers")
class RandomElasticTransform(RandomGeometryLayer):
    """In training, moves the pixels of some images along smooth random fields; masks are bent by the same fields.

    A field is noise blurred with a bell of width `0.05 * s * min(height, width)`, times `0.1 * s * max(height,
    width)`, where `s` is drawn within `scale` once for a batch. Bounding boxes cannot be bent. After
    [Simard et al., 2003](https://doi.org/10.1109/ICDAR.2003.1227801).

    Args:
        factor: the chance that an image is changed, from 0 to 1, itself drawn for each image: a pair of bounds, or a
            number `f` for `(0, f)`.
        scale: how strong the change is: a pair of bounds from 0 to 1, or a number `f` for `(0, f)`.
        interpolation: `"nearest"` or `"bilinear"`.
        fill_mode: what lies outside of an image: `"reflect"`, `"mirror"`, `"wrap"`, `"constant"` or `"nearest"`.
        fill_value: what `fill_mode="constant"` puts there.
        value_range: the lowest and the highest value of a pixel; results are cut to it.
        seed: an integer; `None` draws one.
        data_format: `"channels_last"` or `"channels_first"`; by default the global setting.

    >>> import numpy as np
    >>> RandomElasticTransform()(np.ones((1, 8, 8, 3))).shape
    (1, 8, 8, 3)
    """

    _FACTOR_BOUNDS = (0, 1)
    _fill_modes = (*FILL_MODES, "mirror")
    _arguments = ("factor", "scale", "interpolation", "fill_mode", "fill_value", "value_range", "seed")

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = 1.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        value_range: tuple[float, float] = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(interpolation, fill_mode, fill_value, seed, data_format=data_format, **kwargs)
        self._set_factor(factor)
        self.scale = self._factor_bounds(scale, "scale")
        self.value_range = value_range

    def get_elastic_transform_params(self, height: Any, width: Any, factor: Any) -> tuple[Any, Any]:
        """How far pixels move, and how smoothly, in images of the size: `alpha` and `sigma`."""
        return max(height, width) * (0.1 * factor), min(height, width) * (0.05 * factor)

    def _draw(self, shape: tuple, seed: Any) -> dict | None:
        if self.scale[1] == 0 or self.factor[1] == 0:
            return None
        count = images_in(shape)
        chance = random.uniform((count,), *self.factor, seed=seed)
        return {
            "apply_transform": random.uniform((count,), seed=seed) < chance,
            "distortion_factor": random.uniform((), *self.scale, seed=seed),
            # Drawn here, so that images and masks are bent alike.
            "seed": seed.next() if hasattr(seed, "next") else seed,
            "input_shape": shape,
        }

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """The images bent and cut to the value range, in the compute type; only cast outside training."""
        images = super().transform_images(images, transformation, training)
        return images if not training or transformation is None else ops.clip(images, *self.value_range)

    def _transform_images(self, images: Any, transformation: Any, interpolation: str) -> Any:
        if transformation is None:
            return images
        height, width = images.shape[self.height_axis], images.shape[self.width_axis]
        alpha, sigma = self.get_elastic_transform_params(height, width, transformation["distortion_factor"])
        # The strength is known in the running program only, but the blur's size must be known before: the greatest.
        size = int(6 * self.get_elastic_transform_params(height, width, self.scale[1])[1]) | 1
        sigma = ops.maximum(sigma, 1e-6)
        noise = random.normal((images.shape[0], height, width, 2), seed=transformation["seed"]) * sigma
        field = alpha * ops.image.gaussian_blur(noise, (size, size), (sigma, sigma), data_format="channels_last")
        bent = displace(images, field, interpolation, self.fill_mode, self.fill_value, self.data_format)
        return ops.where(transformation["apply_transform"][:, None, None, None], bent, images)
