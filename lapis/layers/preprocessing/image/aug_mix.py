"""A mixture of differently changed images."""

from typing import Any, Unpack

import lapis.ops as ops
import lapis.random as random
from lapis.core.serialization import builtin
from lapis.layers.options import LayerOptions
from lapis.layers.preprocessing.image.augmenters import AugmentingLayer, in_steps, one_of
from lapis.state import SeedGenerator

# Their places are the numbers that are drawn; one more is no change.
LAYERS = (
    "random_shear",
    "random_translation",
    "random_rotation",
    "random_posterization",
    "solarization",
    "auto_contrast",
    "equalization",
)
COLOR_LAYERS = ("random_brightness", "random_color_degeneration", "random_contrast", "random_sharpness")


class _SeedsFrom(SeedGenerator):
    """Seeds counted up from one, for draws inside a branch of a compiled program, where no variable may change."""

    def __init__(self, seed: Any) -> None:
        self._next = seed

    def next(self, ordered: bool = True) -> Any:
        now = self._next
        self._next = now + ops.convert_to_tensor([0, 1], dtype="uint32")
        return now


@builtin("keras.layers")
class AugMix(AugmentingLayer):
    """In training, mixes images with versions of them that chains of drawn layers have changed.

    `w * x + (1 - w) * sum_i(v_i * chain_i(x))`, with `w` from a beta and `v` from a Dirichlet distribution. The chains
    are drawn for each batch. Segmentation masks are changed and mixed likewise, as floats; bounding boxes stay as they
    are. From [Hendrycks et al., 2019](https://arxiv.org/abs/1912.02781).

    Args:
        value_range: the least and the greatest value of a pixel; results are held between them.
        num_chains: how many chains there are.
        chain_depth: how many layers a chain has, some of which may change nothing.
        factor: how strong the changes are: the factor of the layers, a pair of bounds from 0 to 1, or a number `f` for
            `(0, f)`.
        alpha: the parameters of both distributions.
        all_ops: whether brightness, contrast, colour and sharpness may change too.
        interpolation: `"nearest"` or `"bilinear"`, where pixels move.
        seed: an integer; `None` draws one.
        data_format: `"channels_last"` or `"channels_first"`; by default the global setting.

    >>> import numpy as np
    >>> AugMix()(np.ones((1, 8, 8, 3)), training=True).shape
    (1, 8, 8, 3)
    """

    _arguments = (
        "value_range",
        "num_chains",
        "chain_depth",
        "factor",
        "alpha",
        "all_ops",
        "interpolation",
        "seed",
    )

    def __init__(
        self,
        value_range: tuple[float, float] = (0, 255),
        num_chains: int = 3,
        chain_depth: int = 3,
        factor: Any = 0.3,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        names = LAYERS + COLOR_LAYERS if all_ops else LAYERS
        super().__init__(value_range, factor, interpolation, seed, names, data_format=data_format, **kwargs)
        self.num_chains = num_chains
        self.chain_depth = chain_depth
        self.alpha = alpha
        self.all_ops = all_ops

    def _draw(self, shape: tuple, seed: Any) -> dict:
        shares = random.gamma((self.num_chains,), self.alpha, seed=seed)
        steps = (self.num_chains, self.chain_depth)
        return {
            "chain_mixing_weights": shares / ops.sum(shares),
            "weight_sample": random.beta((), self.alpha, self.alpha, seed=seed),
            "layer_idxes": random.randint(steps, 0, len(self._names) + 1, seed=seed),
            "seeds": random.randint((*steps, 2), 0, 2**31 - 1, dtype="uint32", seed=seed),
        }

    def _mixed(self, method: str, value: Any, transformation: Any) -> Any:
        """The mixture of `value` and of what a method of the drawn layers makes of it."""
        shape = value.shape

        def change(name: str, seed: Any) -> Any:
            layer = getattr(self, name)
            return lambda value: getattr(layer, method)(value, layer._draw(shape, _SeedsFrom(seed)))

        def link(value: Any, row: tuple) -> Any:
            index, seed = row
            return one_of([*(change(name, seed) for name in self._names), lambda value: value], index, value)

        def chain(total: Any, row: tuple) -> Any:
            share, indices, seeds = row
            return total + ops.cast(share, total.dtype) * in_steps(link, value, (indices, seeds))

        value = ops.cast(value, self.compute_dtype)
        numbers = (transformation[key] for key in ("chain_mixing_weights", "layer_idxes", "seeds"))
        changed = in_steps(chain, ops.zeros_like(value), tuple(numbers))
        weight = ops.cast(transformation["weight_sample"], value.dtype)
        return weight * value + (1 - weight) * changed

    def _change(self, images: Any, transformation: Any) -> Any:
        return ops.clip(self._mixed("transform_images", images, transformation), *self.value_range)

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        """The masks changed and mixed as the images are, in the compute type."""
        if not training or transformation is None:
            return segmentation_masks
        return self._mixed("transform_segmentation_masks", segmentation_masks, transformation)
