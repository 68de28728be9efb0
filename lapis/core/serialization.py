"""Objects as plain data and back. The registry below is the only list of what a config may build.

Nothing is imported or executed because a config names it: a `module` is compared with names that are known here.
"""

import copy
import inspect
import threading
import types
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

from lapis.core.dtypes import standardize_dtype
from lapis.core.naming import did_you_mean

_T = TypeVar("_T")

_BUILTINS: dict[tuple[str, str], Any] = {}  # ("keras.layers", "Dense") -> class
_BY_CLASS_NAME: dict[str, list[Any]] = {}
_FUNCTIONS: dict[str, Callable] = {}  # functions that configs name without a module
_REGISTERED: dict[str, Any] = {}  # "package>name" -> the user's object
_REGISTERED_NAMES: dict[Any, str] = {}
_scopes = threading.local()

_SHARED = "shared_object_id"
_LAMBDA_WRITTEN = (
    "The model holds a lambda. Its code is not written into the file, which therefore cannot be loaded. Use a named "
    "function that is decorated with `lapis.saving.register_keras_serializable()`."
)
PLAIN_TYPES = (str, int, float, bool, type(None))


def builtin(module: str, name: str | None = None, registered_name: str | None = None) -> Callable[[_T], _T]:
    """Put a class of ours in the registry under the module and name that Keras's files use for it."""

    def wrap(cls: _T) -> _T:
        class_name = name or cls.__name__  # pyright: ignore[reportAttributeAccessIssue]
        _BUILTINS[module, class_name] = cls
        _BY_CLASS_NAME.setdefault(class_name, []).append(cls)
        if cls.__dict__.get("_builtin") is None:  # a second decorator adds an alias for reading only
            cls._builtin = (module, class_name, registered_name)  # pyright: ignore[reportAttributeAccessIssue]
        return cls

    return wrap


def builtin_functions(functions: dict[str, Callable]) -> None:
    """Let configs name these functions."""
    _FUNCTIONS.update(functions)


def _scope_stack() -> list[dict]:
    if not hasattr(_scopes, "stack"):
        _scopes.stack = []
    return _scopes.stack


class CustomObjectScope:
    """Within the scope, configs may name the given classes and functions.

    >>> with CustomObjectScope({"twice": lambda x: 2 * x}):
    ...     get_registered_object("twice")(3)
    6
    """

    def __init__(self, custom_objects: dict | None) -> None:
        self.custom_objects = dict(custom_objects or {})

    def __enter__(self) -> "CustomObjectScope":
        _scope_stack().append(self.custom_objects)
        return self

    def __exit__(self, *_: Any) -> None:
        _scope_stack().pop()


custom_object_scope = CustomObjectScope


def get_custom_objects() -> dict:
    """The dict of objects that configs may name everywhere in the process; changing it takes effect."""
    return _REGISTERED


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[_T], _T]:
    """A decorator that lets files name the class or function, as `package>name`.

    A class needs a `get_config` method.

    >>> @register_keras_serializable("readme")
    ... def halve(x):
    ...     return x / 2
    >>> get_registered_name(halve)
    'readme>halve'
    """

    def wrap(obj: _T) -> _T:
        registered = f"{package}>{name or obj.__name__}"  # pyright: ignore[reportAttributeAccessIssue]
        if inspect.isclass(obj) and not hasattr(obj, "get_config"):
            raise ValueError(f"{obj.__name__} cannot be registered for saving: it has no get_config method.")
        _REGISTERED[registered] = obj
        _REGISTERED_NAMES[obj] = registered
        return obj

    return wrap


def get_registered_name(obj: Any) -> str:
    """The name an object was registered under, else its own name."""
    # A class may be made anew below the user's own, under its name, for models that become functional.
    same = [base for base in getattr(obj, "__mro__", (obj,)) if getattr(base, "__name__", None) == obj.__name__]
    try:
        return next((_REGISTERED_NAMES[base] for base in same if base in _REGISTERED_NAMES), obj.__name__)
    except TypeError:
        return obj.__name__


def is_known(cls: type) -> bool:
    """Whether configs may name the class everywhere: it is one of ours or has been registered."""
    return "_builtin" in cls.__dict__ or get_registered_name(cls) in _REGISTERED


