"""The shape of the package, read from its source: floors, cycles, local imports, where JAX may be imported."""

import ast
import pathlib
from collections.abc import Iterator

import pytest

PACKAGE = pathlib.Path(__file__).parent.parent / "lapis"
# From the ground up: a module imports from its own package and from floors below it in the building, above it here.
FLOORS = (
    ("core",),
    ("graph",),
    ("kernels",),
    ("ops",),
    ("state",),
    ("random",),
    ("initializers", "regularizers", "constraints", "activations", "quantizers"),
    ("layers",),
    ("losses",),
    ("metrics",),
    ("optimizers",),
    ("data",),
    ("callbacks",),
    ("training",),
    ("saving",),
    ("distribution",),
    ("export",),
    ("view",),
    ("surgery",),
    ("models",),
    ("utils",),
    ("legacy", "preprocessing"),
    ("distillation", "wrappers"),
    ("datasets",),
    ("applications",),
    ("compat",),
    ("cli",),
)
FLOOR_OF = {name: floor for floor, names in enumerate(FLOORS) for name in names}
JAX_ZONE = {"graph", "kernels", "ops", "random", "state", "optimizers", "training", "distribution", "export"}
FOREIGN = {"tensorflow", "torch", "keras", "tf_keras"}
# The modules beside the packages are faces: they may import any floor, and only the top package imports them.
FACES = {path.stem for path in PACKAGE.glob("*.py")}
SOURCES = sorted(PACKAGE.rglob("*.py"))


def _place(path: pathlib.Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[0]


def _imports(tree: ast.AST) -> Iterator[tuple[str, ast.stmt]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative import"
            if node.module != "lapis":
                yield node.module or "", node
            else:
                yield from ((f"lapis.{alias.name}", node) for alias in node.names)


def _type_checking(tree: ast.AST) -> set[ast.stmt]:
    found: set[ast.stmt] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            found.update(child for child in ast.walk(node) if isinstance(child, ast.stmt))
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports(path: pathlib.Path) -> None:
    tree = ast.parse(path.read_text())
    place = _place(path)
    only_types = _type_checking(tree)
    top = set(tree.body)
    for name, node in _imports(tree):
        root, *rest = name.split(".")
        where = f"{path.relative_to(PACKAGE)}:{node.lineno}: {name}"
        assert root not in FOREIGN or place == "compat", where
        if root == "jax" or root == "jaxlib":
            assert place in JAX_ZONE or place in FACES, f"{where}: JAX outside its zone"
        if root != "lapis" or node in only_types:
            continue
        nested = node not in top and not any(isinstance(t, (ast.If, ast.Try)) and node in ast.walk(t) for t in top)
        assert not nested, f"{where}: import inside a function"
        if place in FACES or path == PACKAGE / "__init__.py":
            continue
        assert rest, f"{where}: imports the whole package"
        target = rest[0]
        if target == place:
            continue
        assert target in FLOOR_OF, f"{where}: no floor has this name"
        assert FLOOR_OF[target] < FLOOR_OF[place], f"{where}: {place} may not import {target}"


def test_every_package_has_a_floor() -> None:
    packages = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert packages <= set(FLOOR_OF), packages - set(FLOOR_OF)


def test_no_cycles() -> None:
    """Modules import one another in one direction; a package's `__init__` may gather what is below it."""
    modules = {_module(path): path for path in SOURCES}
    graph = {}
    for name, path in modules.items():
        tree = ast.parse(path.read_text())
        only_types = _type_checking(tree)
        wanted = {target for target, node in _imports(tree) if node not in only_types}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node not in only_types and node.module:
                wanted |= {f"{node.module}.{alias.name}" for alias in node.names}
        graph[name] = {w for w in wanted if w in modules and not name.startswith(f"{w}.")} - {name}
    state: dict[str, int] = {}

    def visit(name: str, trail: tuple[str, ...]) -> None:
        state[name] = 1
        for target in graph[name]:
            assert state.get(target) != 1, f"import cycle: {' -> '.join((*trail, name, target))}"
            if target not in state:
                visit(target, (*trail, name))
        state[name] = 2

    for name in graph:
        if name not in state:
            visit(name, ())


def _module(path: pathlib.Path) -> str:
    parts = ("lapis", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_size(path: pathlib.Path) -> None:
    lines = path.read_text().count("\n")
    assert lines <= 500 or path.name == "__init__.py", f"{path.name} has {lines} lines; split it"


def test_nothing_that_executes_files() -> None:
    """No pickle, marshal, YAML or eval anywhere."""
    banned = {"pickle", "marshal", "yaml", "dill", "cloudpickle", "shelve"}
    for path in SOURCES:
        tree = ast.parse(path.read_text())
        for name, node in _imports(tree):
            assert name.split(".")[0] not in banned, f"{path}:{node.lineno}: {name}"
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "__import__"), f"{path}:{node.lineno}: {node.func.id}"
                assert node.func.id != "exec" or _place(path) == "cli", f"{path}:{node.lineno}: exec"
