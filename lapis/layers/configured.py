"""A layer as plain data: its config, the shapes that it was built with, and the way back."""

import inspect
from typing import Any, Self

from lapis.core.notes import described
from lapis.core.serialization import PLAIN_TYPES, deserialize_keras_object, serialize_keras_object
from lapis.graph import any_symbolic
from lapis.layers.converting import as_shapes

_NO_CONFIG = (
    "{cls} takes the arguments {arguments} that cannot be written as plain data by themselves. Give it a "
    "`get_config` method that "
    "returns them, and a `from_config` if they need translating back."
)


class Configured:
    """Gives a layer `get_config`, `from_config` and their twins for building."""

    name: str
    trainable: bool
    build: Any
    activity_regularizer: Any
    _init_arguments: tuple[tuple, dict] | None = None
    _dtype_policy: Any
    _built: bool
    _build_shapes: dict | None

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        if args and cls.__module__.startswith("lapis.layers.") and any_symbolic(*args):
            raise TypeError(
                f"{cls.__name__} got a tensor in place of its settings: {described({'arguments': args})}. Make "
                f"the layer first and call it then: {cls.__name__}(...)(x)."
            )
        layer = super().__new__(cls)
        if cls.get_config is Configured.get_config:  # only then must the arguments be remembered
            layer.__dict__["_init_arguments"] = (args, kwargs)
        return layer

    def get_config(self) -> dict:
        """The constructor's arguments as plain data; a subclass adds its own to `super().get_config()`."""
        config = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": serialize_keras_object(self._dtype_policy),
        }
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = serialize_keras_object(self.activity_regularizer)
        if self._init_arguments is not None and _own_init(type(self)) and not _is_ours(type(self)):
            return config_from_arguments(self, config)
        return config

    @classmethod
    def from_config(cls, config: dict) -> Any:
        """The layer again, from what `get_config` gave."""
        config = dict(config)
        if isinstance(config.get("dtype"), dict):
            config["dtype"] = deserialize_keras_object(config["dtype"])
        if cls.get_config is Configured.get_config and _own_init(cls) and not _is_ours(cls):
            plain = (*PLAIN_TYPES, dict, list, tuple)
            config = {k: deserialize_keras_object(v) if isinstance(v, plain) else v for k, v in config.items()}
        try:
            return cls(**config)
        except TypeError as error:
            raise TypeError(
                f"{cls.__name__} cannot be made from the config {config}: {error}. Its `get_config` must return what "
                "its "
                "`__init__` takes, or it must define `from_config`."
            ) from error

    def get_build_config(self) -> dict | None:
        """The shapes that the layer was built with, for `build_from_config`."""
        shapes = self._build_shapes
        if shapes is None:
            return None
        if len(shapes) == 1:
            return {"input_shape": next(iter(shapes.values()))}
        return {"shapes_dict": dict(shapes)}

    def build_from_config(self, config: dict) -> None:
        """Build the layer for the shapes in the config."""
        if not config or self._built:
            return
        if "shapes_dict" in config:
            self.build(**{name: as_shapes(shape) for name, shape in config["shapes_dict"].items()})
        elif config.get("input_shape") is not None:
            self.build(as_shapes(config["input_shape"]))


def config_from_arguments(layer: Any, base: dict) -> dict:
    """A config made of the arguments that the constructor was called with, and of what it takes from `base`."""
    init = type(layer).__init__
    args, kwargs = layer._init_arguments
    bound = inspect.signature(init).bind(layer, *args, **kwargs)
    parameters = inspect.signature(init).parameters
    catch_all = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    config: dict[str, Any] = {}
    for name, value in list(bound.arguments.items())[1:]:
        kind = parameters[name].kind
        if kind is inspect.Parameter.VAR_POSITIONAL:
            raise NotImplementedError(_NO_CONFIG.format(cls=type(layer).__name__, arguments=[f"*{name}"]))
        config.update(value if kind is inspect.Parameter.VAR_KEYWORD else {name: value})
    config.update((key, value) for key, value in base.items() if catch_all or key in parameters)
    return as_data(layer, config)


def as_data(layer: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    """A constructor's arguments as plain data."""
    try:
        return {key: serialize_keras_object(value) for key, value in arguments.items()}
    except TypeError as error:
        raise NotImplementedError(_NO_CONFIG.format(cls=type(layer).__name__, arguments=sorted(arguments))) from error


def _is_ours(cls: type) -> bool:
    return "_builtin" in cls.__dict__


def _own_init(cls: type) -> bool:
    """Whether a class of the user's has a constructor of its own."""
    return not _is_ours(next(base for base in cls.__mro__ if "__init__" in base.__dict__))
