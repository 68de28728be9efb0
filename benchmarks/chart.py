"""A bar chart as SVG: each training row's peers as multiples of Lapis."""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from benchmarks.peers import PEERS
from benchmarks.report import OURS, Result, number

COLOURS = ("#2f5fb3", "#e69f00", "#d55e00", "#cc79a7", "#009e73", "#56b4e9", "#999999", "#7a5195")
LEFT, WIDTH, BAR, MOST = 190, 640, 14, 6.0


def svg(results: Sequence[Result]) -> str:
    """Bars as long as the time over Lapis's, cut at six times, with the figure at each."""
    parts: list[str] = []
    y = 34
    for result in results:
        ours = result.ours
        if ours is None:
            continue
        parts.append(_label(8, y, result.row.title, bold=True))
        y += 8
        for colour, peer in zip(COLOURS, PEERS):
            found = result.cells.get(peer)
            if found is None or found.value is None:
                continue
            ratio = found.value / ours
            length = WIDTH * min(ratio, MOST) / MOST
            figure = f"{number(found.value * result.row.scale)} {result.row.unit}"
            note = figure if peer == OURS else f"{figure}, {ratio:.2f}x"
            parts.append(_label(8, y + BAR - 3, PEERS[peer].title))
            parts.append(f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR - 2}" fill="{colour}"/>')
            parts.append(_label(LEFT + length + 6, y + BAR - 3, note))
            y += BAR
        y += 24
    # The line at one is Lapis: bars that end left of it are faster.
    one = LEFT + WIDTH / MOST
    parts.append(f'<line x1="{one:.1f}" y1="24" x2="{one:.1f}" y2="{y - 20}" stroke="#888" stroke-dasharray="3 3"/>')
    width = LEFT + WIDTH + 140
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y}" viewBox="0 0 {width} {y}" '
        'font-family="sans-serif" font-size="11">'
    )
    title = _label(8, 16, "Time of a training step, lower is better", bold=True)
    return "\n".join([head, f'<rect width="{width}" height="{y}" fill="#fff"/>', title, *parts, "</svg>", ""])


def _label(x: float, y: float, text: str, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:.1f}" y="{y}"{weight}>{escape(text)}</text>'
