"""Functions written for JAX as a layer."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Unpack

import numpy as np

import lapis.ops as ops
from lapis.core.dtypes import is_float_dtype, standardize_dtype
from lapis.core.nest import map_shape_structure
from lapis.core.serialization import builtin, deserialize_keras_object, serialize_keras_object
from lapis.layers.calling import is_tensor
from lapis.layers.layer import Layer
from lapis.layers.options import LayerOptions
from lapis.state import SeedGenerator, Variable, make_default_seed
from lapis.state.pytrees import map_pytree, outside_traces, pytree_leaves, same_pytree

_CALL_ARGUMENTS = ("params", "state", "rng", "inputs", "training")
_INIT_ARGUMENTS = ("rng", "inputs", "training")


@builtin("keras.layers")
class JaxLayer(Layer):
    """Calls a pure function of JAX, and keeps its parameters and its state as the layer's weights.

    `call_fn` takes `inputs`, and any of `params`, `state`, `rng` and `training` by exactly these names. It returns the
    outputs, or `(outputs, new state)` if it takes `state`. `rng` is a key in training, `None` otherwise.

    `init_fn` takes `inputs` (ones of the inputs' shape, 1 for unknown sizes), and `rng` and `training` where it wants
    them; it returns the parameters, or `(parameters, state)` if `call_fn` takes `state`. Both are structures that JAX
    knows; arrays and numbers in them become weights, floating-point ones in the layer's type.

    A config holds the functions' registered names, never their code, and no values of weights.

    Args:
        call_fn: computes the outputs.
        init_fn: makes parameters and state when the layer is built, unless they are given.
        params: the first parameters.
        state: the first state.
        seed: where the keys start; drawn when not given.
        native_serialization_platforms: kept in the config; of use in Keras on TensorFlow only.

    A `ValueError` where a function lacks `inputs` or takes something else, or where nothing says what `params` and
    `state` are.

    >>> import numpy as np
    >>> def init(rng, inputs):
    ...     return {"scale": np.full(inputs.shape[-1], 2.0)}
    >>> def scaled(params, inputs):
    ...     return inputs * params["scale"]
    >>> JaxLayer(scaled, init)(np.ones((1, 3))).tolist()
    [[2.0, 2.0, 2.0]]
    """

    def __init__(
        self,
        call_fn: Callable,
        init_fn: Callable | None = None,
        params: Any = None,
        state: Any = None,
        seed: int | None = None,
        native_serialization_platforms: Sequence[str] | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.call_fn = call_fn
        self.init_fn = init_fn
        self.seed = seed
        self.native_serialization_platforms = native_serialization_platforms
        self._call_names = _argument_names(call_fn, "call_fn", _CALL_ARGUMENTS)
        self._init_names = () if init_fn is None else _argument_names(init_fn, "init_fn", _INIT_ARGUMENTS)
        self._has_weights = "params" in self._call_names or "state" in self._call_names
        if self._has_weights and init_fn is None and params is None and state is None:
            raise ValueError(
                f"{type(self).__name__} got a call_fn that takes params or state, but neither init_fn nor params nor "
                "state, which say what they are."
            )
        self.seed_generator = SeedGenerator(seed) if "rng" in self._call_names else None
        self._keep("params", params)
        self._keep("state", state)
        if params is not None or state is not None or not self._has_weights:
            self.built = True

    def _keep(self, name: str, values: Any) -> None:
        """Turn the values into variables, in the attribute `params` or `state`."""
        # Past the layer's own tracking, whose dicts and lists are leaves to JAX.
        self.__dict__[name] = map_pytree(lambda value: self._variable(value, trainable=name == "params"), values)

    def _variable(self, value: Any, trainable: bool) -> Any:
        if isinstance(value, (bool, int, float)):
            value = np.asarray(value, standardize_dtype(type(value)))
        elif not is_tensor(value):
            return value  # a setting of the function's own
        dtype = standardize_dtype(value.dtype)
        return self.add_weight(
            shape=value.shape,
            initializer=lambda shape, dtype: ops.cast(value, dtype),
            dtype=None if is_float_dtype(dtype) else dtype,
            trainable=trainable,
        )

    params: Any
    state: Any

    def build(self, input_shape: Any) -> None:
        if not self._has_weights or self.params is not None or self.state is not None:
            return
        with outside_traces():  # a model may be built while its call is traced
            inputs = map_shape_structure(
                lambda shape: ops.ones([1 if size is None else size for size in shape], "float32"), input_shape
            )
            given = {"rng": self._init_rng(), "inputs": inputs, "training": True}
            made = self.init_fn(*(given[name] for name in self._init_names))  # pyright: ignore[reportOptionalCall]
            params, state = made if "state" in self._call_names else (made, None)
            self._keep("params", params)
            self._keep("state", state)

    def _init_rng(self) -> Any:
        """The keys for `init_fn`."""
        return _new_key()

    def _call_rng(self, training: bool) -> Any:
        """The keys for `call_fn`."""
        return self.seed_generator.next() if training and self.seed_generator is not None else None

    def call(self, inputs: Any, training: bool = False) -> Any:
        given: dict[str, Any] = {"inputs": inputs, "training": training}
        for name in ("params", "state"):
            given[name] = map_pytree(lambda x: x.value if isinstance(x, Variable) else x, getattr(self, name))
        if "rng" in self._call_names:
            given["rng"] = self._call_rng(training)
        results = self.call_fn(*(given[name] for name in self._call_names))
        if "state" not in self._call_names:
            return results
        outputs, state = results
        if not same_pytree(state, self.state):
            raise ValueError(
                f"The call_fn of {self.path!r} returned a state of another structure than it was given: it got "
                f"{map_pytree(np.shape, given['state'])}, and returned {map_pytree(np.shape, state)} (shapes of "
                "leaves)."
            )
        for variable, value in zip(pytree_leaves(self.state), pytree_leaves(state)):
            if isinstance(variable, Variable):
                variable.assign(value)
        return outputs

    def _mixes_rows(self, ranks: list[int], training: bool) -> bool:
        return True

    def get_config(self) -> dict:
        config = {
            **super().get_config(),
            "call_fn": serialize_keras_object(self.call_fn),
            "init_fn": serialize_keras_object(self.init_fn),
            "native_serialization_platforms": self.native_serialization_platforms,
        }
        return config if self.seed is None else {**config, "seed": self.seed}

    @classmethod
    def from_config(cls, config: dict) -> Any:
        functions = {name: deserialize_keras_object(config[name]) for name in ("call_fn", "init_fn")}
        return super().from_config({**config, **functions})


def _new_key() -> np.ndarray:
    """A key for JAX's random functions, from Python's generator as other layers' first weights."""
    return np.array([0, make_default_seed()], "uint32")


def _argument_names(function: Callable, what: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
    names = tuple(inspect.signature(function).parameters)
    if "inputs" not in names or not set(names) <= set(allowed):
        raise ValueError(
            f"JaxLayer got a {what} with the arguments {names}; expected 'inputs', and of the others only {allowed}."
        )
    return names
