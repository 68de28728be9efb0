"""What layers that prepare data have beyond others."""

from typing import Any

from lapis.layers.layer import Layer


class DataLayer(Layer):
    """A layer that prepares data; in Keras it runs on TensorFlow inside of its data sets."""

    def convert_weight(self, weight: Any) -> Any:
        """The weight itself: there is one engine."""
        return weight
