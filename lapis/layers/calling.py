"""How a layer's `call` is called: which arguments it takes, and what an outer call hands down."""

import functools
import inspect
import threading
from typing import Any

from lapis.core import nest
from lapis.core.notes import described, note
from lapis.graph import KerasTensor, get_mask


class CallContext:
    """What the outermost layer call and those inside it share."""

    training: bool | None = None
    with_losses: frozenset[int] = frozenset()  # the layers that have added a loss so far


class _Local(threading.local):
    context: CallContext | None = None


calls = _Local()


class Signature:
    """The parameters of a function, read once."""

    def __init__(self, function: Any, skip_self: bool = True) -> None:
        parameters = list(inspect.signature(function).parameters.values())[1 if skip_self else 0 :]
        kinds = inspect.Parameter
        self.names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        self.keyword_only = [p.name for p in parameters if p.kind is kinds.KEYWORD_ONLY]
        self.var_positional = any(p.kind is kinds.VAR_POSITIONAL for p in parameters)
        self.var_keyword = any(p.kind is kinds.VAR_KEYWORD for p in parameters)
        self.all = frozenset([*self.names, *self.keyword_only])
        self.required = [p.name for p in parameters if p.default is p.empty and p.name in self.all]
        self.defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
        self.takes_training = "training" in self.all
        self.takes_mask = "mask" in self.all
        self.mask_names = {n: f"{n}_mask" for n in self.names if f"{n}_mask" in self.all}

    def bind(self, args: tuple, kwargs: dict, layer: Any) -> dict[str, Any]:
        """The arguments of a call by name, in the order in which they were given."""
        names = self.names
        if len(args) > len(names) and not self.var_positional:
            raise TypeError(f"{_who(layer)} takes at most {len(names)} positional arguments {names}; got {len(args)}.")
        bound = dict(zip(names, args))
        for name, value in kwargs.items():
            if name in bound:
                raise TypeError(f"{_who(layer)} got the argument {name!r} twice.")
            if name not in self.all and not self.var_keyword:
                raise TypeError(
                    f"{_who(layer)} got an unknown argument {name!r}; it takes {[*names, *self.keyword_only]}."
                )
            bound[name] = value
        for name in self.required:
            if name not in bound:
                raise TypeError(f"{_who(layer)} needs the argument {name!r}; it takes {[*names, *self.keyword_only]}.")
        for i, x in enumerate(args[len(names) :]):
            bound[f"args_{i}"] = x
        return bound

    def replace(self, name: str, value: Any, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        """The arguments with another value for one of them."""
        place = self.names.index(name) if name in self.names else len(args)
        if place < len(args):
            return (*args[:place], value, *args[place + 1 :]), kwargs
        return args, {**kwargs, name: value}


def note_call(error: BaseException, path: str, layer: Any, args: tuple, kwargs: dict, method: Any) -> None:
    """Note on the exception that it came out of a layer's `call` or `build`, and the arguments of that."""
    signature = signature_of(method)
    given = described({**dict(zip((*signature.names, *map(str, range(len(args)))), args)), **kwargs})
    given = f"with {given}" if given else "without arguments"
    building = "build() of " if method.__name__ == "build" else ""
    leaves = nest.flatten((args, kwargs)) if isinstance(error, TypeError) else ()
    strings = any(getattr(getattr(x, "dtype", None), "kind", "") in ("O", "S", "U") for x in leaves)
    advice = " Turn strings into numbers first, for example with StringLookup or TextVectorization." if strings else ""
    note(error, f"In {building}the layer {path!r} ({type(layer).__name__}), called {given}.{advice}")


def _who(layer: Any) -> str:
    return f"The layer {layer.path!r} ({type(layer).__name__})"


@functools.lru_cache(maxsize=1024)
def signature_of(function: Any) -> Signature:
    """The signature of a method as found on its class."""
    return Signature(function)


def is_tensor(x: Any) -> bool:
    """Whether the value has a shape and an element type: an array, a tracer, a variable or a symbolic tensor."""
    return hasattr(x, "shape") and hasattr(x, "dtype")


def tensor_arguments(arguments: dict[str, Any], layer: Any) -> dict[str, Any]:
    """The arguments that are tensors or nests of tensors; one that mixes them with other values is refused."""
    found = {}
    for name, value in arguments.items():
        if value.__class__ is KerasTensor:
            found[name] = value
        elif not isinstance(value, (list, tuple, dict)):
            if is_tensor(value):
                found[name] = value
        else:
            tensors = [is_tensor(leaf) for leaf in nest.flatten(value) if leaf is not None]
            if any(tensors) and not all(tensors):
                raise ValueError(
                    f"{_who(layer)} got an argument {name!r} that mixes tensors with other values: {value!r}."
                )
            if tensors:
                found[name] = value
    return found


def masks_of(value: Any) -> Any:
    """The mask that a tensor carries, or those of the tensors in a nest; `None` if none has one."""
    if not isinstance(value, (list, tuple, dict)):
        return None if value is None else get_mask(value)
    masks = nest.map_structure(lambda x: None if x is None else get_mask(x), value)
    return masks if any(m is not None for m in nest.flatten(masks)) else None


def shape_of(value: Any) -> Any:
    """The shape of a tensor, or the nest of shapes of a nest of tensors."""
    if isinstance(value, (list, tuple, dict)):
        return nest.map_structure(shape_of, value)
    return None if value is None else tuple(value.shape)


def build_arguments(build: Any, shapes: dict[str, Any], call_names: Any, layer: Any) -> dict[str, Any]:
    """The shapes that `build` wants, by the names of its parameters: `query_shape` is that of the argument `query`."""
    names = signature_of(build).names
    if len(names) == 1:
        return {names[0]: next(iter(shapes.values()), None)}
    chosen: dict[str, Any] = {}
    for name in names:
        argument = name.removesuffix("_shape")
        if argument == name or argument not in call_names:
            raise ValueError(
                f"The `build` of {type(layer).__name__} takes several arguments, so each must be named after an "
                "argument of "
                f"`call` with `_shape` behind it, as in `build(self, query_shape, value_shape)`; it has {name!r}."
            )
        if name in shapes:
            chosen[name] = shapes[name]
    return chosen
