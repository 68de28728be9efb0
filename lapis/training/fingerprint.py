"""What a model computes, as a short text: models with equal texts may share compiled programs.

A text is made from everything that the parts of a model hold, apart from the variables' values and from names that do
not show. Whatever is not of Lapis's own making (a layer, a function, a subclass, a method put onto an object) could
compute anything, so that a model which holds it has no text.
"""

import functools
import hashlib
import re
import sys
from collections.abc import Callable, Iterable
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

import jax
import numpy as np

from lapis.core import changes, config
from lapis.core.dtype_policies import DTypePolicyMap
from lapis.core.dtype_policy import DTypePolicy
from lapis.graph import PLAIN, FunctionOperation, InnerTensor, KerasTensor, Plan
from lapis.initializers import Initializer
from lapis.layers import Layer
from lapis.losses import Loss
from lapis.metrics import Metric
from lapis.ops import cholesky
from lapis.optimizers import Optimizer
from lapis.state import SeedGenerator, Variable, is_sanitizer_enabled

# What a layer holds that has no say in what it computes.
_IRRELEVANT = frozenset(
    {
        *("name", "_path", "_inbound_nodes", "_outbound_nodes", "_losses", "_init_arguments", "_held_lists"),
        *("_build_shapes", "_given_input_shape", "_locked", "_built", "built", "_input_tensor", "_mask_loss_told"),
    }
)
# What a model holds that does: of the rest, only a method of its own in place of the class's would matter.
_OF_MODELS = (
    *("_trainable", "_dtype_policy", "autocast", "activity_regularizer", "supports_masking", "input_spec"),
    *("_trainable_variables", "_non_trainable_variables", "_seed_generators", "_layers", "_metrics", "_remat_mode"),
)
_RUN = ("train_step", "test_step", "predict_step", "compute_loss", "compute_metrics", "compute_loss_and_updates")
_LARGEST_CONSTANT = 1 << 20  # bytes; hashing more would take longer than sharing saves
_OUTPUT_NAMES = frozenset({"output_names", "names"})


class _Foreign(Exception):
    """Something that is not of Lapis's own making."""


def fingerprint(model: Any, by_name: bool = True) -> str | None:
    """A text that two models share only if they compute the same from their inputs and variables' values.

    The variables correspond by their places in `trainable_variables` and `non_trainable_variables`. `None` for a model
    that holds anything but Lapis's own, or that is not built.

    Args:
        model: the model.
        by_name: whether data are matched with inputs or outputs by name, so that all these names matter; otherwise
            only those of several outputs do, which show in the logs.

    >>> import lapis
    >>> def make(units):
    ...     return lapis.Sequential([lapis.Input((3,)), lapis.layers.Dense(units)])
    >>> same = fingerprint(make(2), by_name=False) == fingerprint(make(2), by_name=False)
    >>> same, fingerprint(make(2)) == fingerprint(make(4))
    (True, False)
    """
    base = _base(model)
    if base is None:
        return None
    return _digest([base, _shown_names(model, by_name)])


def steady_fingerprint(model: Any) -> str | None:
    """The fingerprint without names, `None` also where calls must not be compiled.

    So it is for models that hold arrays of NumPy, which may change unnoticed, or operations that look at values.
    """
    base = _base(model)
    return base if base is not None and model.__dict__["_fingerprint"][2] else None


def compile_fingerprint(model: Any, by_name: bool = True) -> str | None:
    """The like for what `compile` was given: models that agree in both may share compiled steps.

    The value of a constant learning rate does not matter, since it is a variable. `None` where a loss, metric or
    optimizer is the user's own, or a step is overridden. Take it once losses, metrics and optimizer are built.
    """
    if not _is_own(model.__class__) or any(name in model.__dict__ for name in _RUN):
        return None
    walk = _Walk()
    try:
        for variable in model.variables:
            walk.seen[id(variable)] = len(walk.seen)
        walk.skips_output_names = not by_name and len(model.output_names) == 1
        for part in (model.optimizer, model._compile_loss, model._compile_metrics, model._loss_tracker):
            walk.value(part)
        walk.out += (model._jit_compile, model._run_eagerly, model._steps_per_execution)
        walk.globals()
        walk.out.append(_shown_names(model, by_name))
        if walk.paths_matter:
            walk.out += [variable.path for variable in model.variables]
    except _Foreign:
        return None
    return _digest(walk.out)


def _base(model: Any) -> str | None:
    """The text without names; it is kept until something changes."""
    stamp = (changes.last_change(), _settings())
    kept = model.__dict__.get("_fingerprint")
    if kept is not None and kept[0] == stamp and kept[2]:
        return kept[1]
    walk = _Walk()
    try:
        walk.layer(model)
        walk.globals()
        text = _digest(walk.out)
    except _Foreign:
        text = None
    model.__dict__["_fingerprint"] = stamp, text, walk.steady
    return text


def _settings() -> tuple:
    """What else decides over what is computed."""
    layout = config.image_data_format()
    return config.floatx(), config.epsilon(), layout, config.x64_enabled(), is_sanitizer_enabled()


