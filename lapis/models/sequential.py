"""A stack of layers, each fed with what the one before it gives."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, Self

from lapis.core import nest
from lapis.core.changes import changed
from lapis.core.naming import auto_name
from lapis.core.serialization import builtin, serialize_keras_object
from lapis.core.tracebacks import shorten
from lapis.graph import HostPart, KerasTensor, producer
from lapis.layers import Layer
from lapis.layers.calling import signature_of
from lapis.layers.core.input_layer import Input, InputLayer
from lapis.models.functional import Functional, is_raw
from lapis.models.functional_config import layer_from_config, layer_to_config
from lapis.models.model import Model
from lapis.state import name_scope
from lapis.training import eager


@builtin("keras")
class Sequential(Model):
    """A model whose layers run one after the other.

    With an `Input` as its first layer (or a layer that was given `input_shape=`) it is built at once, otherwise when
    it is first called.

    Args:
        layers: the layers.
        trainable: whether training changes it.
        name: a name.

    >>> import lapis
    >>> model = lapis.Sequential([lapis.Input((3,)), lapis.layers.Dense(2)])
    >>> model.output_shape
    (None, 2)
    """

    _functional: Functional | None
    _stack: list[Layer]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        model = Layer.__new__(cls)
        if not _takes_layers(cls):
            model.__dict__["_init_arguments"] = args, kwargs  # what its config will say
        return model

    def __init__(
        self,
        layers: Sequence[Layer | KerasTensor | Callable[..., Any]] | None = None,
        trainable: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(trainable=trainable, name=name, **kwargs)
        self.__dict__.update(_functional=None, _stack=[])
        for layer in layers or ():
            self.add(layer, rebuild=False)
        self._rebuild()

    def add(self, layer: Layer | KerasTensor | Callable[..., Any], rebuild: bool = True) -> None:
        """Put a layer on top."""
        if isinstance(layer, KerasTensor):
            operation = layer._keras_history.operation
            if not isinstance(operation, InputLayer):
                raise ValueError(
                    f"Sequential takes layers; {layer} is a tensor that a layer made. Use Model(inputs, outputs)."
                )
            layer = operation
        if not isinstance(layer, Layer):
            if not callable(layer):
                raise TypeError(f"Sequential takes layers; got {layer!r} of type {type(layer).__name__}.")
            if isinstance(layer, type):
                raise TypeError(
                    f"Sequential takes layers; got the class {layer.__name__}, call it: {layer.__name__}(...)."
                )
            raise TypeError(f"Sequential takes layers; wrap the function {layer!r} in a Lambda layer.")
        if any(layer.name == other.name for other in self._stack):
            raise ValueError(f"Sequential already has a layer named {layer.name!r}; give each a name of its own.")
        if isinstance(layer, InputLayer) and self._stack:
            raise ValueError(
                f"An Input must be the first layer of a Sequential; {self.name!r} has {len(self._stack)} already."
            )
        if not self._stack and layer._given_input_shape is not None:
            batch_input = InputLayer(shape=layer._given_input_shape, dtype=_input_dtype(layer))
            self._push(batch_input)
        graph = self._functional
        self._push(layer)
        if not rebuild:
            return
        if graph is not None and self._has_input_and_layers:  # each layer is called once, so that it has one output
            with name_scope(self.name, caller=self):
                output = layer(graph.output)
            self._take_graph(graph.input, output)
        else:
            self._rebuild()

    def _push(self, layer: Layer) -> None:
        self._stack.append(layer)
        if not isinstance(layer, InputLayer):
            self._layers.append(layer)
        self.__dict__.update(_functional=None, _built=False)
        changed()

    def pop(self, rebuild: bool = True) -> Layer:
        """Take the top layer off."""
        if not self._stack:
            raise ValueError(f"The Sequential {self.name!r} has no layers to take off.")
        layer, graph = self._stack.pop(), self._functional
        self._layers[:] = [x for x in self._layers if x is not layer]
        self.__dict__.update(_functional=None, _built=False)
        changed()
        if not rebuild:
            return layer
        node = None if graph is None else producer(graph.output)
        if graph is not None and node is not None and node.operation is layer and self._has_input_and_layers:
            self._take_graph(graph.input, node.input_tensors[0])
        else:
            self._rebuild()
        return layer

    @property
    def _has_input_and_layers(self) -> bool:
        return len(self._stack) > 1 and isinstance(self._stack[0], InputLayer)

    def _rebuild(self) -> None:
        if self._has_input_and_layers:
            self._build_graph(self._stack[0].output)

    def _build_graph(self, x: KerasTensor) -> None:
        inputs = x
        with name_scope(self.name, caller=self):
            for layer in self._stack:
                if not isinstance(layer, InputLayer):
                    x = layer(x)
        self._take_graph(inputs, x)

    def _take_graph(self, inputs: KerasTensor, outputs: KerasTensor) -> None:
        """Be built of calls of the layers that have been made."""
        auto_name("Functional")  # Keras counts a stack's graph among the models that it makes up names for
        self.__dict__.update(
            _functional=Functional(inputs, outputs, name=self.name),
            _built=True,
            _build_shapes={"input_shape": inputs.shape},
        )
        changed()

    def build(self, input_shape: Any = None) -> None:
        """Make the weights for inputs of a shape, the batch axis included."""
        if self._functional is not None:
            return
        if not self._stack:
            raise ValueError(f"The Sequential {self.name!r} has no layers to build; add one with `add`.")
        if isinstance(self._stack[0], InputLayer):
            self._rebuild()
            return
        if input_shape is None:
            raise ValueError(
                f"The Sequential {self.name!r} needs an input shape to be built: `build((None, 32))`, or an Input."
            )
        if not _is_shape(input_shape):
            raise ValueError(f"A Sequential has one input; `build` got the shapes {input_shape}.")
        self._build_graph(Input(batch_shape=tuple(input_shape), dtype=_input_dtype(self._stack[0])))

    @property
    def _host_part(self) -> HostPart | None:
        return None if self._functional is None else self._functional._host_part

    @property
    def _on_host(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self._functional is not None and self._functional._on_host

    def host_outputs(self, inputs: Any) -> Any:
        """What the part that runs on the host makes of the inputs, for the model to take in their place."""
        return self._graph_model.host_outputs(inputs)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Symbolic tensors of the shapes and types that a call would return."""
        return (
            self._graph_model.compute_output_spec(*args, **kwargs)
            if self._on_host
            else super().compute_output_spec(*args, **kwargs)
        )

    def output_dims(self, *args: Any, **kwargs: Any) -> Any:
        return None if self._functional is None else self._functional.output_dims(*args, **kwargs)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            if self._functional is not None and self._host_part is not None and is_raw(args, kwargs):
                args = (self.host_outputs(args[0]), *args[1:])
            return eager.call(self, super().__call__, args, kwargs)
        except Exception as error:
            shorten(error)
            raise

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None, **kwargs: Any) -> Any:
        """The top layer's output."""
        if self._functional is not None and not kwargs:
            return self._functional.call(inputs, training=training, mask=mask)
        for layer in self._stack:
            if isinstance(layer, InputLayer):
                continue
            accepted = signature_of(type(layer).call)
            own = {key: value for key, value in kwargs.items() if key in accepted.all}
            if mask is not None and accepted.takes_mask:
                own["mask"] = mask
            inputs = layer(inputs, **own)
            mask = None
        return inputs

    def compute_mask(self, inputs: Any, previous_mask: Any) -> None:
        """`None`: the layers inside put masks on the outputs themselves."""
        return None

    def run_plan(self, plan: Any, inputs: Any, **kwargs: Any) -> list[Any]:
        """The outputs of another plan through the same input."""
        return self._graph_model.run_plan(plan, inputs, **kwargs)

    @property
    def layers(self) -> list[Layer]:
        """The layers, without the input."""
        return [x for x in self._stack if not isinstance(x, InputLayer)]

    @property
    def _graph_model(self) -> Functional:
        if self._functional is None:
            raise AttributeError(
                f"The Sequential {self.name!r} has no inputs or outputs yet: start it with an Input, `build` it, or "
                "call it on data."
            )
        return self._functional

    @property
    def graph(self) -> Functional | None:
        """The graph of the built stack."""
        return self._functional

    @property
    def graph_plan(self) -> Any:
        """The graph of the built stack, cut and put in running order."""
        return self._graph_model.graph_plan

    @property
    def operations(self) -> list[Any]:
        """The layers, with the input."""
        return self._graph_model.operations

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic input, in a list."""
        return self._graph_model.inputs

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic output, in a list."""
        return self._graph_model.outputs

    @property
    def input(self) -> Any:
        """The symbolic input."""
        return self._graph_model.input

    @property
    def output(self) -> Any:
        """The symbolic output."""
        return self._graph_model.output

    @property
    def input_shape(self) -> Any:
        """The input's shape."""
        return self._graph_model.input_shape

    @property
    def output_shape(self) -> Any:
        """The output's shape."""
        return self._graph_model.output_shape

    @property
    def input_names(self) -> list[str]:
        """The input's name, in a list."""
        return self._graph_model.input_names

    @property
    def output_names(self) -> list[str]:
        """The output layer's name, in a list."""
        return self._graph_model.output_names

    @property
    def input_dtype(self) -> str:
        """The type of the input."""
        return _input_dtype(self._stack[0]) if self._stack else super().input_dtype

    def get_tensor(self, path: str, call: int = 0, index: int = 0) -> KerasTensor:
        """The symbolic tensor that a layer at any depth makes."""
        return self._graph_model.get_tensor(path, call, index)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape that comes out for inputs of a shape."""
        if self._functional is not None:
            return self._functional.compute_output_shape(input_shape)
        for layer in self.layers:
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape

    def get_config(self) -> dict:
        """Name and layers as plain data; of a class that makes its layers itself what its constructor was given."""
        if not _takes_layers(type(self)):
            return super().get_config()
        config = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": serialize_keras_object(self._dtype_policy),
            "layers": [layer_to_config(layer) for layer in self._stack],
        }
        if self._functional is not None:
            config["build_input_shape"] = self._functional.input_shape
        return config

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> Any:
        """The model again, with fresh weights."""
        if "layers" not in config and not _takes_layers(cls):
            return super().from_config(config, custom_objects)
        if "name" not in config:
            raise ValueError(f"The config of a Sequential has the keys 'name' and 'layers'; got {sorted(config)}.")
        layers = []
        for layer in config["layers"]:
            # Some are built as they are made: within the stack, but for models that had inputs before they came here.
            with nullcontext() if _has_inputs(layer) else name_scope(config["name"]):
                layers.append(layer_from_config(layer, custom_objects))
        model = cls(layers, name=config["name"])
        shape = config.get("build_input_shape")
        if shape is not None and model._functional is None and _is_shape(shape):
            model.build(tuple(shape))
        if config.get("trainable") is False:
            model._set_own_trainable(False)
        return model


def _takes_layers(cls: type) -> bool:
    signature = signature_of(cls.__init__)
    return "layers" in signature.all or (signature.var_positional and not signature.names)


def _has_inputs(config: Any) -> bool:
    """Whether a layer in a config is a model that begins with an input of its own."""
    inner = config.get("config") if isinstance(config, dict) else None
    layers = inner.get("layers") if isinstance(inner, dict) else None
    first = layers[0] if isinstance(layers, list) and layers else None
    return isinstance(first, dict) and first.get("class_name") == "InputLayer"


def _is_shape(shape: Any) -> bool:
    return isinstance(shape, (list, tuple)) and all(
        size is None or isinstance(size, int) for size in nest.flatten(shape)
    )


def _input_dtype(layer: Layer) -> str:
    """The type of the input in front of a layer that has been given none."""
    return layer.dtype if isinstance(layer, InputLayer) else layer.compute_dtype
