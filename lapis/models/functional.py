"""A model cut from a graph of layers."""

import weakref
from typing import Any

import numpy as np

import lapis.ops as ops
from lapis.core import nest
from lapis.core.dtypes import standardize_dtype
from lapis.core.findings import refuse, tell
from lapis.core.naming import did_you_mean
from lapis.core.serialization import builtin
from lapis.core.source import frames_inside
from lapis.core.tracebacks import shorten
from lapis.graph import (
    HostOutputs,
    HostPart,
    KerasTensor,
    Node,
    Plan,
    any_symbolic,
    get_mask,
    host_part,
    inner_tensor,
    needs_host,
    places,
    producer,
    set_mask,
)
from lapis.graph.dims import disagreement
from lapis.layers import Layer
from lapis.layers.core.input_layer import Input, InputLayer
from lapis.models.functional_config import functional_from_config, functional_to_config
from lapis.models.model import Model
from lapis.models.own_classes import make, own_arguments, own_settings, takes_graph
from lapis.training import eager
from lapis.training.checks.masks import masks_lost_in_operations

_ONE_SAMPLE = " A single sample needs an axis of batches: x[None]."


@builtin("keras.models", "Model")
@builtin("keras.src.models.functional", registered_name="Functional")
class Functional(Model):
    """A model made of symbolic inputs and of outputs that layers have computed from them; `Model(inputs, outputs)` is
    one.

    Args:
        inputs: symbolic tensors, single or in any nesting of lists, tuples and dicts.
        outputs: symbolic tensors that depend on the inputs, likewise.
        name: a name.
        trainable: whether training changes it.

    Raises:
        ValueError: for inputs or outputs that are not symbolic tensors, outputs that the inputs do not lead to, and
            layers of equal name.
    """

    _first_call = 1
    _host_part: HostPart | None = None
    _needs_host: bool
    _common_sizes: list[tuple[str, list[tuple[int, int]]]]

    graph_plan: Plan
    _operations: list[Any]
    _inputs_structure: Any
    _outputs_structure: Any

    def __init__(
        self, inputs: Any, outputs: Any, name: str | None = None, trainable: bool = True, **kwargs: Any
    ) -> None:
        _check_tensors(inputs, "inputs")
        _check_tensors(outputs, "outputs")
        if not all(_is_input(x) for x in nest.flatten(inputs)):
            inputs, outputs = _from_the_middle(inputs, outputs)
        flat = nest.flatten(inputs)
        repeated = {x.name for i, x in enumerate(flat) if any(x is y for y in flat[:i])}
        if repeated:
            raise ValueError(f"Each input may be given once; {sorted(repeated)} occur several times in `inputs`.")
        super().__init__(name=name, **kwargs)
        plan = Plan(flat, nest.flatten(outputs))
        _check_names(plan)
        self.__dict__.update(
            graph_plan=plan,
            _inputs_structure=_plain(inputs),
            _outputs_structure=nest.pack_sequence_as(_plain(outputs), plan.outputs),
            _layers=[x for x in plan.operations if isinstance(x, Layer)],
            _operations=plan.operations,
            _built=True,
            _needs_host=needs_host(plan),
            _common_sizes=_common_sizes(plan.inputs),
        )
        if self._needs_host:
            self.__dict__["_host_part"] = host_part(plan)
        for node in plan.nodes:
            node.in_model = True
        tell(list(masks_lost_in_operations(plan)), stacklevel=frames_inside())
        owner = weakref.ref(self)
        for x in plan.inputs:
            x._owners = [*getattr(x, "_owners", ()), owner]  # pyright: ignore[reportAttributeAccessIssue]
        if not trainable:
            self.trainable = False

    @property
    def graph(self) -> "Functional":
        """What a plan looks into to reach tensors inside: `inputs`, `outputs` and `run_plan`."""
        return self

    @property
    def layers(self) -> list[Layer]:
        """The layers, inputs among them, deepest from the outputs first."""
        return list(self._layers)

    @property
    def operations(self) -> list[Any]:
        """The layers and the operations between them, in the same order."""
        return list(self._operations)

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic inputs, flat."""
        return self.graph_plan.inputs

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic outputs, flat."""
        return self.graph_plan.outputs

    @property
    def input(self) -> Any:
        """The symbolic inputs in the structure that they were given in."""
        return self._inputs_structure

    @property
    def output(self) -> Any:
        """The symbolic outputs in the structure that they were given in."""
        return self._outputs_structure

    @property
    def input_shape(self) -> Any:
        """The inputs' shapes."""
        return nest.map_structure(lambda x: x.shape, nest.unpack_single(self._inputs_structure))

    @property
    def output_shape(self) -> Any:
        """The outputs' shapes."""
        return nest.map_structure(lambda x: None if x is None else x.shape, nest.unpack_single(self._outputs_structure))

    @property
    def input_names(self) -> list[str]:
        """The names that data are matched with, in the order of `inputs`."""
        return [x._keras_history.operation.name for x in self.inputs]

    @property
    def output_names(self) -> list[str]:
        """The names of the layers that make the outputs, in the order of `outputs`; a name that recurs is numbered."""
        names: list[str] = []
        for x in self.outputs:
            name = base = x._keras_history.operation.name
            count = 0
            while name in names:
                count += 1
                name = f"{base}_{count}"
            names.append(name)
        return names

    @property
    def input_spec(self) -> Any:
        """`None`: inputs are matched by name and brought to rank and type before they are checked."""
        return None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            if self._host_part is not None and is_raw(args, kwargs):
                args = (self.host_outputs(args[0]), *args[1:])
            return eager.call(self, super().__call__, args, kwargs)
        except Exception as error:
            shorten(error)
            raise

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None, **kwargs: Any) -> Any:
        """The outputs for the inputs, given in the model's structure, as a flat list, or as a dict by input name.

        A list of one output gives that output.
        """
        return self._run(self.graph_plan, inputs, mask, nest.unpack_single(self._outputs_structure))

    def run_plan(self, plan: Plan, inputs: Any, training: bool | None = None, mask: Any = None) -> list[Any]:
        """The outputs of another plan through the same inputs."""
        return self._run(plan, inputs, mask, plan.outputs)

    @property
    def _on_host(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self._needs_host

    def host_outputs(self, inputs: Any) -> Any:
        """What the part that runs on the host makes of the inputs, for the model to take in their place."""
        if self._host_part is None:
            return inputs
        if len(self.inputs) == 1 and _is_text(inputs):
            inputs = np.asarray(inputs)
        flat = [_fit_on_host(x, spec, self.path) for x, spec in zip(self._in_order(inputs), self.inputs)]
        return self._host_part.run(flat)

    def compute_output_spec(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Symbolic tensors of the shapes and types that a call would return."""
        if not self._needs_host:
            spec = super().compute_output_spec(inputs, training=training, mask=mask)
            return nest.pack_sequence_as(self._outputs_structure, nest.flatten(spec))
        given = [KerasTensor(x.shape, spec.dtype) for x, spec in zip(self._in_order(inputs), self.inputs)]
        results = self.graph_plan.run(
            given, lambda operation, args, kwargs: operation.compute_output_spec(*args, **kwargs)
        )
        return nest.pack_sequence_as(self._outputs_structure, results)

    def _run(self, plan: Plan, inputs: Any, mask: Any, structure: Any) -> Any:
        if inputs.__class__ is HostOutputs and self._host_part is not None:
            plan = self._host_part.after
            values = [ops.cast(x, spec.dtype) for x, spec in zip(inputs.values, plan.inputs)]
        else:
            values = self._standardize(inputs)
        if mask is not None:
            for x, one in zip(values, nest.flatten(mask)):
                if one is not None:
                    set_mask(x, one)
        results = plan.run(values)
        return results[0] if structure.__class__ is KerasTensor else nest.pack_sequence_as(structure, results)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> None:
        """`None`: the layers inside put masks on the outputs themselves."""
        return None

    def _standardize(self, inputs: Any) -> list[Any]:
        """The inputs flat, in the model's order, each brought to its input's rank and type."""
        flat = self._in_order(inputs)
        fitted = [_fit(x, spec, self.path) for x, spec in zip(flat, self.inputs)]
        for name, axes in self._common_sizes:
            self._check_common_size(name, axes, fitted)
        return fitted

    def _check_common_size(self, name: str, axes: list[tuple[int, int]], values: list[Any]) -> None:
        known = [(self.inputs[i].name, values[i].shape[axis]) for i, axis in axes if values[i] is not None]
        known = [(x, size) for x, size in known if isinstance(size, int)]
        if len({size for _, size in known}) > 1:
            told = ", ".join(f"{size} in {x!r}" for x, size in known)
            raise ValueError(
                f"The dimension {name!r} of the model {self.path!r} has different sizes: {told}. Feed inputs of one "
                "size along it, or give the dimensions different names."
            )

    def output_dims(self, inputs: Any, *_: Any, **__: Any) -> Any:
        for x, own in zip(self._in_order(inputs), self.inputs):
            pairs = zip(getattr(x, "dims", None) or (), own.dims or ())
            if any(one and two and one != two for one, two in pairs) and len(x.shape) == len(own.shape):
                advice = "Bring the first into the order of the model's own input, for example with `ops.transpose`."
                raise disagreement(f"The model {self.path!r}", [x, own], "one is fed to the other", advice)
        return [x.dims for x in self.outputs]

    def _in_order(self, inputs: Any) -> list[Any]:
        wanted = self.inputs
        if isinstance(inputs, dict) and not _same_keys(inputs, self._inputs_structure):
            names = sorted(self._inputs_structure) if isinstance(self._inputs_structure, dict) else self.input_names
            return _by_name(inputs, names, self.path)
        if isinstance(inputs, (list, tuple, dict)):
            flat = nest.flatten(inputs)
        elif len(wanted) == 1:
            return [inputs]
        else:
            flat = [inputs]
        if len(flat) != len(wanted):
            refuse(
                "inputs-count",
                f"The model {self.path!r} has {len(wanted)} inputs, named {self.input_names}, but got {len(flat)} "
                f"tensors with shapes {[getattr(x, 'shape', None) for x in flat]}.",
                "Give one for each, in this order or in a dict by name.",
            )
        return flat

    def get_tensor(self, path: str, call: int = 0, index: int = 0) -> KerasTensor:
        """The symbolic tensor that a layer at any depth makes, reached from this model's inputs.

        Args:
            path: the layer's path, such as `"encoder/conv2d_1"` or, in the second call of `encoder`,
                `"encoder:1/conv2d_1"`; functions between layers have paths too (`surgery.find`).
            call: which call of the outermost layer on the path, where the path does not say.
            index: which output, where there are several.

        >>> import lapis
        >>> i = lapis.Input((4,))
        >>> inner = lapis.Model(i, lapis.layers.Dense(2)(lapis.layers.Dense(3, name="h")(i)), name="inner")
        >>> a = lapis.Input((4,))
        >>> lapis.Model(a, inner(a)).get_tensor("inner/h").shape
        (None, 3)
        """
        named = [place for place in places(self) if place.path == path and place.node is not None]
        if named and call == 0:
            return nest.flatten(named[0].output)[index]
        first, _, rest = path.partition("/")
        layer = self.get_layer(first)
        nodes = [node for node in self.graph_plan.nodes if node.operation is layer]
        if not 0 <= call < len(nodes):
            raise ValueError(
                f"{first!r} is called {len(nodes)} times in the model {self.path!r}; there is no call {call}."
            )
        if not rest:
            return nodes[call].output_tensors[index]
        graph = getattr(layer, "graph", None)
        if graph is None:
            raise ValueError(f"{first!r} is no model with a graph inside, so the path {path!r} leads nowhere.")
        from_inside = graph.get_tensor(rest, 0, index)
        return inner_tensor(nodes[call], from_inside)

    def get_config(self) -> dict:
        """The graph as plain data, and what a constructor of one's own takes besides it."""
        if not takes_graph(type(self)):
            return super().get_config()
        return {**functional_to_config(self), **own_arguments(self)}

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> Any:
        """The model again, with fresh weights."""
        if "layers" in config and "input_layers" in config:
            graph = functional_from_config(config, custom_objects)
            return make(cls, *graph, own_settings(cls, config))
        return super().from_config(config, custom_objects)

    def get_build_config(self) -> dict:
        """`{"input_shape": None}`: the graph says it all."""
        return {"input_shape": None}

    def build(self, input_shape: Any = None) -> None:
        """Nothing to do: a functional model is built as it is made."""


def _common_sizes(inputs: list[KerasTensor]) -> list[tuple[str, list[tuple[int, int]]]]:
    """The names of dimensions whose sizes must be found equal when the model runs, with the inputs and axes."""
    axes: dict[str, list[tuple[int, int]]] = {}
    for index, x in enumerate(inputs):
        for axis, name in enumerate(x.dims or ()):
            if name is not None and x.shape[axis] is None:
                axes.setdefault(name, []).append((index, axis))
    return [(name, found) for name, found in axes.items() if len(found) > 1]


def is_raw(args: tuple[Any, ...], kwargs: dict) -> bool:
    """Whether a call's inputs are data that are yet to go through the part that runs on the host."""
    inputs = next(iter(args), None)
    raw = inputs is not None and inputs.__class__ is not HostOutputs
    return raw and not any_symbolic(inputs) and kwargs.get("mask") is None


def _is_text(inputs: Any) -> bool:
    """Whether the inputs are strings, or lists of them, rather than arrays."""
    return isinstance(next(iter(nest.flatten(inputs)), None), (str, bytes))


def _plain(structure: Any) -> Any:
    return nest.map_structure(lambda x: x, structure)


def _same_keys(inputs: dict, structure: Any) -> bool:
    return isinstance(structure, dict) and set(inputs) == set(structure)


def _by_name(inputs: dict, names: list[str], path: str) -> list[Any]:
    missing = [name for name in names if name not in inputs]
    unknown = [name for name in inputs if name not in names]
    if missing or unknown:
        hint = did_you_mean(str(unknown[0]), map(str, missing or names)) if unknown else ""
        refuse(
            "unknown-input" if unknown else "missing-input",
            f"The model {path!r} has inputs named {names}; of the given {sorted(inputs, key=str)}, "
            f"missing: {missing or 'none'}, unknown: {unknown or 'none'}.",
            f"Give exactly these names as keys.{hint}",
        )
    return [inputs[name] for name in names]


def _fit(x: Any, spec: KerasTensor, path: str) -> Any:
    """An input cast to the declared type, with a last axis of one added or dropped where only that differs."""
    name = spec._keras_history.operation.name
    if x is None:
        if not spec._optional:
            raise ValueError(f"The input {name!r} of the model {path!r} got None, but is not optional.")
        return None
    if spec.dtype == "string":
        return _fit_on_host(x, spec, path)
    mask = get_mask(x)
    y = x if hasattr(x, "astype") and hasattr(x, "aval") else ops.convert_to_tensor(x)
    if standardize_dtype(y.dtype) != spec.dtype:
        y = ops.cast(y, spec.dtype)
    shape, wanted = tuple(y.shape), spec.shape
    if len(shape) == len(wanted) + 1 and shape[-1] == 1:
        y = ops.squeeze(y, axis=-1)
    elif len(shape) == len(wanted) - 1 and wanted[-1] == 1:
        y = ops.expand_dims(y, axis=-1)
    _check_shape(tuple(y.shape), shape, wanted, name, path)
    if mask is not None and y is not x:
        set_mask(y, mask)
    return y


def _fit_on_host(x: Any, spec: KerasTensor, path: str) -> np.ndarray:
    """The like in NumPy, where integers keep their 64 bits; strings stay as they are."""
    y, wanted = np.asarray(x), spec.shape
    shape = y.shape
    if spec.dtype != "string" and y.dtype != spec.dtype:
        y = y.astype(spec.dtype)
    if y.ndim == len(wanted) + 1 and y.shape[-1] == 1:
        y = y[..., 0]
    elif y.ndim == len(wanted) - 1 and wanted[-1] == 1:
        y = y[..., None]
    _check_shape(y.shape, shape, wanted, spec._keras_history.operation.name, path)
    return y


def _agree(sizes: tuple, wanted: tuple) -> bool:
    return all(
        declared is None or not isinstance(size, int) or size == declared for size, declared in zip(sizes, wanted)
    )


def _check_shape(fitted: tuple, given: tuple, wanted: tuple, name: str, path: str) -> None:
    if len(fitted) != len(wanted) or not _agree(fitted[1:], wanted[1:]):
        # `predict` takes a sample's rows for samples, so all but its first axis tell.
        alone = len(given) == len(wanted) - 1 and _agree(given[1:], wanted[2:])
        refuse(
            "input-shape",
            f"The input {name!r} of the model {path!r} has shape {wanted}, but got shape {given}.",
            f"Reshape the data, or declare the input with their shape.{_ONE_SAMPLE if alone else ''}",
            name,
        )


def _check_tensors(structure: Any, what: str) -> None:
    flat = nest.flatten(structure)
    if not flat:
        raise ValueError(f"A model needs at least one tensor in `{what}`.")
    for x in flat:
        if not isinstance(x, KerasTensor):
            hint = " To use data, call the model on it." if hasattr(x, "shape") else ""
            raise ValueError(
                f"A model's `{what}` must be symbolic tensors: an `Input`, or what layers made from one. "
                f"Got {x!r:.100} of type {type(x).__name__}.{hint}"
            )


def _is_input(x: KerasTensor) -> bool:
    node = producer(x)
    return node is not None and node.is_input and isinstance(node.operation, InputLayer)


def _from_the_middle(inputs: Any, outputs: Any) -> tuple[Any, Any]:
    """Fresh inputs in place of tensors from the middle of a graph, and the calls between recorded once more."""
    flat = nest.flatten(inputs)
    plan = Plan(flat, nest.flatten(outputs))
    swapped: dict[int, KerasTensor] = {}
    for x in flat:
        fresh = x if _is_input(x) else Input(batch_shape=x.shape, dtype=x.dtype)
        fresh.dims = x.dims
        swapped[id(x)] = fresh
    for node in plan.nodes:
        if any(id(x) in swapped for x in node.output_tensors):
            continue
        args, kwargs = node.fill(swapped)
        copies = nest.map_structure(lambda x: None if x is None else KerasTensor(x.shape, x.dtype), node.outputs)
        for old, new in zip(nest.flatten(node.outputs), nest.flatten(copies)):
            if new is not None:
                set_mask(new, get_mask(old))
                swapped[id(old)] = new
        Node(node.operation, args, kwargs, copies)
    new_outputs = nest.pack_sequence_as(outputs, [swapped[id(x)] for x in plan.outputs])
    return nest.pack_sequence_as(inputs, [swapped[id(x)] for x in flat]), new_outputs


def _check_names(plan: Plan) -> None:
    seen: dict[str, Any] = {}
    for operation in plan.operations:
        other = seen.setdefault(operation.name, operation)
        if other is not operation:
            raise ValueError(
                f"Two layers of the model are named {operation.name!r}: a {other.type_name} and a "
                f"{operation.type_name}. Give "
                "each layer a name of its own with `name=`."
            )


Model._functional_class = Functional
