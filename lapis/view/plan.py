"""A plan of a model to look at: as a table, and as a chart."""

import shutil
from pathlib import Path
from typing import Any

from lapis.view.curve import GRID, INK, MARGIN, MUTED
from lapis.view.picture import save_image
from lapis.view.png import to_image
from lapis.view.summary import bold, escaped, readable
from lapis.view.surface import Line, Rect, Sheet, Text, text_width
from lapis.view.svg import to_svg

WIDTH = 132
FORWARD, BACKWARD, ACTIVATIONS, WEIGHTS = "#2b67b1", "#d9720f", "#3a8f5c", "#8a6fb3"
BAR, ROW, PANEL, GAP = 14.0, 24.0, 330.0, 90.0
MOST_BARS = 40


def plan_table(plan: Any, width: int | None = None) -> str:
    """The plan as a table with one row per layer, the totals and the memory below."""
    from rich.console import Console  # here, because it takes longer to import than the rest of the package
    from rich.table import Table

    width = width or max(min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns), 100)
    table = Table(width=width, box=None, pad_edge=False, header_style="bold")
    table.add_column("Layer (type)", overflow="fold", ratio=2)
    table.add_column("Output shape", overflow="fold", ratio=1)
    for heading in ("Params", "FLOPs fwd", "FLOPs bwd", "Activations", "Read", "Written"):
        table.add_column(heading, justify="right", no_wrap=True)
    total = plan.total
    for each in (*plan.layers, plan.rest, total):
        if each is plan.rest and not (each.flops or each.parameters):
            continue
        if each is total:
            table.add_section()
        name = f"{each.path} ({each.kind})" if each.path else each.kind
        shapes = ", ".join(map(str, each.output_shapes))
        figures = [
            f"{each.parameters:,}",
            counted(each.flops_forward),
            counted(each.flops_backward),
            readable(each.activation_bytes),
            readable(each.bytes_read),
            readable(each.bytes_written),
        ]
        table.add_row(*(bold(text) if each is total else text for text in (escaped(name), escaped(shapes), *figures)))
    console = Console(width=width, highlight=False, force_terminal=False, color_system=None)
    console.begin_capture()
    work = "a training step" if plan.training else "a prediction"
    console.print(bold(f'Plan of "{escaped(plan.model)}": {work} on {plan.batch_size} samples'))
    console.print(table)
    for line in below(plan):
        console.print(line)
    return console.end_capture().rstrip()


def below(plan: Any) -> list[str]:
    """The lines below the table."""
    lines = []
    memory = plan.memory
    if memory is not None:
        parts = ("state", "batches", "outputs", "temporary")
        listed = ", ".join(f"{name} {readable(getattr(memory, name))}" for name in parts)
        lines.append(f"Peak memory: {readable(memory.peak)} ({listed})")
    if plan.compiler:
        listed = ", ".join(f"{name} {counted(value)}" for name, value in plan.compiler.items())
        lines.append(f"The compiler's own figures, without native kernels: {listed}")
    return [*lines, *plan.notes]


def counted(number: float) -> str:
    """A count in thousands, millions and so on, with three figures.

    >>> counted(999), counted(1_234_567)
    ('999', '1.23 M')
    """
    for unit in ("", "K", "M", "G", "T", "P"):
        if number < 1000 or unit == "P":
            break
        number /= 1000
    digits = max(0, 2 - (number >= 10) - (number >= 100)) if unit else 0
    return f"{number:.{digits}f} {unit}".strip()


def plot_plan(plan: Any, to_file: str | Path = "plan.png", dpi: int = 200) -> None:
    """Draw two bars for each layer: operations, forward and backward, and bytes, of activations and weights.

    Of more than 40 layers, those with the most operations are drawn.

    Args:
        plan: what `Model.plan` returns.
        to_file: a `.png` or `.svg` file, or another kind of image that Pillow can write.
        dpi: pixels to the inch of a `.png`.

    Raises:
        ImportError: Pillow is not installed.
    """
    sheet = draw_plan(plan)
    path = Path(to_file)
    path = path if path.suffix else path.with_name(path.name + ".png")
    if path.suffix.lower() == ".svg":
        path.write_text(to_svg(sheet), encoding="utf-8")
    else:
        save_image(to_image(sheet, dpi), path, dpi)


def draw_plan(plan: Any) -> Sheet:
    """The bars as shapes on a sheet."""
    most = set(sorted(range(len(plan.layers)), key=lambda i: -plan.layers[i].flops)[:MOST_BARS])
    layers = [each for i, each in enumerate(plan.layers) if i in most]
    left = MARGIN + max([text_width(each.path, 12) for each in layers], default=0.0) + 12
    top = MARGIN + 66
    sheet = Sheet(left + 2 * (PANEL + GAP) + MARGIN, top + ROW * len(layers) + MARGIN, title="plan")
    work = "training step" if plan.training else "prediction"
    sheet.add(Text(MARGIN, MARGIN + 8, f"{plan.model}: {work} on {plan.batch_size} samples", 15, INK, bold=True))
    for i, each in enumerate(layers):
        sheet.add(Text(left - 12, top + (i + 0.5) * ROW, each.path, 12, INK, anchor="end"))
    operations = [(each.flops_forward, each.flops_backward) for each in layers]
    panel(sheet, left, top, (("forward", FORWARD), ("backward", BACKWARD)), operations, counted, "FLOPs")
    held = [(each.activation_bytes, each.parameter_bytes) for each in layers]
    names = (("activations", ACTIVATIONS), ("weights", WEIGHTS))
    panel(sheet, left + PANEL + GAP, top, names, held, readable, "memory")
    return sheet


def panel(
    sheet: Sheet, left: float, top: float, names: Any, values: list[tuple[int, int]], written: Any, title: str
) -> None:
    """Bars of two parts each, to one scale, with the sum behind each."""
    sheet.add(Text(left, top - 30, title, 13, INK, bold=True))
    at = left + text_width(title, 13, bold=True) + 20
    for name, hue in names:
        sheet.add(Rect(at, top - 35, 10, 10, hue), Text(at + 15, top - 30, name, 12, MUTED))
        at += 15 + text_width(name, 12) + 18
    sheet.add(Line(((left, top - 6), (left, top + ROW * len(values))), GRID, 1.0))
    largest = max([sum(parts) for parts in values], default=0) or 1
    for i, parts in enumerate(values):
        x, y = left, top + i * ROW + (ROW - BAR) / 2
        for size, (_, hue) in zip(parts, names, strict=True):
            width = PANEL * size / largest
            if width > 0:
                sheet.add(Rect(x, y, width, BAR, hue))
            x += width
        sheet.add(Text(x + 6, y + BAR / 2, written(sum(parts)), 11, MUTED))
