"""The model: layers, and the faces of training, saving and views."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, TypeAlias, overload

import lapis.saving as saving
import lapis.surgery as surgery
import lapis.view as view
from lapis.core.findings import Finding
from lapis.core.serialization import builtin, deserialize_keras_object, serialize_keras_object
from lapis.graph import KerasTensor, Place, infer_call
from lapis.layers import Layer
from lapis.layers.calling import CallContext, calls, signature_of
from lapis.models import planning
from lapis.models.own_classes import takes_graph
from lapis.saving import backup, native
from lapis.state import name_scope
from lapis.training.checks.preflight import check_model
from lapis.training.run import Run
from lapis.training.trainer import Trainer

Tensors: TypeAlias = KerasTensor | Sequence[Any] | Mapping[str, Any]


@builtin("keras")
class Model(Trainer, Layer):
    """A layer that can be trained, saved and looked at.

    Made in one of three ways: from a graph, `Model(inputs, outputs)`; as a `Sequential`; or as a subclass that makes
    its layers in `__init__` and uses them in `call`.

    Args:
        inputs: symbolic tensors, in any nesting.
        outputs: symbolic tensors that layers computed from the inputs, in any nesting.
        name: a name.

    >>> import lapis
    >>> inputs = lapis.Input((784,))
    >>> outputs = lapis.layers.Dense(10, activation="softmax")(inputs)
    >>> lapis.Model(inputs, outputs).count_params()
    7850
    """

    _builds_in_call = True

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        if cls is Model and _from_graph(args, kwargs):
            cls = Model._functional_class  # pyright: ignore[reportAssignmentType]
        return super().__new__(cls, *args, **kwargs)  # pyright: ignore[reportArgumentType]

    _functional_class: Any = None  # set below Functional, which is a Model itself

    @overload
    def __init__(
        self, *, name: str | None = None, trainable: bool = True, dtype: Any = None, **kwargs: Any
    ) -> None: ...
    @overload
    def __init__(
        self, inputs: Tensors, outputs: Tensors, *, name: str | None = None, trainable: bool = True
    ) -> None: ...
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        functional = Model._functional_class
        if _from_graph(args, kwargs) and not isinstance(self, functional):
            # A subclass that hands a graph to `super().__init__`: it becomes functional, and keeps its own methods.
            own = type(self)
            self.__class__ = type(own.__name__, (own, functional), {"__module__": own.__module__})
            functional.__init__(self, *args, **kwargs)
            return
        if args:
            raise TypeError(
                f"{type(self).__name__} takes `inputs` and `outputs`, or only keyword arguments; got {args!r:.100}."
            )
        Layer.__init__(self, **kwargs)
        Trainer.__init__(self)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """The model's outputs; a subclass defines it."""
        raise NotImplementedError(f"The model {type(self).__name__} does not define `call`.")

    if TYPE_CHECKING:  # what models with a graph have

        @property
        def inputs(self) -> list[KerasTensor]: ...
        @property
        def outputs(self) -> list[KerasTensor]: ...
        @property
        def input_shape(self) -> Any: ...
        @property
        def output_shape(self) -> Any: ...
        @property
        def input_names(self) -> list[str]: ...
        @property
        def output_names(self) -> list[str]: ...

    @property
    def layers(self) -> list[Layer]:
        """The layers directly inside."""
        return list(self._flatten_layers(include_self=False, recursive=False))

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by its name, by its path (`"encoder/conv2d_1"` for one inside a nested model), or by its index.

        Raises:
            ValueError: if there is none; close names are listed.
        """
        if (name is None) == (index is None):
            raise ValueError(f"get_layer takes either a name or an index; got name={name!r} and index={index!r}.")
        layers = self.layers
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise ValueError(f"The model {self.path!r} has {len(layers)} layers; there is no index {index}.")
            return layers[index]
        first, _, rest = str(name).partition("/")
        for layer in layers:
            if layer.name == first:
                return _inside(layer, rest) if rest else layer
        raise ValueError(
            f"The model {self.path!r} has no layer named {first!r}; it has {[layer.name for layer in layers]}."
        )

    def build(self, input_shape: Any) -> None:
        """Make all weights for inputs of a shape (or of a nest of shapes), by tracing `call`."""
        names = signature_of(type(self).call).names
        shapes = _standard_shapes(input_shape)
        inputs = _specs(shapes, self.input_dtype)
        outer, calls.context = calls.context, CallContext()
        try:
            with name_scope(self.name, caller=self):
                infer_call(self._call_on_converted, (inputs,) if names else (), {})
        except Exception as error:
            error.add_note(
                f"The model {self.path!r} could not be built for the input shape {input_shape}. "
                "If it takes inputs of another type or several arguments, call it on data instead."
            )
            raise
        finally:
            calls.context = outer
        self.__dict__.update(_built=True, _build_shapes={"input_shape": shapes})

    def check(
        self,
        x: Any = None,
        y: Any = None,
        sample_weight: Any = None,
        *,
        batch_size: int | None = None,
        validation_data: Any = None,
        class_weight: dict | None = None,
        callbacks: Sequence[Any] = (),
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        epochs: int | None = None,
    ) -> list[Finding]:
        """What is wrong, or probably wrong, with the model, its compilation and data: `fit` asks this by itself.

        The arguments are those of `fit`; without data only the model and its compilation are looked at.

        Returns:
            Findings, each with a `code` (`docs/checks.md` lists them), a `severity`, a `message`, an `advice`, the
            `path` of the layer and the line where it was called.

        >>> import lapis, numpy as np
        >>> model = lapis.Sequential([lapis.Input((2,)), lapis.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> [finding.code for finding in model.check(np.ones((8, 2)), np.ones((8, 2)))]
        ['targets-broadcast']
        """
        return check_model(
            self,
            (x, y, sample_weight),
            batch_size,
            validation_data,
            class_weight,
            callbacks=callbacks,
            steps_per_epoch=steps_per_epoch,
            validation_steps=validation_steps,
            epochs=epochs,
        )

    def summary(
        self,
        line_length: int | None = None,
        positions: list[float] | None = None,
        print_fn: Any = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Any = None,
    ) -> None:
        """Print the layers with their output shapes and numbers of parameters.

        Args:
            line_length: width in characters.
            positions: where columns end, as fractions of the width or in characters.
            print_fn: called with the text in place of printing it.
            expand_nested: whether to show what nested models hold.
            show_trainable: whether to add a column that says so.
            layer_range: names or patterns of the first and the last layer to show.
        """
        view.summary(self, line_length, positions, print_fn, expand_nested, show_trainable, layer_range)

    def plan(
        self,
        batch_size: int = 32,
        training: bool = True,
        input_shapes: Any = None,
        target_shapes: Any = None,
        compiler: bool = True,
    ) -> planning.ModelPlan:
        """What a step will compute, move and hold, worked out without running it.

        Args:
            batch_size: the samples of the step.
            training: a step of `fit` as it was compiled (one that was not trains on the sum of its outputs, without an
                optimizer); else one of `predict`.
            input_shapes: the inputs' shapes without the batch axis, in a list or in a dict by name where there are
                several; needed where the model leaves sizes open. Arrays tell their type too.
            target_shapes: the targets' shapes likewise, in the structure of the outputs; by default what the losses
                want.
            compiler: compile the step too, which tells the memory that it takes and what the compiler says it costs.

        Returns:
            A `ModelPlan`: plain figures per layer and in total, with `to_json()` and `plot(file)`; `print` shows a
            table.

        Raises:
            ValueError: if sizes are unknown, or a part of the model runs on the host.

        >>> import lapis
        >>> model = lapis.Sequential([lapis.Input((784,)), lapis.layers.Dense(10)])
        >>> found = model.plan(batch_size=64, training=False)
        >>> found.layers[0].flops_forward == 2 * 64 * 784 * 10 + 64 * 10  # products and sums, and the bias
        True
        """
        return planning.plan(self, batch_size, training, input_shapes, target_shapes, compiler)

    def max_batch(
        self, memory: int | float | str, training: bool = True, input_shapes: Any = None, target_shapes: Any = None
    ) -> int:
        """The largest batch whose step takes no more than the memory, found without running anything.

        The step is compiled for a few sizes, the last of them the answer itself; up to 2 % of the memory may be left.

        Args:
            memory: bytes, or a text like `"16GB"` (powers of 1000) or `"16GiB"` (of 1024).
            training: see `plan`, as for the rest.
            input_shapes: see `plan`.
            target_shapes: see `plan`.

        Raises:
            ValueError: if a batch of one does not fit.

        >>> import lapis
        >>> model = lapis.Sequential([lapis.Input((784,)), lapis.layers.Dense(10)])
        >>> size = model.max_batch("100MB", training=False)
        >>> model.plan(size, training=False).memory.peak <= 100_000_000
        True
        """
        return planning.max_batch(self, memory, training, input_shapes, target_shapes)

    def find(self, what: Any) -> list[Place]:
        """The calls inside, at any depth, that a path, a pattern, a class or a condition fits (`surgery.find`)."""
        return surgery.find(self, what)

    def features(self, paths: str | Sequence[str]) -> Any:
        """A model that gives what comes out at the paths, a dict, and computes nothing else (`surgery.features`)."""
        return surgery.features(self, paths)

    def inspect(
        self,
        x: Any,
        paths: str | Sequence[str],
        y: Any = None,
        sample_weight: Any = None,
        of: Any = None,
        training: bool = False,
    ) -> surgery.Inspection:
        """Activations, and gradients of the loss or of a function, by path, as NumPy arrays (`surgery.inspect`)."""
        return surgery.inspect(self, x, paths, y, sample_weight, of, training)

    def edit(self) -> surgery.Editor:
        """An editor of the graph by path, whose `build()` gives a new model with the weights kept that still fit."""
        return surgery.edit(self)

    def graph_hash(self) -> str:
        """SHA-256 of the graph and the settings of the layers, without weights and made-up names."""
        return surgery.graph_hash(self)

    def to_code(self) -> str:
        """Readable Python that makes the model again; running it gives an equal `graph_hash` (`surgery.to_code`)."""
        return surgery.to_code(self)

    def save(self, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any) -> None:
        """Write architecture, weights, compile arguments and optimizer state to a `.keras` or `.h5` file."""
        saving.save_model(self, filepath, overwrite=overwrite, zipped=zipped, **kwargs)

    def save_weights(self, filepath: Any, overwrite: bool = True, max_shard_size: Any = None) -> None:
        """Write the weights to a `.weights.h5`, `.safetensors` or `.npz` file, or several (`saving.save_weights`)."""
        saving.save_weights(self, filepath, overwrite=overwrite, max_shard_size=max_shard_size)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> saving.LoadReport:
        """Read weights from a file, and tell what was loaded (`saving.load_weights`)."""
        return saving.load_weights(self, filepath, skip_mismatch=skip_mismatch, **kwargs)

    def _save_backup(self, path: Any, epoch: int, batch: int, logs: dict[str, Any]) -> None:
        backup.write(path, (self._training_run or Run(self)).state(epoch, batch, logs))

    def _load_backup(self, path: Any) -> None:
        (self._training_run or Run(self)).restore(backup.read(path))

    def _load_checkpoint(self, path: Any) -> None:
        native.load_training(self, path, (self._training_run or Run(self)).restore)

    def __reduce__(self) -> tuple:
        return saving.unpack, saving.pack(self)

    def to_json(self, **kwargs: Any) -> str:
        """The architecture as JSON text, for `models.model_from_json`; `kwargs` go to `json.dumps`."""
        return json.dumps(serialize_keras_object(self), **kwargs)

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> Any:
        """The model again, with fresh weights; for `Model` itself, a functional model from its graph."""
        functional = Model._functional_class
        is_graph = "layers" in config and "input_layers" in config
        if is_graph and not issubclass(cls, functional) and (cls is Model or takes_graph(cls)):
            return functional.from_config.__func__(functional if cls is Model else cls, config, custom_objects)
        config = dict(config)
        if isinstance(config.get("dtype"), dict):
            config["dtype"] = deserialize_keras_object(config["dtype"], custom_objects)
        return super().from_config(config)

    def rematerialized_call(self, layer_call: Any, *args: Any, **kwargs: Any) -> Any:
        """`layer_call` likewise; itself where layers inside have been made in a `RematScope` and see to it."""
        inside = any(layer._remat_mode is not None for layer in self._flatten_layers(include_self=False))
        return layer_call if inside else super().rematerialized_call(layer_call, *args, **kwargs)

    def get_quantization_layer_structure(self, mode: str | None = None) -> None:
        """`None`: the model says nothing of how it could be quantized; one that can overrides this."""
        return None

    def quantize(self, mode: Any = None, config: Any = None, filters: Any = None, **kwargs: Any) -> None:
        """Not available: models are not quantized."""
        super().quantize(mode, config=config)

    def export(self, filepath: Any, format: str = "tf_saved_model", **kwargs: Any) -> None:
        """Not available: save the model with `save`, or its weights with `save_weights`."""
        raise NotImplementedError(
            f"Exporting to {format!r} is not available; `model.save('model.keras')` writes a file that Keras reads too."
        )


Model._overrides_build = False  # its `build` only traces `call`, which a call on data does with the data's own types


def _from_graph(args: tuple, kwargs: dict) -> bool:
    """Whether a constructor's arguments are the inputs and outputs of a graph."""
    return len(args) >= 2 or (len(args) == 1 and "outputs" in kwargs) or ("inputs" in kwargs and "outputs" in kwargs)


def _inside(layer: Any, path: str) -> Layer:
    name, _, rest = path.partition("/")
    inner = layer.layers if isinstance(layer, Model) else layer._layers
    for one in inner:
        if one.name == name:
            return _inside(one, rest) if rest else one
    raise ValueError(f"The layer {layer.name!r} holds no layer named {name!r}; it holds {[one.name for one in inner]}.")


def _standard_shapes(shape: Any) -> Any:
    if isinstance(shape, dict):
        return {key: _standard_shapes(one) for key, one in shape.items()}
    if isinstance(shape, (list, tuple)) and all(size is None or isinstance(size, int) for size in shape):
        return tuple(shape)
    if isinstance(shape, (list, tuple)):
        return type(shape)(_standard_shapes(one) for one in shape)
    raise ValueError(f"`build` takes a shape or a nest of shapes; got {shape!r}.")


def _specs(shapes: Any, dtype: str) -> Any:
    if isinstance(shapes, dict):
        return {key: _specs(one, dtype) for key, one in shapes.items()}
    if isinstance(shapes, (list, tuple)) and not all(size is None or isinstance(size, int) for size in shapes):
        return [_specs(one, dtype) for one in shapes]
    return KerasTensor(shapes, dtype)


def model_from_json(json_string: str, custom_objects: dict | None = None) -> Model:
    """A model with fresh weights from the text of `to_json`."""
    return deserialize_keras_object(json.loads(json_string), custom_objects)
