"""Layers chosen at random among many: those to choose from, and how the chosen ones are applied."""

from collections.abc import Callable, Sequence
from typing import Any

import lapis.ops as ops
from lapis.core import nest
from lapis.layers.preprocessing.image.auto_contrast import AutoContrast
from lapis.layers.preprocessing.image.color import RandomColorDegeneration
from lapis.layers.preprocessing.image.color_layer import RandomColorLayer, checked_range
from lapis.layers.preprocessing.image.equalization import Equalization
from lapis.layers.preprocessing.image.levels import RandomPosterization, Solarization
from lapis.layers.preprocessing.image.random_rotation import RandomRotation
from lapis.layers.preprocessing.image.random_shear import RandomShear
from lapis.layers.preprocessing.image.random_translation import RandomTranslation
from lapis.layers.preprocessing.image.sharpness import RandomSharpness
from lapis.layers.preprocessing.image.tone import RandomBrightness, RandomContrast
from lapis.ops.arrays import is_traced


class AugmentingLayer(RandomColorLayer):
    """Holds one layer of each kind to choose from, all of the same strength, under the names `_names`."""

    _FACTOR_BOUNDS = (0, 1)
    _names: Sequence[str]

    def __init__(
        self, value_range: Any, factor: Any, interpolation: str, seed: int | None, names: Sequence[str], **kwargs: Any
    ) -> None:
        super().__init__(seed, **kwargs)
        self.value_range = checked_range(type(self).__name__, value_range)
        self._set_factor(factor)
        self.interpolation = interpolation
        self._names = tuple(names)
        for name in self._names:
            setattr(self, name, self._layer(name))

    def _layer(self, name: str) -> Any:
        factor, values = self.factor, {"value_range": self.value_range}
        seeded, moving = {"seed": self.seed}, {"seed": self.seed, "interpolation": self.interpolation}
        bits = max(1, int(8 * factor[1]))
        kind, options = {
            "random_shear": (RandomShear, {"x_factor": factor, "y_factor": factor, **moving}),
            "random_translation": (RandomTranslation, {"height_factor": factor, "width_factor": factor, **moving}),
            "random_rotation": (RandomRotation, {"factor": factor, **moving}),
            "random_brightness": (RandomBrightness, {"factor": factor, **values, **seeded}),
            "random_color_degeneration": (RandomColorDegeneration, {"factor": factor, **values, **seeded}),
            "random_contrast": (RandomContrast, {"factor": factor, **values, **seeded}),
            "random_sharpness": (RandomSharpness, {"factor": factor, **values, **seeded}),
            "random_posterization": (RandomPosterization, {"factor": bits, **values, **seeded}),
            "solarization": (Solarization, {"addition_factor": factor, "threshold_factor": factor, **values, **seeded}),
            "auto_contrast": (AutoContrast, values),
            "equalization": (Equalization, values),
        }[name]
        return kind(
            data_format=self.data_format,
            bounding_box_format=self.bounding_box_format,
            dtype=self.dtype_policy,
            **options,
        )


def in_steps(step: Callable[[Any, Any], Any], value: Any, numbers: tuple) -> Any:
    """`value = step(value, row)` for each row of the arrays `numbers`, the next of each of them.

    Each step keeps the shapes and types. Inside a compiled program the step is compiled once.
    """
    if is_traced(numbers[0]):
        return ops.scan(lambda value, row: (step(value, row), None), value, numbers)[0]
    for row in zip(*numbers):
        value = step(value, row)
    return value


def one_of(functions: Sequence[Callable[[Any], Any]], index: Any, value: Any) -> Any:
    """`functions[index](value)` in the types of `value`; only the chosen function runs."""

    def typed(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda value: nest.map_structure(lambda new, old: ops.cast(new, old.dtype), function(value), value)

    if is_traced(index):
        return ops.switch(index, [typed(function) for function in functions], value)
    return typed(functions[int(index)])(value)