def _shown_names(model: Any, by_name: bool) -> list[Any]:
    if by_name:
        return [model.input_names, model.output_names]
    return [model.output_names] if len(model.output_names) > 1 else []


def _digest(tokens: list[Any]) -> str:
    return hashlib.blake2b(repr(tokens).encode(), digest_size=20).hexdigest()


def _is_own(cls: type) -> bool:
    module = cls.__module__
    return module.startswith("lapis.") and getattr(sys.modules.get(module), cls.__name__, None) is cls


@functools.lru_cache(maxsize=1024)
def _relevant(names: tuple[str, ...]) -> list[str]:
    """Those of a layer's attributes that have a say in what it computes, in order."""
    return sorted(name for name in names if name not in _IRRELEVANT and not name.endswith("_initializer"))


class _Walk:
    """Goes through a model and writes down what it finds, objects that recur by number.

    The notes in `out` are one flat list: what has a length says it first, so that no two models are written alike.
    """

    def __init__(self) -> None:
        self.out: list[Any] = []
        self.seen: dict[int, int] = {}
        self.tensors: dict[int, tuple[int, int]] = {}
        self.steady = True  # whether nothing can change unnoticed, and calls mean the same when compiled
        self.paths_matter = False
        self.skips_output_names = False
        self._alive: list[Any] = []  # an object that is gone could lend its identity to another
        self._kinds: dict[type, Callable[[Any], None]] = {
            **dict.fromkeys((list, tuple), self._sequence),
            **dict.fromkeys((set, frozenset), self._set),
            dict: self._dict,
            Variable: self.variable,
            SeedGenerator: self._seed,
            DTypePolicy: lambda policy: self.out.append(policy.name),
            FunctionType: self._function,
            BuiltinFunctionType: self._function,
            MethodType: self._method,
            functools.partial: self._partial,
            slice: lambda s: self._sequence((s.start, s.stop, s.step)),
            re.Pattern: lambda pattern: self._sequence((pattern.pattern, pattern.flags)),
            type(Ellipsis): lambda _: self.out.append("..."),
        }

    def globals(self) -> None:
        self.out += _settings()

    def value(self, value: Any) -> None:
        kind = value.__class__
        if kind in PLAIN:
            self.out.append(value)
            return
        write = self._kinds.get(kind)
        if write is None:
            write = self._kinds[kind] = self._writer(kind)
        write(value)

    def _writer(self, kind: type) -> Callable[[Any], None]:
        """How to write down values of a class met for the first time."""
        if issubclass(kind, Layer):
            return self.layer
        if issubclass(kind, KerasTensor):
            return self._tensor
        if issubclass(kind, Variable):
            raise _Foreign
        if issubclass(kind, Initializer):
            return lambda _: self.out.append("initializer")  # variables are made by the time of a call
        if issubclass(kind, (np.ndarray, np.generic, jax.Array)):
            return self._array
        if issubclass(kind, np.dtype):
            return lambda dtype: self.out.append(str(dtype))
        for plain, write in ((list, self._sequence), (dict, self._dict), (set, self._set)):
            if issubclass(kind, plain) and _is_own(kind):
                return write
        if issubclass(kind, tuple) and hasattr(kind, "_fields"):
            return self._sequence
        if not _is_own(kind) or issubclass(kind, DTypePolicyMap):
            raise _Foreign
        return self._object

    # Containers and small things

    def _sequence(self, values: Any) -> None:
        out, plain = self.out, PLAIN
        out += (values.__class__.__name__, len(values))
        for value in values:
            if value.__class__ in plain:
                out.append(value)
            else:
                self.value(value)

    def _dict(self, values: dict) -> None:
        self.out += ("dict", len(values))
        for key, value in values.items():
            self.value(key)
            self.value(value)

    def _set(self, values: Any) -> None:
        if all(value.__class__ is Variable for value in values):
            self.out += ("set", sorted(self.seen.get(id(value), -1) for value in values))
            self.paths_matter = self.paths_matter or any(id(value) not in self.seen for value in values)
        elif all(value.__class__ in PLAIN for value in values):
            self.out += ("set", sorted(map(repr, values)))
        else:
            raise _Foreign

    def _function(self, function: Any) -> None:
        module = getattr(function, "__module__", None) or ""
        if not module.startswith("lapis.") or sys.modules[module].__dict__.get(function.__qualname__) is not function:
            raise _Foreign
        self.steady = self.steady and function is not cholesky
        self.out += (module, function.__qualname__)

    def _method(self, method: MethodType) -> None:
        if not _is_own(method.__self__.__class__):
            raise _Foreign
        self.out.append(method.__name__)
        self.value(method.__self__)

    def _partial(self, partial: functools.partial) -> None:
        self.out.append("partial")
        for part in (partial.func, partial.args, partial.keywords):
            self.value(part)

    def _array(self, array: Any) -> None:
        if isinstance(array, jax.core.Tracer) or array.nbytes > _LARGEST_CONSTANT or array.dtype.hasobject:
            raise _Foreign
        self.steady = self.steady and not isinstance(array, np.ndarray)
        weak = getattr(array, "weak_type", False)
        content = hashlib.blake2b(np.asarray(array).tobytes(), digest_size=20).hexdigest()
        self.out += (isinstance(array, jax.Array), weak, str(array.dtype), array.shape, content)

    def _is_known(self, value: Any) -> bool:
        """Whether the object has been written down, which its number then stands for."""
        number = self.seen.get(id(value))
        if number is not None:
            self.out += ("again", number)
            return True
        self.seen[id(value)] = len(self.seen)
        self._alive.append(value)
        return False

    def variable(self, variable: Variable) -> None:
        if self._is_known(variable):
            return
        self.out += (
            *("variable", variable._shape, variable._dtype, variable._trainable, variable._autocast),
            *(variable._aggregation, variable._overwrite_with_gradient),
        )
        self.value(variable._regularizer)
        self.value(variable._constraint)

    def _seed(self, generator: SeedGenerator) -> None:
        self.out.append("seed")
        self.variable(generator.state)

    def _object(self, value: Any) -> None:
        """A loss, a metric, an optimizer, a regularizer: its class and all that it holds."""
        if self._is_known(value):
            return
        cls = value.__class__
        fields = value.__dict__
        if isinstance(value, Optimizer):
            # Muon and MultiOptimizer, and exclusions from weight decay, go by the paths of variables.
            by_path = hasattr(cls, "_follows_adam") or hasattr(value, "_inner_optimizers")
            self.paths_matter = self.paths_matter or by_path or value._excluded_names is not None
        shows_name = isinstance(value, (Loss, Metric))
        skipped = _OUTPUT_NAMES if self.skips_output_names else ()
        names = sorted(key for key in fields if (key != "name" or shows_name) and key not in skipped)
        self._members(cls, fields, names)

    def _members(self, cls: type, fields: dict, names: Iterable[str]) -> None:
        out, plain = self.out, PLAIN
        out += (cls.__module__, cls.__qualname__)
        for name in names:
            value = fields[name]
            if value.__class__ in plain:
                out += (name, value)
            elif value.__class__ is list and not value:
                out += (name, [])
            else:
                out.append(name)
                self.value(value)

    # Layers and graphs

    def layer(self, layer: Any) -> None:
        if self._is_known(layer):
            return
        cls, fields = layer.__class__, layer.__dict__
        if not _is_own(cls) or "call" in fields or fields["_metrics"] or not layer.built:
            raise _Foreign
        if not cls.call.__module__.startswith("lapis."):  # a function of the user's put in its place
            raise _Foreign
        if fields["_dtype_policy"].__class__ is not DTypePolicy:
            raise _Foreign  # a map goes by paths
        if "graph_plan" in fields:
            self._members(cls, fields, [name for name in _OF_MODELS if name in fields])
            self._graph(layer)
        elif "_functional" in fields:
            self._members(cls, fields, [name for name in _OF_MODELS if name in fields])
            if layer._functional is None:
                raise _Foreign
            self._graph(layer._functional)
        elif "_compile_loss" in fields or hasattr(layer, "train_step"):
            raise _Foreign  # a model without a graph
        else:
            self._members(cls, fields, _relevant(tuple(fields)))

    def _graph(self, model: Any) -> None:
        if model._host_part is not None:  # only the rest is compiled
            self._plan(model._host_part.after)
            self.value(model._host_part.after.inputs)
        else:
            self._plan(model.graph_plan)
            self.value(model.input)
        self.value(model.output)

    def _plan(self, plan: Plan) -> None:
        for index, x in enumerate(plan.inputs):
            self.tensors[id(x)] = (-1, index)
            self.out += ("input", x.shape, x.dtype, x._optional, x.dims)
        for number, node in enumerate(plan.nodes):
            tensors = node.output_tensors
            if all(id(x) in self.tensors and self.tensors[id(x)][0] == -1 for x in tensors):
                continue
            operation = node.operation
            if operation.__class__ is FunctionOperation:
                self._function(operation.function)
            else:
                self.layer(operation)
            for position, x in enumerate(tensors):
                self.tensors[id(x)] = (number, position)
            if len(node.args) == 1 and not node.kwargs and node.args[0].__class__ is KerasTensor:
                self._tensor(node.args[0])
            else:
                self._arguments(node.args)
                self._arguments(node.kwargs)
            if node.outputs.__class__ is not KerasTensor:
                self.value(node.outputs)

    def _arguments(self, arguments: Any) -> None:
        """A call's arguments; a variable among them is no layer's, and programs would take its value for a constant."""
        held = len(self.seen)
        self.value(arguments)
        if len(self.seen) != held:
            raise _Foreign

    def _tensor(self, x: KerasTensor) -> None:
        if isinstance(x, InnerTensor):
            self.out.append("inner")
            self.value(x.node.output_tensors)
            self.value(x.inner)
            return
        place = self.tensors.get(id(x))
        if place is None:
            raise _Foreign
        self.out.append(place)
