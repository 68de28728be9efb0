"""A function as a layer."""

import inspect
from typing import Any, Self, Unpack

from lapis.core import nest
from lapis.core.serialization import builtin, deserialize_keras_object, serialize_keras_object
from lapis.graph import KerasTensor
from lapis.layers.layer import Layer
from lapis.layers.options import LayerOptions


@builtin("keras.layers")
class Lambda(Layer):
    """Calls `function(inputs, **arguments)`, with `mask` and `training` where the function takes them.

    A config holds the function's registered name, never its code: loading needs the function, registered with
    `lapis.saving.register_keras_serializable()` or passed in `custom_objects`, and refuses a nameless one.

    Args:
        function: what to call.
        output_shape: accepted where the shape cannot be found by tracing: a tuple without the batch axis, a list or
            dict of such, or a function of the input shape that gives the whole shape.
        mask: the output's mask, or a function `(inputs, mask)` that gives it.
        arguments: further keyword arguments for `function`.

    >>> import numpy as np
    >>> Lambda(lambda x, by: x * by, arguments={"by": 2.0})(np.ones((1, 2))).tolist()
    [[2.0, 2.0]]
    """

    def __init__(
        self,
        function: Any,
        output_shape: Any = None,
        mask: Any = None,
        arguments: dict | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        if not callable(function):
            raise TypeError(f"Lambda needs a function; got {function!r}.")
        super().__init__(**kwargs)
        self.function = function
        self.arguments = arguments or {}
        self.mask = mask
        self.supports_masking = mask is not None
        self._output_shape = output_shape
        names = inspect.getfullargspec(function).args
        self._passed_on = [name for name in ("mask", "training") if name in names]

    def compute_output_spec(self, inputs: Any, **kwargs: Any) -> Any:
        try:
            return super().compute_output_spec(inputs, **kwargs)
        except Exception as error:
            if self._output_shape is None:
                error.add_note("The function was traced for its shape. Where it cannot be traced, pass output_shape=.")
                raise
        shapes = self.compute_output_shape(nest.map_structure(lambda x: x.shape, inputs))
        return _map_shapes(lambda shape: KerasTensor(shape, self.compute_dtype), shapes)

    def compute_output_shape(self, input_shape: Any) -> Any:
        if self._output_shape is None:
            return super().compute_output_shape(input_shape)
        if callable(self._output_shape):
            return self._output_shape(input_shape)
        batch = nest.flatten(input_shape)[0]  # every input has the same
        return _map_shapes(lambda shape: (batch, *shape), self._output_shape)

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        given = {"mask": mask, "training": training}
        return self.function(inputs, **self.arguments, **{name: given[name] for name in self._passed_on})

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    def _mixes_rows(self, ranks: list[int], training: bool) -> bool:
        return True

    def get_config(self) -> dict:
        config = {**super().get_config(), "function": serialize_keras_object(self.function)}
        if self._output_shape is not None:
            config["output_shape"] = serialize_keras_object(self._output_shape)
        if self.mask is not None:
            config["mask"] = serialize_keras_object(self.mask)
        config["arguments"] = serialize_keras_object(self.arguments)
        return config

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None, safe_mode: bool | None = None) -> Self:
        """The layer again; code in a config is never run, whatever `safe_mode` says."""
        config = dict(config)
        for name in ("function", "output_shape", "mask", "arguments"):
            if name in config:
                config[name] = deserialize_keras_object(config[name], custom_objects)
        return cls(**config)


def _map_shapes(fn: Any, shapes: Any) -> Any:
    """`fn` of each shape in a structure of shapes; a shape is a list or tuple of sizes."""
    if isinstance(shapes, dict):
        return {key: _map_shapes(fn, shape) for key, shape in shapes.items()}
    if all(size is None or isinstance(size, int) for size in shapes):
        return fn(tuple(shapes))
    return type(shapes)(_map_shapes(fn, shape) for shape in shapes)
