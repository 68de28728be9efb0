"""The whole list, peers interleaved: `python -m benchmarks`.

Results are added to `benchmarks/results/<date>-<machine>.json` after every child, so that a list may be run in pieces
(`--only`, `--peers`); a work run again replaces its earlier figures. The report and the chart lie beside it.
"""

import argparse
import contextlib
import datetime
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import arithmetic, limits, machine, report
from benchmarks.chart import svg
from benchmarks.data import CHECKOUT, folder
from benchmarks.keras_models import MODELS
from benchmarks.peers import PEERS, cache_folder, device_environment, interpreter
from benchmarks.works import BUILT, NAMES, QUICK, STARTED, TRAINED

# Where libraries keep compiled programs: a child has none of these, and an empty home.
CACHES = ("LAPIS_HOME", "KERAS_HOME", "XDG_CACHE_HOME", "JAX_COMPILATION_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR")
COUNTED: dict[str, dict[str, int]] = {"lstm": {"title": 10, "body": 100}, "gru": {"length": 100}}


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help=f"works, with commas between: {','.join(NAMES)}")
    parser.add_argument("--peers", help=f"peers, with commas between: {','.join(PEERS)}")
    parser.add_argument("--rounds", type=int, help="runs of each peer at each work (3, or 1 with --quick)")
    parser.add_argument("--quick", action="store_true", help="half the rows, one round, no variants of torch")
    parser.add_argument("--epochs", type=int, default=0, help="instead of each work's own number")
    parser.add_argument("--timeout", type=float, help="seconds for one child (300, or 45 with --quick)")
    parser.add_argument("--device", default="cpu", choices=("cpu", "gpu"))
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--batch-factor", type=int, help="batches times this (1, or 8 on a GPU)")
    parser.add_argument("--data", help="folder with mnist.npz and cifar-10-batches-bin ($LAPIS_BENCHMARK_DATA)")
    parser.add_argument("--cache", help="folder of the peers' environments ($LAPIS_BENCHMARK_CACHE)")
    parser.add_argument("--python", action="append", default=[], metavar="PEER=PATH", help="a peer's own interpreter")
    parser.add_argument("--wrap", default="", help="a command put before each child, such as 'taskset -c 0-3'")
    parser.add_argument("--output", help="the JSON file to add to")
    parser.add_argument("--report", action="store_true", help="write the report of the file again; run nothing")
    arguments = parser.parse_args()
    arguments.rounds = arguments.rounds or (1 if arguments.quick else 3)
    arguments.timeout = arguments.timeout or (45.0 if arguments.quick else 300.0)
    place = folder(arguments.data)
    arguments.data = str(place.resolve()) if place else None
    arguments.batch_factor = arguments.batch_factor or (8 if arguments.device == "gpu" else 1)
    for given, known in ((arguments.only, NAMES), (arguments.peers, tuple(PEERS))):
        for name in given.split(",") if given else ():
            if name not in known:
                parser.error(f"unknown name {name!r}: one of {', '.join(known)}")
    return arguments


def applies(peer: str, work: str) -> bool:
    """Whether the peer has anything to say here: a layout of pictures says nothing about text."""
    model = STARTED.get(work, work)
    picture = model in BUILT or TRAINED[model].image
    return (picture and work not in BUILT) or not PEERS[peer].images_only


def in_turn(works: list[str], peers: list[str], rounds: int) -> Iterator[tuple[int, str, str]]:
    """Every peer at a work before the next work, another first in every round."""
    for number in range(rounds):
        shift = number % len(peers)
        for work in works:
            for peer in peers[shift:] + peers[:shift]:
                if applies(peer, work):
                    yield number, work, peer


def run_child(arguments: argparse.Namespace, python: str, peer: str, work: str, home: str) -> dict[str, Any]:
    """One child's line, or one that says how it failed. The home is a folder where only this peer's caches may be."""
    command = [*shlex.split(arguments.wrap), python, "-m", "benchmarks.child", peer, work]
    command += ["--dtype", arguments.dtype, "--device", arguments.device, "--epochs", str(arguments.epochs)]
    command += ["--batch-factor", str(arguments.batch_factor), *(["--quick"] if arguments.quick else [])]
    if arguments.data:
        command += ["--data", arguments.data]
    environment = {key: value for key, value in os.environ.items() if key not in CACHES}
    environment |= device_environment(arguments.device)
    environment |= {"HOME": home, "TORCHINDUCTOR_CACHE_DIR": f"{home}/inductor"}
    failed = {"peer": peer, "work": work, "load": os.getloadavg()[0]}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # In a session of its own, so that what a wrapper or a compiler started ends with it.
    child = subprocess.Popen(command, cwd=CHECKOUT, env=environment, start_new_session=True, **pipes)
    try:
        out, err = child.communicate(timeout=arguments.timeout)
    except BaseException as error:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        if isinstance(error, subprocess.TimeoutExpired):
            return failed | {"error": f"over {arguments.timeout:.0f} s"}
        raise
    with contextlib.suppress(ValueError, IndexError):
        return json.loads(out.splitlines()[-1])
    last = err.strip().splitlines()[-1:] or [""]
    return failed | {"error": f"ended with {child.returncode}: {last[0]}"}


