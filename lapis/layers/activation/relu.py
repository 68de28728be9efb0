"""The rectified linear unit and its variants without weights."""

import warnings
from typing import Any

import lapis.activations as activations
from lapis.core.serialization import builtin
from lapis.layers.layer import Layer


def _at_least_zero(layer: str, name: str, value: Any) -> None:
    if value is None or value < 0:
        raise ValueError(f"{layer} got {name}={value!r}; expected a number >= 0.")


@builtin("keras.layers")
class ReLU(Layer):
    """`max(x, 0)`, with three changes on request.

    From `threshold` on x passes, up to `max_value` (no limit by default); below, `negative_slope * (x - threshold)`.
    A `ValueError` where one of them is negative.

    >>> import numpy as np
    >>> ReLU(max_value=2.0)(np.array([-1.0, 1.0, 3.0], "float32")).tolist()
    [0.0, 1.0, 2.0]
    """

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if max_value is not None:
            _at_least_zero("ReLU", "max_value", max_value)
        _at_least_zero("ReLU", "negative_slope", negative_slope)
        _at_least_zero("ReLU", "threshold", threshold)
        self.max_value = max_value
        self.negative_slope = negative_slope
        self.threshold = threshold
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return activations.relu(
            inputs, negative_slope=self.negative_slope, max_value=self.max_value, threshold=self.threshold
        )

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "max_value": self.max_value,
            "negative_slope": self.negative_slope,
            "threshold": self.threshold,
        }


@builtin("keras.layers")
class LeakyReLU(Layer):
    """`x` where it is positive, `negative_slope * x` elsewhere.

    A `ValueError` where the slope is negative.

    >>> import numpy as np
    >>> LeakyReLU(0.5)(np.array([-2.0, 2.0], "float32")).tolist()
    [-1.0, 2.0]
    """

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        if "alpha" in kwargs:
            negative_slope = kwargs.pop("alpha")
            warnings.warn("LeakyReLU's `alpha` is now called `negative_slope`.", stacklevel=2)
        super().__init__(**kwargs)
        _at_least_zero("LeakyReLU", "negative_slope", negative_slope)
        self.negative_slope = negative_slope
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return activations.leaky_relu(inputs, negative_slope=self.negative_slope)

    def get_config(self) -> dict:
        return {**super().get_config(), "negative_slope": self.negative_slope}


@builtin("keras.layers")
class ELU(Layer):
    """`x` where it is positive, `alpha * (exp(x) - 1)` elsewhere.

    From [Clevert et al., 2015](https://arxiv.org/abs/1511.07289).

    >>> import numpy as np
    >>> ELU()(np.array([0.0, 2.0], "float32")).tolist()
    [0.0, 2.0]
    """

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = alpha
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return activations.elu(inputs, alpha=self.alpha)

    def get_config(self) -> dict:
        return {**super().get_config(), "alpha": self.alpha}
