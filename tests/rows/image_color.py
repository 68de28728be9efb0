"""Rows for the layers of `lapis/layers/preprocessing/image` that change colours; each draws as in training."""

from collections.abc import Callable
from typing import Any

from tests.descriptors import Row, f32

IMAGES = f32(2, 4, 5, 3, low=0.0, high=255.0)


def _random(name: str, make: Callable[[Any], Any], **options: Any) -> Row:
    """A row whose numbers are compared elsewhere, for what each library draws."""
    return Row(name, make, (IMAGES,), random=True, training=True, **options)


ROWS = [
    Row("AutoContrast", lambda k: k.layers.AutoContrast(), (IMAGES,), tolerance=1e-4),
    Row("AutoContrast-range", lambda k: k.layers.AutoContrast((1, -1)), (f32(4, 5, 3),), spec_shapes=((4, 5, 3),)),
    Row(
        "ContrastLimitedAdaptiveHistogramEqualization",
        lambda k: k.layers.ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(2, 2)),
        (IMAGES,),
        tolerance=1e-4,
        gradient=False,
    ),
    Row("Equalization", lambda k: k.layers.Equalization(), (IMAGES,), gradient=False, training=True),
    _random("CutMix", lambda k: k.layers.CutMix(0.5, seed=1)),
    _random("AugMix", lambda k: k.layers.AugMix(num_chains=2, chain_depth=2, all_ops=False, seed=1)),
    _random("MixUp", lambda k: k.layers.MixUp(0.3, seed=1)),
    _random("RandAugment", lambda k: k.layers.RandAugment(num_ops=1, factor=0.2), tolerance=1e-4),
    _random("RandomBrightness", lambda k: k.layers.RandomBrightness(0.2, (0, 1), seed=1)),
    _random("RandomColorDegeneration", lambda k: k.layers.RandomColorDegeneration((0.2, 0.4))),
    _random(
        "RandomColorJitter",
        lambda k: k.layers.RandomColorJitter(
            brightness_factor=0.2, contrast_factor=0.1, saturation_factor=(0.4, 0.6), hue_factor=0.1, seed=1
        ),
        tolerance=1e-4,  # of values up to 255, through four transformations
    ),
    _random("RandomContrast", lambda k: k.layers.RandomContrast((0.1, 0.3))),
    _random("RandomErasing", lambda k: k.layers.RandomErasing(0.5, (0.1, 0.2))),
    _random("RandomGaussianBlur", lambda k: k.layers.RandomGaussianBlur(0.5, (3, 5), (0.5, 2.0))),
    # Its config holds the seed too, which Keras's forgets.
    _random("RandomGrayscale", lambda k: k.layers.RandomGrayscale(0.4), config=False),
    _random("RandomHue", lambda k: k.layers.RandomHue(0.2)),
    _random("RandomInvert", lambda k: k.layers.RandomInvert(0.4)),
    _random("RandomPosterization", lambda k: k.layers.RandomPosterization(4, seed=1)),
    _random("RandomSaturation", lambda k: k.layers.RandomSaturation((0.2, 0.6))),
    _random("RandomSharpness", lambda k: k.layers.RandomSharpness(0.7)),
    _random("Solarization", lambda k: k.layers.Solarization(0.2, (0.1, 0.4))),
]
