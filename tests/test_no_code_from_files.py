"""Nothing in the package can turn data into code: no pickles, marshalled code, YAML, or evaluated text."""

import ast
import pathlib
from collections.abc import Iterator

import pytest

PACKAGE = pathlib.Path(__file__).parent.parent / "lapis"
MODULES = {"pickle", "cPickle", "_pickle", "pickletools", "dill", "cloudpickle", "joblib", "marshal", "shelve", "yaml"}
MODULES |= {"ruamel", "codeop", "runpy", "imp"}
CALLS = {"eval", "exec", "compile", "__import__", "importlib.import_module", "import_module"}
# A table of our own names is imported by name; `lapis run` runs the user's own program.
ALLOWED = {
    "compat/aliases.py": {"importlib.import_module()"},
    "wrappers/__init__.py": {"importlib.import_module()"},
    "cli/run.py": {"compile()", "exec()"},
}


def offences(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = ast.unparse(node.func)
            if function.removeprefix("builtins.") in CALLS:
                yield f"{function}()"
            if any(word.arg == "allow_pickle" and ast.unparse(word.value) != "False" for word in node.keywords):
                yield "allow_pickle"
        elif isinstance(node, ast.Import):
            yield from (f"import {alias.name}" for alias in node.names if alias.name.split(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in MODULES:
            yield f"import {node.module}"


def found() -> dict[str, set[str]]:
    by_file = {path.relative_to(PACKAGE).as_posix(): path.read_text() for path in PACKAGE.rglob("*.py")}
    by_file = {name: set(offences(ast.parse(text))) for name, text in by_file.items()}
    return {name: lines for name, lines in by_file.items() if lines}


def test_the_package_evaluates_nothing():
    assert found() == ALLOWED


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "from yaml import safe_load",
        "import marshal as m",
        "def f():\n    import dill.source",
        "eval('1')",
        "exec(x)",
        "builtins.exec(x)",
        "compile(x, '', 'exec')",
        "__import__('os')",
        "importlib.import_module(name)",
        "np.load(f, allow_pickle=True)",
        "np.lib.format.read_array(f, allow_pickle=x)",
    ],
)
def test_the_search_finds(text):
    assert len(list(offences(ast.parse(text)))) >= 1


@pytest.mark.parametrize("text", ["model.compile()", "re.compile('x')", "'exec(x)'  # pickle", "np.load(f)"])
def test_the_search_lets_pass(text):
    assert list(offences(ast.parse(text))) == []
