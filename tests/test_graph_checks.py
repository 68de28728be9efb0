"""Checks about the graph and the settings: every mistake is named, and what is right is left in peace."""

import warnings

import pytest

from lapis.core.findings import CheckWarning
from lapis.training.checks import findings
from tests.rows.graph_mistakes import MISTAKES, RIGHT, Mistake, Right


@pytest.mark.parametrize("row", MISTAKES, ids=lambda row: row.label)
def test_a_mistake_is_named(row: Mistake) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CheckWarning)  # of lost masks, told as the graph is made
        subject = row.make()
    found = findings(subject)
    assert [(one.code, one.path) for one in found] == [(row.code, row.path)], "\n".join(map(str, found))
    assert all(one.source is None or "graph_mistakes.py:" in one.source for one in found)


@pytest.mark.parametrize("row", RIGHT, ids=lambda row: row.label)
def test_nothing_is_found_where_all_is_right(row: Right) -> None:
    assert findings(row.make()) == []
