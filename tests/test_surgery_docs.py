"""The programs of `docs/surgery.md`, run in order."""

import pathlib
import re

import lapis

PAGE = pathlib.Path(__file__).parent.parent / "docs" / "surgery.md"


def test_the_programs_run() -> None:
    programs = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    assert len(programs) >= 6
    lapis.utils.set_random_seed(0)
    scope: dict = {}
    for program in programs:
        exec(program, scope)
