"""A model's graph in the DOT language, for programs that read it."""

from collections.abc import Callable, Iterator

from lapis.view.card import HUES, Card
from lapis.view.outline import Item, Outline


def to_dot(name: str, outline: Outline, card: Callable[[Item], Card], rankdir: str, splines: str) -> str:
    """DOT text of the whole graph."""
    rows = [
        f"digraph {quoted(name)} {{",
        f"  graph [rankdir={rankdir}, splines={splines}];",
        '  node [shape=box, style="rounded,filled", fontname="Helvetica"];',
    ]
    rows += content(outline, card, "n", "  ")
    return "\n".join([*rows, "}"]) + "\n"


def content(outline: Outline, card: Callable[[Item], Card], prefix: str, indent: str) -> Iterator[str]:
    """Boxes, frames and arrows of one model."""
    for i, item in enumerate(outline.items):
        key = f"{prefix}{i}"
        if item.inner is None:
            yield f"{indent}{key} [{attributes(card(item))}];"
            continue
        yield f"{indent}subgraph cluster_{key} {{"
        yield f"{indent}  label={quoted(item.layer.name)};"
        yield from content(item.inner, card, f"{key}_", indent + "  ")
        yield f"{indent}}}"
    for link in outline.links:
        for source in leaves(outline, prefix, link.source, link.source_port, outgoing=True):
            for target in leaves(outline, prefix, link.target, link.target_port, outgoing=False):
                yield f"{indent}{source} -> {target};"


def leaves(outline: Outline, prefix: str, i: int, port: int, outgoing: bool) -> Iterator[str]:
    """The boxes in which an arrow at item `i` starts or ends: inside it, where it is an opened model."""
    inner = outline.items[i].inner
    if inner is None:
        yield f"{prefix}{i}"
        return
    ends = [inner.exits[port]] if outgoing else inner.entries[port]
    for end in ends:
        if end is not None:
            yield from leaves(inner, f"{prefix}{i}_", *end, outgoing)


def attributes(card: Card) -> str:
    fill, border, _ = HUES[card.family]
    rows = [" ".join("->" if word.text is None else word.text for word in row) for row in card.rows]
    return f'label={quoted(chr(10).join(rows))}, fillcolor="{fill}", color="{border}"'


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