def is_builtin_name(class_name: str) -> bool:
    """Whether a class of ours has that name."""
    return class_name in _BY_CLASS_NAME


def get_registered_object(name: str, custom_objects: dict | None = None, module_objects: dict | None = None) -> Any:
    """The user's object of that name: from the argument, the scopes, the registry; `None` if there is none."""
    for table in (custom_objects, *reversed(_scope_stack()), _REGISTERED, module_objects):
        if table and name in table:
            return table[name]
    return None


def _custom(names: Iterable[str | None], custom_objects: dict | None) -> Any:
    for name in names:
        if name is not None:
            found = get_registered_object(name, custom_objects)
            if found is not None:
                return found
    return None


def serialize_keras_object(obj: Any) -> Any:
    """The object as plain data that `deserialize_keras_object` and Keras 3 read."""
    if isinstance(obj, PLAIN_TYPES):
        return obj
    if isinstance(obj, (list, tuple)):
        items = [serialize_keras_object(item) for item in obj]
        return tuple(items) if isinstance(obj, tuple) else items
    if isinstance(obj, dict):
        return {key: serialize_keras_object(value) for key, value in obj.items()}
    if isinstance(obj, bytes):
        return _tagged("__bytes__", value=obj.decode("utf-8"))
    if obj is Ellipsis:
        return _tagged("__ellipsis__")
    if isinstance(obj, slice):
        start, stop, step = (serialize_keras_object(part) for part in (obj.start, obj.stop, obj.step))
        return _tagged("__slice__", start=start, stop=stop, step=step)
    if isinstance(obj, np.ndarray) and obj.ndim:
        return _tagged("__numpy__", value=obj.tolist(), dtype=obj.dtype.name)
    if isinstance(obj, (np.generic, np.ndarray)):
        return obj.item()
    if isinstance(obj, np.dtype):
        return obj.name
    if isinstance(obj, type) and issubclass(obj, np.generic):
        return np.dtype(obj).name
    if hasattr(obj, "_keras_history"):
        operation, *indices = obj._keras_history
        history = [operation.name, *indices]
        return _tagged("__keras_tensor__", shape=tuple(obj.shape), dtype=obj.dtype, keras_history=history)
    if hasattr(obj, "get_config") and not isinstance(obj, type):
        return _serialize_object(obj)
    if isinstance(obj, (types.FunctionType, types.BuiltinFunctionType)):
        return _serialize_function(obj)
    if hasattr(obj, "__array__") and hasattr(obj, "dtype"):
        return _tagged("__tensor__", value=np.asarray(obj).tolist(), dtype=str(obj.dtype))
    if hasattr(obj, "__wrapped__") or (hasattr(obj, "__name__") and callable(obj) and not isinstance(obj, type)):
        return _serialize_function(obj)
    raise TypeError(
        f"{obj!r} cannot be part of a config. Give its class a `get_config` method and a `from_config` class method, "
        "or override `get_config` of the object that holds it."
    )


def serialize_shared(obj: Any) -> Any:
    """As `serialize_keras_object`; what occurs in several places is marked for a `sharing_scope` to make once."""
    outer = getattr(_scopes, "written", None)
    _scopes.written = {}
    try:
        config = serialize_keras_object(obj)
    finally:
        _scopes.written = outer
    if any(entry.get("class_name") == "__lambda__" for entry in _entries(config)):
        warnings.warn(_LAMBDA_WRITTEN, stacklevel=5)
    counts: Counter[int] = Counter(entry[_SHARED] for entry in _entries(config) if _SHARED in entry)
    numbers = {marked: number for number, marked in enumerate((m for m, n in counts.items() if n > 1), start=1)}
    for entry in _entries(config):
        marked = entry.pop(_SHARED, None)
        if marked in numbers:
            entry[_SHARED] = numbers[marked]
    return config


@contextmanager
def sharing_scope() -> Iterator[None]:
    """Within the scope, objects that a config marks as one and the same are made once."""
    outer = getattr(_scopes, "read", None)
    _scopes.read = {}
    try:
        yield
    finally:
        _scopes.read = outer


def _entries(config: Any) -> Iterator[dict]:
    stack = [config]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            yield value
            stack.extend(value.values())
        elif isinstance(value, (list, tuple)):
            stack.extend(value)


