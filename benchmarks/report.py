"""From the children's lines to medians, ratios and a Markdown report."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.peers import PEERS
from benchmarks.works import TRAINED

OURS = "lapis"
CALM = 0.25  # cores kept busy by other processes, beyond which a run is not counted where a calmer one is there


@dataclass(frozen=True)
class Row:
    """One line of the report: which figure of which work, and how it is written."""

    title: str
    work: str
    figure: str
    unit: str
    scale: float

    @property
    def name(self) -> str:
        """A short name for the row."""
        return f"{self.work}/{self.figure}"


SECTIONS: dict[str, tuple[Row, ...]] = {
    "Training, milliseconds a step": tuple(Row(w.title, w.name, "step", "ms", 1e3) for w in TRAINED.values()),
    "Inference": tuple(
        Row(f"{title}, {what}", work, figure, unit, scale)
        for work, title in (("mlp", "MLP"), ("toy_resnet", "toy ResNet"))
        for figure, what, unit, scale in (
            ("evaluate", "`evaluate`, 1,000 rows", "ms", 1e3),
            ("predict", "`predict`, 1,000 rows", "ms", 1e3),
            ("predict_row", "`predict`, one row", "µs", 1e6),
            ("call_row", "`model(x)`, one row", "µs", 1e6),
        )
    ),
    "Waiting, seconds": (
        Row("import", "start_mlp/warm", "import", "s", 1),
        Row("MLP, from start of process to first step, empty caches", "start_mlp/cold", "start", "s", 1),
        Row("MLP, the same with caches on disk", "start_mlp/warm", "start", "s", 1),
        Row("MLP, imports aside, empty caches", "start_mlp/cold", "first_step", "s", 1),
        Row("MLP, imports aside, with caches on disk", "start_mlp/warm", "first_step", "s", 1),
        Row("toy ResNet, imports aside, empty caches", "start_toy_resnet/cold", "first_step", "s", 1),
        Row("toy ResNet, imports aside, with caches on disk", "start_toy_resnet/warm", "first_step", "s", 1),
        Row("MLP again in the same process, one epoch", "mlp", "rebuild", "s", 1),
        Row("toy ResNet again in the same process, one epoch", "toy_resnet", "rebuild", "s", 1),
        Row("ResNet-50 at 224x224, built with weights", "build_resnet50", "build", "s", 1),
        *(Row(f"{w.title}: build and first epoch", w.name, "first_epoch", "s", 1) for w in TRAINED.values()),
    ),
    "Peak memory, MB": (
        *(Row(w.title, w.name, "peak", "MB", 1e-6) for w in TRAINED.values()),
        Row("ResNet-50 at 224x224, built", "build_resnet50", "peak", "MB", 1e-6),
    ),
}


@dataclass(frozen=True)
class Cell:
    """A peer's median and how many runs it is of, or why there is none; disturbed where no run was calm."""

    value: float | None
    count: int = 0
    error: str = ""
    disturbed: bool = False


@dataclass(frozen=True)
class Result:
    """A row with a cell for each peer."""

    row: Row
    cells: dict[str, Cell]

    @property
    def ours(self) -> float | None:
        """Lapis's figure."""
        return self.cells[OURS].value if OURS in self.cells else None

    @property
    def best_peer(self) -> str | None:
        """The fastest peer other than Lapis."""
        values = {name: c.value for name, c in self.cells.items() if name != OURS and c.value is not None}
        return min(values, key=lambda name: values[name]) if values else None

    def ratio(self, peer: str) -> float | None:
        """How many times Lapis's figure the peer's is: above one, Lapis is ahead."""
        cell = self.cells.get(peer)
        if self.ours is None or cell is None or cell.value is None:
            return None
        return cell.value / self.ours

    @property
    def lead(self) -> float | None:
        """The ratio against the best peer."""
        return self.ratio(self.best_peer) if self.best_peer else None


