"""Programs as users write them, checked by pyright: right ones are clean, wrong ones have exactly the marked errors."""

import json
import pathlib
import re
import subprocess
import sys

import pytest

PROGRAMS = pathlib.Path(__file__).parent / "typing"
_MARK = re.compile(r"# error: (\w+)$")


@pytest.fixture(scope="module")
def found() -> dict[str, list[tuple[int, str]]]:
    """The line and rule of each error by file, from one run for all."""
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, "-p", str(PROGRAMS)]
    report = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=1200).stdout)
    assert report["summary"]["filesAnalyzed"] >= len(list(PROGRAMS.glob("*.py")))
    errors: dict[str, list[tuple[int, str]]] = {}
    for one in report["generalDiagnostics"]:
        if one["severity"] == "error":
            place = one["range"]["start"]["line"] + 1, one.get("rule", one["message"])
            errors.setdefault(pathlib.Path(one["file"]).name, []).append(place)
    return errors


def test_there_are_right_and_wrong_ones() -> None:
    names = [path.name.partition("_")[0] for path in PROGRAMS.glob("*.py")]
    assert min(names.count("right"), names.count("wrong")) >= 10
    marks = [_MARK.search(line) for path in PROGRAMS.glob("right_*.py") for line in path.read_text().splitlines()]
    assert not any(marks)


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted(PROGRAMS.glob("*.py")), ids=lambda path: path.stem)
def test_errors_are_those_that_are_marked(path: pathlib.Path, found: dict[str, list[tuple[int, str]]]) -> None:
    marks = [(number, _MARK.search(line)) for number, line in enumerate(path.read_text().splitlines(), 1)]
    expected = [(number, mark[1]) for number, mark in marks if mark]
    assert sorted(set(found.get(path.name, []))) == expected
    assert bool(expected) == path.stem.startswith("wrong_")
