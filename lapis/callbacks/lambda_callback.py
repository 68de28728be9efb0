"""A callback made of functions."""

from collections.abc import Callable
from typing import Any

from lapis.callbacks.callback import Callback


class LambdaCallback(Callback):
    """Calls the given functions at the moments they are named after.

    Epoch functions take `(epoch, logs)`, batch functions `(batch, logs)`, train functions `(logs)`. Any further hook
    of `Callback` may be given by its name.

    >>> callback = LambdaCallback(on_epoch_begin=lambda epoch, logs: print("epoch", epoch))
    >>> callback.on_epoch_begin(3, {})
    epoch 3
    """

    def __init__(
        self,
        on_epoch_begin: Callable | None = None,
        on_epoch_end: Callable | None = None,
        on_train_begin: Callable | None = None,
        on_train_end: Callable | None = None,
        on_train_batch_begin: Callable | None = None,
        on_train_batch_end: Callable | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        unknown = [name for name in kwargs if name.startswith("on_") and not hasattr(Callback, name)]
        if unknown:
            raise ValueError(f"Callbacks have no moment named {', '.join(unknown)}; see the methods of Callback.")
        self.__dict__.update(kwargs)
        functions = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
        }
        self.__dict__.update({name: function for name, function in functions.items() if function is not None})