def cell(lines: Sequence[dict[str, Any]], figure: str) -> Cell:
    """The median of a figure over a peer's calm runs, of all where none was; its last error where no run has it."""
    having = [line for line in lines if figure in line.get("figures", {})]
    calm = [line for line in having if (line.get("busy_elsewhere") or 0) <= CALM]
    values = [line["figures"][figure] for line in calm or having]
    if values:
        return Cell(statistics.median(values), len(values), disturbed=not calm)
    errors = [line["error"] for line in lines if "error" in line]
    return Cell(None, 0, errors[-1] if errors else "")


def results(lines: Iterable[dict[str, Any]]) -> dict[str, list[Result]]:
    """Sections of rows that at least one peer has something to say about."""
    by: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for line in lines:
        by.setdefault((line["peer"], line["work"]), []).append(line)
    peers = [peer for peer in PEERS if any(key[0] == peer for key in by)]
    sections = {}
    for title, rows in SECTIONS.items():
        found = []
        for row in rows:
            cells = {peer: cell(by[peer, row.work], row.figure) for peer in peers if (peer, row.work) in by}
            if any(c.value is not None for c in cells.values()):
                found.append(Result(row, cells))
        if found:
            sections[title] = found
    return sections


def number(value: float) -> str:
    """Three figures that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _text(result: Result, peer: str) -> str:
    found = result.cells.get(peer)
    if found is None:
        return ""
    if found.value is None:
        return "failed" if found.error else ""
    text = ("~" if found.disturbed else "") + number(found.value * result.row.scale)
    ratio = result.ratio(peer)
    return text if peer == OURS or ratio is None else f"{text} ({ratio:.2f}x)"


def _verdict(result: Result) -> str:
    if result.ours is None:
        return "no figure for Lapis"
    lead, best = result.lead, result.best_peer
    if lead is None or best is None:
        return ""
    return f"{lead:.2f}x {PEERS[best].title}" if lead >= 1 else f"**behind** {PEERS[best].title}, {lead:.2f}x"


def table(found: Sequence[Result]) -> list[str]:
    """A Markdown table of one section."""
    peers = [peer for peer in PEERS if any(peer in result.cells for result in found)]
    head = ["", *(PEERS[peer].title for peer in peers), "Lapis against the best"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for result in found:
        title = result.row.title + ("" if result.row.unit in ("s", "MB") else f", {result.row.unit}")
        texts = [title, *(_text(result, peer) for peer in peers), _verdict(result)]
        lines.append("| " + " | ".join(texts) + " |")
    return lines


def behind(sections: dict[str, list[Result]]) -> list[str]:
    """A line for each row on which Lapis is not ahead of every peer."""
    lines = []
    for title, found in sections.items():
        for result in found:
            if result.ours is None:
                error = result.cells[OURS].error if OURS in result.cells else "not run"
                lines.append(f"- {title}: {result.row.title}: no figure for Lapis ({error})")
            elif result.lead is not None and result.lead < 1:
                lines.append(f"- {title}: {result.row.title}: {_verdict(result).replace('**', '')}")
    return lines


# Why another library may be ahead, by the beginning of a section's title.
_REASONS = {
    "Training": "What bounds a step, and which ways to shorten it were tried: `docs/performance.md`.",
    "Inference": "A call passes JAX's dispatch and the loop that serves any number of batches, some ten microseconds "
    "that only the smallest models show.",
    "Waiting": "An eager library compiles nothing before its first step; a compiled one does it once for a model, and "
    "with a cache on disk once for a machine.",
    "Peak memory": "XLA's compiler works in the same process, and a program holds the memory planned for its largest "
    "moment as long as it runs.",
}


def _why(late: list[str]) -> list[str]:
    """The reasons for the sections in which Lapis is behind."""
    return [
        f"{start}: {reason}"
        for start, reason in _REASONS.items()
        if any(line.startswith(f"- {start}") for line in late)
    ]


def _limits(sections: dict[str, list[Result]], document: dict[str, Any]) -> list[str]:
    """Training steps as a fraction of what this machine's matrix rate allows."""
    rate = document.get("limits", {}).get("matrix", {}).get(document["settings"]["dtype"], {}).get("all")
    work = document.get("flops", {})
    found = [r for rows in sections.values() for r in rows if r.row.figure == "step" and r.row.work in work]
    if not rate or not found:
        return []
    lines = [
        "## Fraction of the arithmetic limit",
        "",
        f"Multiplications and additions of a step over the matrix rate, {rate / 1e9:.0f} GFLOP/s.",
        "",
        "| | GFLOP a step | limit, ms | Lapis | best peer |",
        "| --- | --- | --- | --- | --- |",
    ]
    for result in found:
        limit = work[result.row.work] / rate
        texts = [result.row.title, f"{work[result.row.work] / 1e9:.3g}", number(limit * 1e3)]
        texts.append("" if result.ours is None else f"{limit / result.ours:.0%}")
        best = result.best_peer
        value = result.cells[best].value if best else None
        texts.append(f"{limit / value:.0%} {PEERS[best].title}" if best and value else "")
        lines.append("| " + " | ".join(texts) + " |")
    return [*lines, ""]


