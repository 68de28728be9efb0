"""The command line: `lapis run script.py [args]`, `lapis demo [folder]`."""

import argparse
from collections.abc import Sequence

from lapis.cli.demo import demo
from lapis.cli.run import run_script
from lapis.core.version import VERSION


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
    options = parser.parse_args(argv)
    if options.command == "demo":
        return demo(options.folder)
    try:
        run_script(options.script, options.args)
    except FileNotFoundError as error:
        if error.filename is None or not str(error.filename).endswith(options.script):
            raise
        parser.error(f"there is no file {options.script!r}.")
    return 0
