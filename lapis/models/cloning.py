"""A model again, with layers and weights of its own."""

from collections.abc import Callable
from typing import Any

from lapis.core import nest
from lapis.graph import FunctionOperation, KerasTensor
from lapis.layers import Layer
from lapis.layers.core.input_layer import Input, InputLayer
from lapis.models.functional import Functional
from lapis.models.functional_config import layer_from_config, layer_to_config
from lapis.models.own_classes import make, own_settings, takes_graph
from lapis.models.sequential import Sequential
from lapis.training.compiling import compile_like


def clone_model(
    model: Any,
    input_tensors: Any = None,
    clone_function: Callable | None = None,
    call_function: Callable | None = None,
    recursive: bool = False,
    **kwargs: Any,
) -> Any:
    """A model of the same architecture with freshly initialised weights, compiled likewise.

    Args:
        model: a functional or Sequential model; a subclassed one where it has a config.
        input_tensors: symbolic tensors or arrays' specs to build on, in place of fresh inputs.
        clone_function: `layer -> layer`, called for every layer but inputs; by default each is made anew from its
            config.
        call_function: `(layer, *args, **kwargs) -> outputs`, called in place of calling the new layer.
        recursive: whether `clone_function` is called for layers inside nested models too.

    >>> import lapis
    >>> model = lapis.Sequential([lapis.Input((3,)), lapis.layers.Dense(2)])
    >>> lapis.models.clone_model(model).count_params()
    8
    """
    unknown = set(kwargs) - {"cache"}
    if unknown:
        raise ValueError(f"clone_model got unknown arguments {sorted(unknown)}.")
    if not isinstance(model, (Functional, Sequential)):
        if clone_function is not None or input_tensors is not None or call_function is not None:
            raise ValueError(
                "clone_model takes `clone_function`, `call_function` and `input_tensors` only for functional and "
                "Sequential models; "
                f"got a {type(model).__name__}."
            )
        return _compiled_like(model, type(model).from_config(model.get_config()))
    if call_function is not None and not isinstance(model, Functional):
        raise ValueError(f"clone_model takes `call_function` only for functional models; got a {type(model).__name__}.")
    clone = _cloner(clone_function or _from_config, recursive)
    if isinstance(model, Sequential):
        return _compiled_like(model, _clone_sequential(model, input_tensors, clone))
    return _compiled_like(model, _clone_functional(model, input_tensors, clone, call_function))


def _compiled_like(model: Any, copy: Any) -> Any:
    if model.compiled:
        compile_like(copy, model)
    return copy


def _from_config(layer: Layer) -> Layer:
    return type(layer).from_config(layer.get_config())


def _cloner(clone_function: Callable, recursive: bool) -> Callable:
    """The clone function, made to give the same clone for the same layer."""
    made: dict[int, Layer] = {}

    def clone(layer: Layer) -> Layer:
        if id(layer) not in made:
            if recursive and isinstance(layer, (Functional, Sequential)):
                made[id(layer)] = clone_model(layer, clone_function=clone_function, recursive=True)
            else:
                made[id(layer)] = clone_function(layer)
        return made[id(layer)]

    return clone


def _as_inputs(input_tensors: Any) -> list[KerasTensor]:
    tensors = []
    for x in nest.flatten(input_tensors):
        fresh = not isinstance(x, KerasTensor) or getattr(x, "_keras_history", None) is None
        tensors.append(Input(batch_shape=tuple(x.shape), dtype=str(x.dtype)) if fresh else x)
    return tensors


def _fresh_input(layer: Layer) -> Any:
    return layer_from_config(layer_to_config(layer))


def _clone_sequential(model: Sequential, input_tensors: Any, clone: Callable) -> Sequential:
    layers = [clone(layer) for layer in model.layers]
    if input_tensors is not None:
        tensors = _as_inputs(input_tensors)
        if len(tensors) != 1:
            raise ValueError(f"A Sequential has one input; clone_model got {len(tensors)} `input_tensors`.")
        layers.insert(0, tensors[0])
    elif isinstance(model._stack[0], InputLayer) if model._stack else False:
        layers.insert(0, _fresh_input(model._stack[0]))
    copy = Sequential(layers, name=model.name)
    if copy.graph is None and model.graph is not None:
        copy.build(model.input_shape)
    copy._set_own_trainable(model.trainable)
    return copy


def _clone_functional(model: Functional, input_tensors: Any, clone: Callable, call_function: Callable | None) -> Any:
    if input_tensors is None:
        fresh = [_fresh_input(x._keras_history.operation).output for x in model.inputs]
    else:
        fresh = _as_inputs(input_tensors)
        if len(fresh) != len(model.inputs):
            raise ValueError(f"The model has {len(model.inputs)} inputs; clone_model got {len(fresh)} `input_tensors`.")
    copies: dict[int, Any] = {}

    def call(operation: Any, args: tuple, kwargs: dict) -> Any:
        if isinstance(operation, FunctionOperation):
            return operation.function(*args, **kwargs)
        copy = copies.get(id(operation))
        if copy is None:
            copy = copies[id(operation)] = clone(operation) if isinstance(operation, Layer) else operation
        return copy(*args, **kwargs) if call_function is None else call_function(copy, *args, **kwargs)

    outputs = model.graph_plan.run(fresh, call)
    inputs = nest.pack_sequence_as(model.input, fresh)
    outputs = nest.pack_sequence_as(model.output, outputs)
    cls = type(model) if takes_graph(type(model)) else Functional  # one that makes its own graph cannot take another
    own = {} if cls is Functional else own_settings(cls, model.get_config())
    return make(cls, inputs, outputs, model.name, model.trainable, own)
