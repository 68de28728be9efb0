"""A module of Flax as a layer."""

import inspect
from typing import Any, Unpack

from lapis.core.serialization import builtin, deserialize_keras_object, serialize_keras_object
from lapis.layers.foreign.jax_layer import JaxLayer, _new_key
from lapis.layers.options import LayerOptions


@builtin("keras.layers")
class FlaxLayer(JaxLayer):
    """Calls a `flax.linen.Module`, and keeps its collection "params" as trainable weights and all others as state.

    The method takes `inputs` by this name, one array or a structure of arrays, and `training` if it wants it. In
    training it gets a key for "dropout".

    A config holds the module by its registered name and what its `get_config` gives: a module that is to be saved is
    registered with `lapis.saving.register_keras_serializable()` and has `get_config` and `from_config`.

    Args:
        module: the module.
        method: what to call: a method of the module, or a function that takes the module first; `__call__` when not
            given.
        variables: the first variables, as `module.init` gives them; made by it when not given.

    An `ImportError` without Flax.

    >>> import flax.linen, numpy as np
    >>> class Twice(flax.linen.Module):
    ...     @flax.linen.compact
    ...     def __call__(self, inputs):
    ...         return flax.linen.Dense(2)(inputs) * 2
    >>> FlaxLayer(Twice())(np.ones((3, 4))).shape
    (3, 2)
    """

    def __init__(self, module: Any, method: Any = None, variables: Any = None, **kwargs: Unpack[LayerOptions]) -> None:
        try:
            from flax.linen import DenyList
        except ImportError:
            raise ImportError('FlaxLayer needs Flax: pip install "lapis[flax]".') from None
        mutable = DenyList(["params"])

        def apply(params: Any, state: Any, rng: Any, inputs: Any, **options: Any) -> Any:
            variables = {**(params or {}), **(state or {})}
            return module.apply(variables, inputs, rngs=rng, method=method, mutable=mutable, **options)

        def init(rng: Any, inputs: Any, **options: Any) -> Any:
            return _split(module.init(rng, inputs, method=method, **options))

        def call_in_mode(params: Any, state: Any, rng: Any, inputs: Any, training: bool) -> Any:
            return apply(params, state, rng, inputs, training=training)

        def call(params: Any, state: Any, rng: Any, inputs: Any) -> Any:
            return apply(params, state, rng, inputs)

        def init_in_mode(rng: Any, inputs: Any, training: bool) -> Any:
            return init(rng, inputs, training=training)

        def init_once(rng: Any, inputs: Any) -> Any:
            return init(rng, inputs)

        # JaxLayer passes the arguments that the functions' signatures name.
        takes_training = "training" in inspect.signature(method or module.__call__).parameters
        functions = (call_in_mode, init_in_mode) if takes_training else (call, init_once)
        params, state = (None, None) if variables is None else _split(variables)
        super().__init__(*functions, params, state, **kwargs)
        self.module = module
        self.method = method

    def _init_rng(self) -> Any:
        return {"params": _new_key(), "dropout": _new_key()}

    def _call_rng(self, training: bool) -> Any:
        return {"dropout": super()._call_rng(training)} if training else {}

    def get_config(self) -> dict:
        config = super().get_config()
        for name in ("call_fn", "init_fn"):
            del config[name]
        own = self.method is not None and getattr(self.method, "__self__", None) is self.module
        return {
            **config,
            "module": serialize_keras_object(self.module),
            "method": getattr(self.method, "__name__", None) if own else serialize_keras_object(self.method),
        }

    @classmethod
    def from_config(cls, config: dict) -> Any:
        module, method = deserialize_keras_object(config["module"]), config["method"]
        method = getattr(module, method) if isinstance(method, str) else deserialize_keras_object(method)
        return super(JaxLayer, cls).from_config({**config, "module": module, "method": method})


def _split(variables: Any) -> tuple[dict, dict]:
    """The collection of parameters, and the others."""
    return (
        {name: values for name, values in variables.items() if name == "params"},
        {name: values for name, values in variables.items() if name != "params"},
    )
