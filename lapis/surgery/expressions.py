"""Plain values, and objects described by configs, as Python expressions."""

import inspect
import keyword
import math
import re
from typing import Any

import numpy as np

import lapis.constraints as constraints
import lapis.core.dtype_policies as dtype_policies
import lapis.initializers as initializers
import lapis.layers as layers
import lapis.losses as losses
import lapis.metrics as metrics
import lapis.optimizers as optimizers
import lapis.regularizers as regularizers
from lapis.core import config
from lapis.core.naming import to_snake_case
from lapis.core.serialization import deserialize_keras_object, serialize_keras_object
from lapis.optimizers import Optimizer
from lapis.surgery.hashing import described, given_name

_NAMESPACES = {
    "layers": layers,
    "initializers": initializers,
    "regularizers": regularizers,
    "constraints": constraints,
    "losses": losses,
    "metrics": metrics,
    "optimizers": optimizers,
    "optimizers.schedules": optimizers.schedules,
    "dtype_policies": dtype_policies,
}
_SHORT = ("initializers",)  # whose objects may be given by name alone
_ALWAYS = {"name", "trainable", "dtype"}


class Expressions:
    """Writes expressions, and keeps what they need.

    Attributes:
        used: the namespaces of Lapis that occur, such as `"layers"`, and `"np"`.
        imports: import statements for classes and functions from elsewhere.
        missing: names that the reader has to supply, such as those of classes defined in a script.
    """

    def __init__(self) -> None:
        self.used: set[str] = set()
        self.imports: set[str] = set()
        self.missing: set[str] = set()

    def value(self, value: Any) -> str:
        """A value as an expression; objects are described by their configs."""
        if isinstance(value, dict) and "class_name" in value and "config" in value:
            return self._tagged(value)
        if isinstance(value, dict):
            return "{" + ", ".join(f"{self.value(key)}: {self.value(item)}" for key, item in value.items()) + "}"
        if isinstance(value, tuple):
            return "(" + ", ".join(map(self.value, value)) + ("," if len(value) == 1 else "") + ")"
        if isinstance(value, list):
            return "[" + ", ".join(map(self.value, value)) + "]"
        if isinstance(value, float) and not math.isfinite(value):
            return f'float("{value}")'
        if isinstance(value, str):
            return text(value)
        return repr(value)

    def _tagged(self, entry: dict) -> str:
        tag, inner = entry["class_name"], entry["config"]
        if tag == "__ellipsis__":
            return "..."
        if tag == "__slice__":
            return f"slice({', '.join(self.value(inner[part]) for part in ('start', 'stop', 'step'))})"
        if tag in ("__numpy__", "__tensor__"):
            self.used.add("np")
            return f"np.array({self.value(inner['value'])}, {text(inner['dtype'])})"
        if tag == "__bytes__":
            return repr(inner["value"].encode())
        if tag == "__lambda__":
            return self._named(identifier("nameless_function", set(self.missing)))
        if tag == "function":
            return self._function(entry)
        head, arguments, end = self.parts(entry)
        return head + ", ".join(arguments) + end

    def _function(self, entry: dict) -> str:
        name = str(entry["config"])
        try:
            found = deserialize_keras_object(entry)
        except ValueError:
            found = None
        if found is not None and found.__module__.startswith("lapis."):
            return text(name)
        return self.foreign(found) if found is not None else self._named(name)

    def _named(self, name: str) -> str:
        name = re.sub(r"\W", "_", name.rpartition(">")[2])
        self.missing.add(name)
        return name

    def foreign(self, what: Any) -> str:
        """The name of a class or function that is not of Lapis."""
        name, module = what.__qualname__, what.__module__
        if module in ("__main__", "builtins") or not name.isidentifier():
            return self._named(what.__name__)
        self.imports.add(f"from {module} import {name}")
        return name

    def parts(self, entry: dict, obj: Any = None) -> tuple[str, list[str], str]:
        """An object as an expression in parts: up to the bracket, the arguments, the closing bracket.

        `obj` is the object where it is at hand.
        """
        try:
            obj = deserialize_keras_object(entry) if obj is None else obj
        except (ValueError, TypeError):
            name = self._named(entry["registered_name"] or entry["class_name"])
            return f"{name}.from_config(", [self.value(entry["config"])], ")"
        if isinstance(obj, dtype_policies.DTypePolicy) and not isinstance(obj, dtype_policies.DTypePolicyMap):
            return text(obj.name), [], ""
        cls, settings = type(obj), dict(entry["config"])
        settings = short_floats(settings) if issubclass(cls, Optimizer) else settings
        if settings.get("name") == cls.__name__ or given_name(settings.get("name"), cls.__name__) is None:
            settings.pop("name", None)
        short = self._short(cls, settings)
        if short is not None:
            return short, [], ""
        head = self.class_expression(cls)
        kept = self._without_defaults(cls, settings)
        if kept is None:
            return f"{head}.from_config(", [self.value(settings)], ")"
        first = [name for name in _required(cls) if name in kept]
        leading = first if first == _required(cls)[: len(first)] else []
        arguments = [self.value(kept[name]) for name in leading]
        order = [*inspect.signature(cls.__init__).parameters, *kept]
        order = sorted(set(kept) - set(leading), key=lambda name: (name in _ALWAYS, order.index(name)))
        arguments += [f"{name}={self.value(kept[name])}" for name in order]
        return f"{head}(", arguments, ")"

    def class_expression(self, cls: type) -> str:
        """How a class is written: through a namespace of Lapis, or by its own name."""
        for name, namespace in _NAMESPACES.items():
            if getattr(namespace, cls.__name__, None) is cls:
                self.used.add(name.partition(".")[0])
                return f"{name}.{cls.__name__}"
        return self.foreign(cls)

    def _short(self, cls: type, settings: dict) -> str | None:
        """The name alone of an object that has nothing but defaults."""
        name = to_snake_case(cls.__name__)
        for namespace in _SHORT:
            if getattr(_NAMESPACES[namespace], cls.__name__, None) is cls:
                try:
                    same = _NAMESPACES[namespace].get(name)
                except ValueError:
                    return None
                return text(name) if type(same) is cls and _same(same.get_config(), settings) else None
        return None

    def _without_defaults(self, cls: type, settings: dict) -> dict | None:
        """The arguments that a constructor needs to make the same; `None` where it cannot be called with them."""
        least = {name: settings[name] for name in _required(cls) if name in settings}
        usual = _config_of(cls, least)
        if usual is None:
            usual = {"trainable": True, "dtype": serialize_keras_object(dtype_policies.get(config.floatx()))}
        kept = {n: v for n, v in settings.items() if n in least or n not in usual or not _same(usual[n], v)}
        for _ in range(3):  # some defaults follow from other arguments
            made = _config_of(cls, kept)
            if made is None:
                break
            wrong = [n for n, v in settings.items() if n != "name" and (n not in made or not _same(made[n], v))]
            if not wrong:
                return {name: value for name, value in settings.items() if name in kept}
            kept.update((name, settings[name]) for name in wrong)
        return kept if _has_nameless(settings) else None


