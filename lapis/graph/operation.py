"""Operations: functions on arrays that record themselves when an argument is symbolic."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar, overload

from lapis.core import config, nest
from lapis.core.naming import auto_name
from lapis.core.tracebacks import is_users, shorten
from lapis.core.watching import watching
from lapis.graph.dims import of_function
from lapis.graph.infer import infer
from lapis.graph.masks import any_masks, get_mask, set_mask
from lapis.graph.node import Node
from lapis.graph.tensor import PLAIN, ArrayHolder, KerasTensor, any_symbolic

_F = TypeVar("_F", bound=Callable)

_MANY_NODES = (
    "{name!r} has been called {count} times, so it has no single {what}. Take the tensor that the call "
    "you mean returned{hint}."
)


class Operation:
    """Something that can be called on tensors and stand in a graph; a Layer is one with state.

    A subclass gives `call(*args, **kwargs)` on arrays; `compute_output_spec` is found by tracing unless overridden.
    """

    name: str
    _inbound_nodes: list[Node]
    _outbound_nodes: list[Node]

    def __init__(self, name: str | None = None) -> None:
        if name is None:
            name = auto_name(self.type_name)
        if not isinstance(name, str) or "/" in name:
            raise ValueError(f"A name must be a string without '/'; got {name!r}.")
        self.__dict__.update(name=name, _inbound_nodes=[], _outbound_nodes=[])

    @property
    def type_name(self) -> str:
        """What summaries and pictures call this kind of operation."""
        return type(self).__name__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if any_symbolic(args, kwargs):
            return self.symbolic_call(*args, **kwargs)
        return self.call(*args, **kwargs)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """The operation itself, on arrays."""
        raise NotImplementedError(f"{type(self).__name__} does not define `call`.")

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """The symbolic tensors of a call that is recorded as a node."""
        outputs = self.compute_output_spec(*args, **kwargs)
        Node(self, args, kwargs, outputs)
        return outputs

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Symbolic tensors, without history, of the shapes and types that `call` would return."""
        return infer_call(self.call, args, kwargs)

    def output_dims(self, *args: Any, **kwargs: Any) -> Any:
        """The names of the output's dimensions for symbolic inputs of which some have names, `None` if not known.

        For several outputs a list of them.

        Raises:
            ValueError: if names of dimensions that meet are different.
        """
        return None

    def rematerialized_call(self, fn: Callable, *args: Any, **kwargs: Any) -> Callable:
        """`fn` itself: what an operation without state computes is small beside a layer's, which overrides this."""
        return fn

    def quantized_call(self, *args: Any, **kwargs: Any) -> Any:
        """Not available: nothing is quantized."""
        raise NotImplementedError(f"{type(self).__name__} cannot be quantized; call it as it is.")

    def _tensor_at(self, what: str) -> Any:
        nodes = self._inbound_nodes
        if not nodes:
            raise AttributeError(f"{self.name!r} has no {what} yet: it has not been called on a symbolic tensor.")
        if len(nodes) > 1:
            hint = f", or `{self.name}._inbound_nodes[i]`"
            raise AttributeError(_MANY_NODES.format(name=self.name, count=len(nodes), what=what, hint=hint))
        if what == "output" and not isinstance(nodes[0].outputs, (list, tuple)):
            return nodes[0].outputs
        tensors = list(nodes[0].input_tensors if what == "input" else nodes[0].output_tensors)
        return tensors[0] if len(tensors) == 1 else tensors

    @property
    def input(self) -> Any:
        """The symbolic input of the only call; an `AttributeError` where there were several."""
        return self._tensor_at("input")

    @property
    def output(self) -> Any:
        """The symbolic output of the only call; an `AttributeError` where there were several."""
        return self._tensor_at("output")

    def get_config(self) -> dict:
        """The constructor's arguments as plain data."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: dict) -> Any:
        """The operation again."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


class FunctionOperation(Operation):
    """A function decorated with `op`, called once on symbolic tensors."""

    def __init__(self, function: Callable, name: str | None = None) -> None:
        self.function = function
        super().__init__(name)

    @property
    def type_name(self) -> str:
        return "".join(part.capitalize() for part in self.function.__name__.split("_"))

    def call(self, *args: Any, **kwargs: Any) -> Any:
        outputs = self.function(*args, **kwargs)
        if any_masks():
            self._carry_mask(outputs, args, kwargs)
        if watching.watch is not None:
            watching.watch.operation(self, (args, kwargs), outputs)
        return outputs

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        outputs = super().symbolic_call(*args, **kwargs)
        self._carry_mask(outputs, args, kwargs)
        return outputs

    def _carry_mask(self, outputs: Any, args: tuple, kwargs: dict) -> None:
        """Let the mask go on as the operation's rule says, the same way in a graph and when the graph runs."""
        rule = getattr(self.function, "carried_mask", None)
        if rule is not None and any(get_mask(x) is not None for x in nest.flatten((args, kwargs))):
            mask = rule(outputs, *args, **kwargs)
            if mask is not None and len(mask.shape) < len(outputs.shape):  # an axis of features must be left
                set_mask(outputs, mask)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return _spec_of(self.function, args, kwargs)
        except (TypeError, ValueError) as error:
            if type(error) in (TypeError, ValueError) and not is_users(error):
                error.args = (f"In ops.{self.function.__name__}: {error}",)
            shorten(error)
            raise

    def output_dims(self, *args: Any, **kwargs: Any) -> Any:
        return of_function(self.function, args, kwargs, f"ops.{self.function.__name__}")

    def __deepcopy__(self, memo: dict) -> "FunctionOperation":
        return FunctionOperation(self.function, self.name)