def run_work(arguments: argparse.Namespace, python: str, peer: str, work: str) -> list[dict[str, Any]]:
    """The lines of one peer at one work: two, without and with what the first left on disk, where starting counts."""
    states = ("/cold", "/warm") if work in STARTED else ("",)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        return [run_child(arguments, python, peer, work, home) | {"work": work + state} for state in states]


def count_flops(works: list[str], factor: int) -> dict[str, int]:
    """Floating-point operations of a step of each work, counted on Lapis's own models."""
    import lapis

    counts = {}
    for name in works:
        if name in TRAINED:
            with contextlib.suppress(AttributeError):  # a layer that Lapis does not have yet
                model = MODELS[name](lapis, **COUNTED.get(name, {}))
                counts[name] = arithmetic.training_flops(model, TRAINED[name].times(factor).batch)
    return counts


def write(document: dict[str, Any], path: Path) -> None:
    """The file of figures, the report and the chart."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n")
    sections = report.results(document["lines"])
    steps = [result for result in next(iter(sections.values()), []) if result.row.figure == "step"]
    chart = ""
    if any(result.ours is not None for result in steps):
        path.with_suffix(".svg").write_text(svg(steps))
        chart = path.with_suffix(".svg").name
    path.with_suffix(".md").write_text(report.markdown(document, chart))


def opened(arguments: argparse.Namespace) -> tuple[dict[str, Any], Path]:
    """The document to add to, and its file."""
    here, date = machine.describe(), datetime.date.today().isoformat()
    variant = "".join(f"-{v}" for v in (arguments.device, arguments.dtype) if v not in ("cpu", "float32"))
    name = f"{date}-{machine.slug(here)}{variant}.json"
    path = Path(arguments.output) if arguments.output else CHECKOUT / "benchmarks" / "results" / name
    document = json.loads(path.read_text()) if path.exists() else {"lines": [], "flops": {}}
    if not arguments.report:
        settings = ("device", "dtype", "batch_factor", "rounds", "epochs", "quick")
        document |= {"date": date, "machine": here, "settings": {key: getattr(arguments, key) for key in settings}}
    return document, path


def environments(arguments: argparse.Namespace, peers: list[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Each peer's interpreter, and what went wrong with those that have none."""
    given = dict(pair.split("=", 1) for pair in arguments.python)
    pythons, failures = {}, {}
    for peer in peers:
        try:
            pythons[peer] = given.get(peer) or interpreter(peer, arguments.device, cache_folder(arguments.cache))
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            failures[peer] = str(error)
    return pythons, failures


def main() -> None:
    arguments = options()
    document, path = opened(arguments)
    if arguments.report:
        write(document, path)
        return
    works = arguments.only.split(",") if arguments.only else list(QUICK if arguments.quick else NAMES)
    every = [name for name, peer in PEERS.items() if not (arguments.quick and peer.variant)]
    peers = arguments.peers.split(",") if arguments.peers else every
    pythons, failures = environments(arguments, peers)
    if "limits" not in document:
        document["limits"] = limits.limits(arguments.device, shlex.split(arguments.wrap))
    document["flops"] |= count_flops(works, arguments.batch_factor)
    again = {(peer, work) for peer in peers for work in works}
    document["lines"] = [line for line in document["lines"] if (line["peer"], line["work"].split("/")[0]) not in again]
    for number, work, peer in in_turn(works, peers, arguments.rounds):
        if peer in failures:
            states = [f"{work}/cold", f"{work}/warm"] if work in STARTED else [work]
            lines = [{"peer": peer, "work": w, "error": failures[peer], "load": os.getloadavg()[0]} for w in states]
        else:
            lines = run_work(arguments, pythons[peer], peer, work)
        document["lines"] += [line | {"round": number} for line in lines]
        write(document, path)
        for line in lines:
            print(f"round {number + 1}", peer, line["work"], line.get("error") or line.get("figures"), file=sys.stderr)
    print(path.with_suffix(".md").read_text())


if __name__ == "__main__":
    main()
