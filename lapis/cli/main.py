"""The command line: `lapis run script.py [args]`, `lapis demo [folder]`, `lapis inspect file`, `lapis plan file`."""

import argparse
from collections.abc import Sequence

from lapis.cli.demo import demo
from lapis.cli.run import run_script
from lapis.core.version import VERSION
from lapis.saving import inspect, load_model


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that the arguments ask for; the process's exit code."""
    parser = argparse.ArgumentParser(prog="lapis", description="Neural networks as data, on JAX.")
    parser.add_argument("--version", action="version", version=f"lapis {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run a Keras program, with keras and tensorflow meaning Lapis")
    run.add_argument("script", help="the Python file")
    run.add_argument("args", nargs=argparse.REMAINDER, help="arguments for the program")
    show = commands.add_parser("demo", help="train a model on handwritten digits, draw it, save it, load it again")
    show.add_argument("folder", nargs="?", default="out", help="where the files go")
    look = commands.add_parser("inspect", help="tell what a file of a model or of weights holds, without building it")
    look.add_argument("file", help="the file")
    ahead = commands.add_parser(
        "plan", help="tell what a step of the model in a file computes and holds, without a run"
    )
    ahead.add_argument("file", help="the file")
    ahead.add_argument("--batch-size", type=int, default=32, help="the samples of a step (32)")
    ahead.add_argument("--predict", action="store_true", help="a step of prediction, instead of one of training")
    ahead.add_argument(
        "--input-shape", type=_shape, action="append", help="such as 224,224,3: an input's, for each one"
    )
    ahead.add_argument("--memory", help="such as 16GB: tell the largest batch that fits, too")
    ahead.add_argument("--json", action="store_true", help="print JSON instead of a table")
    ahead.add_argument("--chart", help="draw a chart into this .png or .svg file")
    options = parser.parse_args(argv)
    if options.command == "demo":
        return demo(options.folder)
    if options.command == "inspect":
        return _inspect(options.file, parser)
    if options.command == "plan":
        return _plan(options, parser)
    try:
        run_script(options.script, options.args)
    except FileNotFoundError as error:
        if error.filename is None or not str(error.filename).endswith(options.script):
            raise
        parser.error(f"there is no file {options.script!r}.")
    return 0


def _shape(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(",")))


def _plan(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Print the plan of the model in a file."""
    training = not options.predict
    try:
        model = load_model(options.file)
        plan = model.plan(options.batch_size, training, options.input_shape)
        most = model.max_batch(options.memory, training, options.input_shape) if options.memory else None
    except (OSError, ValueError) as error:
        parser.error(str(error))
    if options.chart:
        plan.plot(options.chart)
    print(plan.to_json() if options.json else plan)
    if most is not None and not options.json:
        print(f"Largest batch in {options.memory}: {most}")
    return 0


def _inspect(file: str, parser: argparse.ArgumentParser) -> int:
    """Print what a file holds; 1 if a part of it is not what was written."""
    try:
        report = inspect(file)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    print(report)
    return int(any(member.intact is False for member in report.members))
