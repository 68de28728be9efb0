"""`keras` and `tensorflow` as names of Lapis, for as long as a context lasts."""

import contextlib
import importlib
import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Iterator, Sequence

_TENSORFLOW = "lapis.compat.tensorflow"
_ROOTS = ("keras", "tensorflow")
_NO_MODULE = "{name} is not part of what Lapis offers in the place of {root}: there is no {target}."


def _target(name: str) -> str:
    """The module of ours that a name stands for: `keras.layers` is `lapis.layers`."""
    root, _, rest = name.partition(".")
    if root == "tensorflow":
        inner, _, deeper = rest.partition(".")
        root, rest = ("lapis", deeper) if inner == "keras" else (_TENSORFLOW, rest)
    else:
        root = "lapis"
    return f"{root}.{rest}" if rest else root


def _find(name: str) -> types.ModuleType:
    target = _target(name)
    try:
        return importlib.import_module(target)
    except ModuleNotFoundError as error:
        if error.name is None or not target.startswith(error.name):
            raise  # something that the module itself needs
    # A namespace may hang on its parent under another name than its file's.
    parent, _, leaf = target.rpartition(".")
    found = getattr(sys.modules.get(parent), leaf, None)
    if not isinstance(found, types.ModuleType):
        raise ModuleNotFoundError(_NO_MODULE.format(name=name, root=name.partition(".")[0], target=target), name=name)
    return found


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds `keras`, `tensorflow` and what is below them among our modules."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname.partition(".")[0] not in _ROOTS:
            return None
        return importlib.machinery.ModuleSpec(fullname, self)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        module = _find(spec.name)
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        # The import system has given our module the alias's spec; it keeps its own.
        spec = module.__spec__
        if spec is not None and spec.loader is self:
            module.__spec__ = spec.loader_state


def _is_alias(name: str) -> bool:
    return name.partition(".")[0] in _ROOTS


@contextlib.contextmanager
def aliases() -> Iterator[None]:
    """While it lasts, `import keras`, `import tensorflow` and `import tensorflow.keras.layers` give Lapis.

    Whatever those names meant before is put back afterwards.

    >>> with aliases():
    ...     from tensorflow.keras.layers import Dense
    >>> Dense.__module__.startswith("lapis.")
    True
    """
    finder = _Finder()
    before = {name: sys.modules.pop(name) for name in list(sys.modules) if _is_alias(name)}
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if _is_alias(name)]:
            del sys.modules[name]
        sys.modules.update(before)