def _same(a: Any, b: Any) -> bool:
    """Whether two configs are equal, marks of sharing apart."""
    if isinstance(a, dict) and isinstance(b, dict):
        names = (a.keys() | b.keys()) - {_SHARED}
        return all(name in a and name in b and _same(a[name], b[name]) for name in names)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b))
    return a == b


def _tagged(tag: str, **config: Any) -> dict:
    return {"class_name": tag, "config": config}


def _serialize_function(fn: Any) -> dict:
    # Code is never written: the reader needs the function itself, registered or passed as a custom object.
    if fn.__name__ == "<lambda>":
        return _tagged("__lambda__", value=None)
    registered = _REGISTERED_NAMES.get(fn)
    return {
        "module": "builtins",
        "class_name": "function",
        "config": registered or fn.__name__,
        "registered_name": "function",
    }


def _serialize_object(obj: Any) -> dict:
    cls = type(obj)
    known = cls.__dict__.get("_builtin")
    if known is not None:
        module, class_name, registered_name = known
    else:
        module, class_name, registered_name = cls.__module__, cls.__name__, get_registered_name(cls)
        if module in ("builtins", "__main__"):
            module = None
    out = {
        "module": module,
        "class_name": class_name,
        "config": serialize_dict(obj.get_config()),
        "registered_name": registered_name,
    }
    for part in ("build", "compile"):
        getter = getattr(obj, f"get_{part}_config", None)
        if getter is not None:
            config = getter()
            if config is not None:
                out[f"{part}_config"] = serialize_dict(config)
    written = getattr(_scopes, "written", None)
    if written is not None and hasattr(type(obj), "variables"):  # of others' objects the property may fail
        written[id(obj)] = obj  # held, so that no other object can have its id meanwhile
        out[_SHARED] = id(obj)
    return out


def serialize_dict(config: dict) -> dict:
    """The dict with every value as plain data."""
    return {key: serialize_keras_object(value) for key, value in config.items()}


def deserialize_keras_object(
    config: Any, custom_objects: dict | None = None, safe_mode: bool | None = True, **_: Any
) -> Any:
    """The object that plain data describes.

    Classes come from Lapis, from `custom_objects`, from an enclosing `custom_object_scope`, or from
    `register_keras_serializable`; a config that names anything else raises `ValueError`. A Lambda's code is never run.
    """
    if isinstance(config, PLAIN_TYPES):
        return config
    if isinstance(config, (list, tuple)):
        return type(config)(deserialize_keras_object(item, custom_objects, safe_mode) for item in config)
    if not isinstance(config, dict):
        raise TypeError(f"A config is made of dicts, lists and plain values; got {config!r}.")
    if "class_name" not in config or "config" not in config:
        return {key: deserialize_keras_object(value, custom_objects, safe_mode) for key, value in config.items()}
    class_name, inner = config["class_name"], config["config"]
    if not isinstance(class_name, str):
        raise TypeError(f"A config's class_name must be a string; got {class_name!r}.")
    if class_name.startswith("__"):
        return _deserialize_tagged(class_name, inner)
    if class_name == "function":
        return _find_function(config, custom_objects)
    made = getattr(_scopes, "read", None)
    mark = config.get(_SHARED)
    if made is not None and mark in made:
        # Keras marks with memory addresses, which unlike objects may have had one after the other.
        earlier, instance = made[mark]
        if earlier["class_name"] == class_name and _same(earlier["config"], inner):
            return instance
    cls = _find_class(config, custom_objects)
    if not hasattr(cls, "from_config"):
        raise TypeError(f"{cls!r} cannot be built from a config: it has no from_config class method.")
    kept = None if made is None or mark is None else copy.deepcopy(config)  # a `from_config` may empty its dict
    with CustomObjectScope(custom_objects):
        instance = cls.from_config(inner)
        if config.get("build_config") and hasattr(instance, "build_from_config"):
            instance.build_from_config(config["build_config"])
        if config.get("compile_config") and hasattr(instance, "compile_from_config"):
            instance.compile_from_config(config["compile_config"])
    if made is not None and kept is not None:
        made[mark] = kept, instance
    return instance


