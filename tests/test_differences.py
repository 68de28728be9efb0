"""Every public name of Keras is here and takes Keras's parameters, but for what `docs/differences.md` lists."""

import inspect
import pathlib
import re
import types
from collections.abc import Iterator
from typing import Any

import keras
import pytest

import lapis

TABLE = pathlib.Path(__file__).parent.parent / "docs" / "differences.md"
# Whole namespaces that are still to come.
LATER = ("applications", "distribution", "export", "quantizers")


def _public(module: Any, path: str, seen: set[str]) -> Iterator[tuple[str, Any]]:
    """Keras's public names below a module, as `("layers.Dense", class)`."""
    for name in sorted(vars(module)):
        value = vars(module)[name]
        inner = f"{path}.{name}" if path else name
        if name.startswith("_") or inner in LATER or name == "src":
            continue
        if isinstance(value, types.ModuleType):
            if value.__name__ == f"keras.{inner}" and inner not in seen:
                seen.add(inner)
                yield from _public(value, inner, seen)
        else:
            yield inner, value


NAMES = dict(_public(keras, "", set()))


def _find(path: str) -> Any:
    found: Any = lapis
    for part in path.split("."):
        found = getattr(found, part)
    return found


def _parameters(function: Any) -> list[inspect.Parameter] | None:
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    return [parameter for parameter in found if parameter.name not in ("self", "cls")]


def _in_parameters(theirs: Any, ours: Any) -> list[str]:
    """How our parameters differ: by names that are missing, other defaults, another order."""
    wanted, have = _parameters(theirs), _parameters(ours)
    if wanted is None or have is None:
        return []
    by_name = {parameter.name: parameter for parameter in have}
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in have)
    wanted = [one for one in wanted if one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)]
    found = []
    for parameter in wanted:
        mine = by_name.get(parameter.name)
        if mine is None:
            found += [] if takes_any else [f"no parameter {parameter.name}"]
        elif _is_plain(parameter.default) and not _same(parameter.default, mine.default):
            found.append(f"{parameter.name}={mine.default!r}")
    shared = [parameter.name for parameter in wanted if parameter.name in by_name]
    ordered = [parameter.name for parameter in have if parameter.name in shared]
    return found + ([] if shared == ordered else ["order of parameters"])


def _is_plain(default: Any) -> bool:
    return isinstance(default, (bool, int, float, str, tuple, type(None)))


def _same(theirs: Any, ours: Any) -> bool:
    return theirs == ours or (isinstance(ours, list) and theirs == tuple(ours))


def _differences(path: str, theirs: Any) -> Iterator[str]:
    try:
        ours = _find(path)
    except AttributeError:
        yield "missing"
        return
    if not callable(theirs):
        return
    yield from _in_parameters(theirs, ours)
    if not inspect.isclass(theirs):
        return
    for name in dir(theirs):
        member = inspect.getattr_static(theirs, name)
        if name.startswith("_") or not _is_keras(theirs, name):
            continue
        if not hasattr(ours, name):
            yield f"no {name}"
        elif not isinstance(member, property) and callable(getattr(theirs, name)):
            yield from (f"{name}: {one}" for one in _in_parameters(getattr(theirs, name), getattr(ours, name)))


def _is_keras(cls: type, name: str) -> bool:
    """Whether a member is documented and Keras's own."""
    owner = next(base for base in cls.__mro__ if name in vars(base))
    member = vars(owner)[name]
    is_method = isinstance(member, (types.FunctionType, classmethod, staticmethod, property))
    return owner.__module__.startswith("keras.") and is_method and "keras_saveable" not in owner.__module__


def _tables() -> list[dict[str, set[str]]]:
    """The tables of the page, each as the words in code style of the second column, by the name in the first."""
    tables: list[dict[str, set[str]]] = []
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        cells = line.strip("| ").split(" | ")
        name = re.fullmatch(r"`keras\.([\w.]+)`", cells[0])
        if line.startswith("| name"):
            tables.append({})
        elif name:
            assert len(cells) == 3 and cells[2].endswith("."), f"a row needs a reason: {line}"
            tables[-1].setdefault(name[1], set()).update(re.findall(r"`([^`]+)`", cells[1]))
    return tables


DIFFERING, REFUSING, OTHERWISE = _tables()


@pytest.mark.parametrize("namespace", sorted({path.rpartition(".")[0] for path in NAMES}), ids=lambda n: n or "keras")
def test_names(namespace: str) -> None:
    differing = {}
    for path, theirs in NAMES.items():
        if path.rpartition(".")[0] == namespace:
            found = set(_differences(path, theirs))
            if found != DIFFERING.get(path, set()):
                differing[path] = found
    assert not differing


def test_tables_name_what_exists() -> None:
    for path in (*DIFFERING, *REFUSING, *OTHERWISE):
        _find(path)


def _quantized_layer() -> None:
    lapis.layers.Dense(1, dtype=lapis.dtype_policies.QuantizedDTypePolicy("int8", "float32"))


_USES = {
    "config.set_backend": (lambda: lapis.config.set_backend("torch"), ValueError, "JAX alone"),
    "config.enable_unsafe_deserialization": (lapis.config.enable_unsafe_deserialization, UserWarning, "never executes"),
    "Layer.quantize": (lambda: lapis.layers.Dense(1).quantize("int8"), NotImplementedError, "bfloat16"),
    "dtype_policies.QuantizedDTypePolicy": (_quantized_layer, NotImplementedError, "not quantized"),
    "Model.export": (lambda: lapis.Sequential().export("x"), NotImplementedError, "model.save"),
    "optimizers.legacy.SGD": (lambda: lapis.optimizers.legacy.SGD(), ImportError, "use optimizers.SGD"),
    "layers.TFSMLayer": (lambda: lapis.layers.TFSMLayer("x"), NotImplementedError, "load_model"),
    "layers.TorchModuleWrapper": (lambda: lapis.layers.TorchModuleWrapper(None), NotImplementedError, "JaxLayer"),
    "layers.Layer.add_metric": (lambda: lapis.layers.Dense(1).add_metric(), NotImplementedError, "update_state"),
}


@pytest.mark.parametrize("path", sorted(REFUSING))
def test_refusals_say_what_to_do(path: str) -> None:
    use, kind, words = _USES[path]
    with pytest.raises(kind, match=words):  # warnings are errors here
        use()
