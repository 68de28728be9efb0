"""What layers that prepare numbers have in common."""

from typing import Any

from lapis.layers.layer import Layer


class DataLayer(Layer):
    """A layer whose outputs for a sample depend on that sample alone, compiled or called on data as they are read."""

    _by_sample = True
    _allow_non_tensor_positional_args = True

    def convert_weight(self, weight: Any) -> Any:
        """The weight as it is: there is one engine only."""
        return weight