def _deserialize_tagged(tag: str, config: Any) -> Any:
    if tag == "__bytes__":
        return config["value"].encode("utf-8")
    if tag == "__ellipsis__":
        return Ellipsis
    if tag == "__slice__":
        return slice(*(deserialize_keras_object(config[part]) for part in ("start", "stop", "step")))
    if tag in ("__numpy__", "__tensor__"):
        return np.asarray(config["value"], dtype=standardize_dtype(config["dtype"]))
    if tag == "__lambda__":
        raise ValueError(
            "The config holds a Lambda's code, and code in a file is never run. Write the function as a named one, "
            "decorate it with `lapis.saving.register_keras_serializable()`, and save the model again."
        )
    raise ValueError(f"The config holds {tag!r}, which has no meaning here.")


def _find_function(config: dict, custom_objects: dict | None, table: dict | None = None) -> Any:
    name = config["config"]
    found = _custom((name, config.get("registered_name")), custom_objects) if isinstance(name, str) else None
    for known in (table, _FUNCTIONS):
        found = found or (known or {}).get(name)
    if found is None:
        raise ValueError(
            f"The config names a function {name!r} that is not known here. Pass it in `custom_objects`, or register it "
            "with `lapis.saving.register_keras_serializable()`."
        )
    return found


def _find_class(config: dict, custom_objects: dict | None) -> Any:
    module, class_name = config.get("module"), config["class_name"]
    registered_name = config.get("registered_name")
    ours = isinstance(module, str) and (module == "keras" or module.startswith("keras."))
    if ours:
        found = _BUILTINS.get((str(module), class_name))
        if found is not None:
            return found
    found = _custom((registered_name, class_name), custom_objects)
    if found is not None:
        return found
    candidates = _BY_CLASS_NAME.get(class_name, ())
    if candidates and (ours or module is None):
        # Keras has moved classes about; a loss and a metric of one name stay in modules of these names.
        parts = set(str(module).split(".")) - {"keras", "src"}
        return next((cls for cls in candidates if parts.intersection(cls._builtin[0].split("."))), candidates[0])
    label = f"{module}.{class_name}" if module else class_name
    raise ValueError(
        f"The config names a class {label!r} (registered as {registered_name!r}) that is not known here. Pass it in "
        "`custom_objects`, or register it with `lapis.saving.register_keras_serializable()`."
        + did_you_mean(class_name, _BY_CLASS_NAME)
    )


def _pass_it(kind: str) -> str:
    return f" Pass the {kind} itself, or register its class with `lapis.saving.register_keras_serializable()`."


def unknown_arguments(cls: type, unknown: Iterable[str]) -> str:
    """The end of an error's sentence for arguments that a class does not take."""
    written = [vars(one).get("__init__") for one in cls.__mro__]  # that of `object` has a signature that is parsed
    functions = [function for function in written if isinstance(function, types.FunctionType)]
    taken = [name for function in functions for name in inspect.signature(function).parameters]
    known = [name for name in dict.fromkeys(taken) if name not in ("self", "args", "kwargs")]
    suggestions = "".join(did_you_mean(name, known) for name in unknown)
    return f"{cls.__name__} got unknown arguments {sorted(unknown)}; it takes {', '.join(known)}.{suggestions}"


def resolve(identifier: Any, kind: str, table: dict[str, Any], base: type | None = None) -> Any:
    """What stands behind every `get`: an object from its name, class, config, or itself.

    `table` maps names to classes or functions; a class is instantiated. `base` is the class instances must have,
    `None` where any callable will do.
    """
    if identifier is None:
        return None
    if isinstance(identifier, dict):
        if identifier.get("class_name") == "function":
            found = _find_function(identifier, None, table)
        elif "module" not in identifier and identifier.get("class_name") in table:  # Keras 2 names no module
            found = table[identifier["class_name"]].from_config(identifier.get("config", {}))
        else:
            found = deserialize_keras_object(identifier)
    elif isinstance(identifier, str):
        found = table.get(identifier)  # a name alone is that of ours where we have one
        if found is None:
            found = _custom((identifier,), None)
        if found is None:
            raise ValueError(
                f"There is no {kind} named {identifier!r}.{did_you_mean(identifier, table) or _pass_it(kind)}"
            )
    else:
        found = identifier
    if isinstance(found, type):
        found = found()
    if (base is not None and isinstance(found, base)) or callable(found):
        return found
    raise ValueError(f"{identifier!r} is no {kind}; expected a name, a config, a callable or None.")
