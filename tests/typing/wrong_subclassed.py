"""A layer of the user's own, used wrongly."""

from typing import Any

from lapis import layers


class Scale(layers.Layer):
    def __init__(self, factor: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x: Any) -> Any:
        return x * self.factor


Scale()  # error: reportCallIssue
Scale("two")  # error: reportArgumentType
Scale(2.0).facter  # error: reportAttributeAccessIssue
Scale(2.0).add_weight(trainable="no")  # error: reportArgumentType