def _config_of(cls: Any, arguments: dict) -> dict | None:
    """What an object made with the arguments has as its config; `None` where none can be made."""
    known = {"name": "probe", **arguments} if "name" not in arguments and _takes_name(cls) else arguments
    try:
        made = cls(**{name: deserialize_keras_object(value) for name, value in known.items()})
        found = serialize_keras_object(made.get_config())
        return short_floats(found) if isinstance(made, Optimizer) else found
    except Exception:  # a class of the user's may raise anything
        return None


def _takes_name(cls: Any) -> bool:
    parameters = inspect.signature(cls.__init__).parameters.values()
    return any(p.name == "name" or p.kind is p.VAR_KEYWORD for p in parameters)


def _required(cls: Any) -> list[str]:
    """The parameters of a constructor that have no defaults, in order."""
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    return [p.name for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]


def short_floats(value: Any) -> Any:
    """Numbers kept in 32 bits with as many digits as say which they are."""
    if isinstance(value, dict):
        return {key: short_floats(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(short_floats(item) for item in value)
    return float(str(np.float32(value))) if isinstance(value, float) and float(np.float32(value)) == value else value


def _same(a: Any, b: Any) -> bool:
    return repr(described(_listed(a))) == repr(described(_listed(b)))


def _listed(value: Any) -> Any:
    """Tuples as lists, dicts in order of their keys."""
    if isinstance(value, dict):
        return {key: _listed(value[key]) for key in sorted(value, key=str)}
    return [_listed(item) for item in value] if isinstance(value, (list, tuple)) else value


def _has_nameless(value: Any) -> bool:
    if isinstance(value, dict):
        return value.get("class_name") in ("__lambda__", "function") or any(map(_has_nameless, value.values()))
    return isinstance(value, (list, tuple)) and any(map(_has_nameless, value))


def text(value: str) -> str:
    """A string in double quotes where that needs no escapes."""
    plain = repr(value)
    return f'"{value}"' if plain == f"'{value}'" and '"' not in value else plain


def identifier(name: str, taken: set[str]) -> str:
    """A name for a variable, made from another name, that is not taken yet."""
    base = re.sub(r"\W", "_", name)
    base = f"_{base}" if not base or base[0].isdigit() else base
    base = f"{base}_" if keyword.iskeyword(base) else base
    made, count = base, 1
    while made in taken:
        count += 1
        made = f"{base}_{count}"
    taken.add(made)
    return made