@overload
def op(function: _F) -> _F: ...
@overload
def op(*, spec: Callable | None = None) -> Callable[[_F], _F]: ...
def op(function: Any = None, *, spec: Callable | None = None) -> Any:
    """Make a function on arrays an operation: eager on arrays, recorded as a node on symbolic tensors.

    `spec(*args, **kwargs)` gives the symbolic outputs where tracing the function cannot.
    """
    if function is None:
        return functools.partial(op, spec=spec)

    @functools.wraps(function)
    def operation(*args: Any, **kwargs: Any) -> Any:
        found = _look(args) | _look(kwargs.values()) if kwargs else _look(args)
        if found & 1:
            return FunctionOperation(operation).symbolic_call(*args, **kwargs)
        if found == 2 and not kwargs:
            read = list(args)
            for place, x in enumerate(args):
                if isinstance(x, ArrayHolder):
                    read[place] = x.value
            return function(*read)
        if found:
            args, kwargs = _read_holders(args), _read_holders(kwargs)
        return function(*args, **kwargs)

    operation.spec = spec  # pyright: ignore[reportAttributeAccessIssue]
    return operation


def _look(values: Any) -> int:
    """A sum of 1 for a symbolic tensor, 2 for a Variable among the values, 4 for one deeper inside."""
    found = 0
    for value in values:
        kind = value.__class__
        if kind in PLAIN:
            continue
        if kind is KerasTensor:
            found |= 1
        elif kind is list or kind is tuple:
            inside = _look(value)
            found |= inside | 4 if inside & 2 else inside
        elif kind is dict:
            inside = _look(value.values())
            found |= inside | 4 if inside & 2 else inside
        elif isinstance(value, ArrayHolder):
            found |= 2
        elif isinstance(value, KerasTensor):
            found |= 1
        elif isinstance(value, (list, tuple)):
            inside = _look(value)
            found |= inside | 4 if inside & 2 else inside
    return found


def _read_holders(structure: Any) -> Any:
    return nest.map_structure(lambda x: x.value if isinstance(x, ArrayHolder) else x, structure)


def infer_call(call: Callable, args: tuple, kwargs: dict) -> Any:
    """The spec of `call(*args, **kwargs)`, the symbolic tensors among the arguments being unknown."""
    if len(args) == 1 and not kwargs and isinstance(args[0], KerasTensor):
        return infer(call, [args[0]])
    leaves = nest.flatten((args, kwargs))
    places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, KerasTensor)]

    def on_tensors(*arrays: Any) -> Any:
        filled = list(leaves)
        for place, array in zip(places, arrays):
            filled[place] = array
        new_args, new_kwargs = nest.pack_sequence_as((args, kwargs), filled)
        return call(*new_args, **new_kwargs)

    return infer(on_tensors, [leaves[i] for i in places])


_memo: dict[Any, Any] = {}
_MEMO_LIMIT = 4096


def _spec_of(function: Any, args: tuple, kwargs: dict) -> Any:
    """The spec of an operation's call, remembered by function, static arguments with their types, and specs."""
    if function.spec is not None:
        return function.spec(*args, **kwargs)
    key = _key((args, kwargs))
    if key is None:
        return infer_call(function, args, kwargs)
    key = (function, key, config.floatx(), config.image_data_format(), config.x64_enabled())
    found = _memo.get(key)
    if found is None:
        if len(_memo) >= _MEMO_LIMIT:
            _memo.clear()
        found = _memo[key] = infer_call(function, args, kwargs)
    return nest.map_structure(lambda x: None if x is None else KerasTensor(x.shape, x.dtype), found)


def _key(value: Any) -> Any:
    """A hashable stand-in for an argument, `None` where there is none."""
    kind = value.__class__
    if kind is KerasTensor:
        return ("tensor", value.shape, value.dtype)
    if kind in PLAIN:  # with its type, since 1 == True == 1.0
        return (kind, value)
    if kind is list or kind is tuple:
        parts = tuple([_key(item) for item in value])
    elif kind is dict:
        parts = tuple([(name, _key(item)) for name, item in value.items()])
        return None if any(part[1] is None for part in parts) else (kind, parts)
    elif kind is slice:
        parts = (_key(value.start), _key(value.stop), _key(value.step))
    elif value is Ellipsis:
        return "..."
    else:
        return None
    return None if None in parts else (kind, parts)
