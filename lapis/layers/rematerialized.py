"""How a layer made in a `RematScope` is called."""

import functools
import math
from collections.abc import Callable
from typing import Any

from lapis.core import nest
from lapis.graph import inferring
from lapis.state import StatelessScope
from lapis.state.remat import RematMode, current_remat_mode, remat


class Rematerialized:
    """Gives a layer `rematerialized_call`."""

    name: str
    compute_output_spec: Any
    _remat_mode: RematMode | None = None

    def _take_remat_mode(self) -> None:
        """Remember the scope that the layer is made in, if that concerns it."""
        mode = current_remat_mode()
        if mode is None:
            return
        if mode.mode == "list_of_layers":
            if self.name not in mode.layer_names:
                return
            mode = RematMode("full", 0, ())
        self.__dict__["_remat_mode"] = mode

    def rematerialized_call(self, layer_call: Callable, *args: Any, **kwargs: Any) -> Callable:
        """`layer_call`, which is to be called on these arguments, as the `RematScope` of the layer's making asks."""
        mode = self._remat_mode
        if mode is None or inferring():
            return layer_call
        if mode.mode == "activations":
            return self._with_remat_activation(layer_call)
        wanted = mode.mode == "full" or self._output_size(args, kwargs) > mode.output_size_threshold
        return remat(layer_call) if wanted else layer_call

    def _output_size(self, args: tuple, kwargs: dict) -> int:
        with StatelessScope():
            outputs = self.compute_output_spec(*args, **kwargs)
        return sum(math.prod(x.shape) for x in nest.flatten(outputs) if x is not None)

    def _with_remat_activation(self, layer_call: Callable) -> Callable:
        activation = self.__dict__.get("activation")
        if activation is None:
            return layer_call

        @functools.wraps(layer_call)
        def call(*args: Any, **kwargs: Any) -> Any:
            self.__dict__["activation"] = remat(activation)  # past the layer's tracking: it is the same function
            try:
                return layer_call(*args, **kwargs)
            finally:
                self.__dict__["activation"] = activation

        return call
