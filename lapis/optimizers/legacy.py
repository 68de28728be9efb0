"""Keras 2's optimizers, Keras's `keras.optimizers.legacy`: names that say what to use instead."""

from typing import Any


class Optimizer:
    """Not available, as in Keras 3: take the optimizer of the same name in `lapis.optimizers`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        name = type(self).__name__
        raise ImportError(
            f"optimizers.legacy.{name} was Keras 2's; use optimizers.{name}, which computes as Keras 3's does."
        )


class Adagrad(Optimizer): ...


class Adam(Optimizer): ...


class Ftrl(Optimizer): ...


class RMSprop(Optimizer): ...


class SGD(Optimizer): ...