def _machine(document: dict[str, Any]) -> list[str]:
    machine, lines = document["machine"], document["lines"]
    loads = [line["load"] for line in lines]
    settings = document["settings"]
    text = [
        f"{machine['cpu']}, {machine['cores']} cores, {', '.join(machine['features']) or 'no vector features known'}; "
        f"{machine['memory_gb']:.0f} GB; {machine['system']}; Python {machine['python']}.",
    ]
    if loads:
        text.append(
            f"Load average before each child: {min(loads):.2f} to {max(loads):.2f}, "
            f"median {statistics.median(loads):.2f}."
        )
    others = [line["busy_elsewhere"] for line in lines if line.get("busy_elsewhere") is not None]
    if others:
        text.append(
            f"Cores that other processes kept busy: median {statistics.median(others):.2f}, {max(others):.2f} at most."
        )
    limits = document.get("limits")
    if limits:
        for dtype, rates in limits["matrix"].items():
            rate = ", ".join(f"{value / 1e9:.0f} on {name}" for name, value in rates.items())
            text.append(f"Matrix products, {dtype}: GFLOP/s {rate}.")
        for kind, rates in limits["bandwidth"].items():
            rate = ", ".join(f"{value / 1e9:.1f} on {name}" for name, value in rates.items())
            text.append(f"Memory, {kind}: GB/s {rate}.")
    quick = ", quick" if settings["quick"] else ""
    text.append(f"{settings['device']}, {settings['dtype']}, batches times {settings['batch_factor']}{quick}.")
    versions = {line["peer"]: line["version"] for line in lines if "version" in line}
    text.append("Versions: " + ", ".join(f"{PEERS[p].title} {v}" for p, v in versions.items() if p in PEERS) + ".")
    sources = {line["work"]: line["data"] for line in lines if line.get("data")}
    text.append("Data: " + ", ".join(f"{work} {source}" for work, source in sources.items()) + ".")
    return text


def markdown(document: dict[str, Any], chart: str = "") -> str:
    """The whole report."""
    sections = results(document["lines"])
    rows = [result for found in sections.values() for result in found]
    late = behind(sections)
    text = [f"# Benchmarks, {document['date']}", "", *(f"{line}  " for line in _machine(document)), ""]
    text += [
        f"Medians of {document['settings']['rounds']} interleaved rounds, each in a process of its own that finds no "
        "cache on disk (unless the row says so); lower is better. In brackets, how many times Lapis's figure. "
        f"~: other processes kept more than {CALM} cores busy beside every run; otherwise such runs do not count.",
        "",
        f"**Lapis is ahead of every peer on {len(rows) - len(late)} of {len(rows)} rows.**",
        "",
    ]
    if chart:
        text += [f"![Training steps against Lapis]({chart})", ""]
    for title, found in sections.items():
        text += [f"## {title}", "", *table(found), ""]
    text += _limits(sections, document)
    if late:
        text += ["## Where Lapis is not ahead, and why", "", *late, ""]
        text += [line for reason in _why(late) for line in (reason, "")]
    errors = {
        f"- {PEERS[line['peer']].title}, {line['work']}: {line['error']}"
        for line in document["lines"]
        if "error" in line
    }
    if errors:
        text += ["## Failures", "", *sorted(errors), ""]
    return "\n".join(text)
