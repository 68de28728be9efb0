"""What fitting a model costs around its steps: the first time, for an equal model built later, and in a new process.

python -m benchmarks.refitting

A figure is the time of building, `compile` and one epoch of `fit`, less that of the same epoch once more, when nothing
is left to be compiled. So it holds the graph, the weights, the checks before the first step, tracing, lowering and
XLA's compilation or the reading of what the cache on disk has, but neither imports nor the start of JAX's backend. The
"first" process has an empty folder for compiled programs, the "new" one what the first has left there. Events that JAX
tells of say where the time of a first fit goes; XLA's, in a new process, are reads of the cache.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

WORKS = ("mlp", "toy_resnet", "lstm")
BAR = 0.05
_STEPS = 3
_EVENTS = {
    "/jax/core/compile/jaxpr_trace_duration": "trace",
    "/jax/core/compile/jaxpr_to_mlir_module_duration": "lower",
    "/jax/core/compile/backend_compile_duration": "xla",
}


def child(name: str) -> dict[str, float]:
    """The figures of one process, in seconds."""
    import jax

    from benchmarks import works
    from benchmarks.keras_session import Session

    spent = dict.fromkeys(_EVENTS.values(), 0.0)

    def listen(event: str, seconds: float, **_: object) -> None:
        if event in _EVENTS:
            spent[_EVENTS[event]] += seconds

    jax.monitoring.register_event_duration_secs_listener(listen)  # for as long as the process lives
    jax.block_until_ready(jax.device_put(0.0))
    session = Session("lapis", "float32", "cpu")
    work = works.TRAINED[name]
    data = work.data(_STEPS * work.batch, None)

    def fitted(build: bool) -> float:
        start = time.perf_counter()
        if build:
            session.build(work)
        session.fit(data, 1)
        return time.perf_counter() - start

    first, parts = fitted(build=True), dict(spent)
    steps = statistics.median(fitted(build=False) for _ in range(3))
    again = statistics.median(fitted(build=True) for _ in range(3))
    return {"first": first - steps, "rebuilt": again - steps, "steps": steps, **parts}


def measure(name: str, folder: str) -> dict[str, float]:
    """The figures of one work in a process whose compiled programs are kept in the folder."""
    keep = {"LAPIS_HOME": folder, "LAPIS_COMPILATION_CACHE": "1"}
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "KERAS_BACKEND": "jax", **keep}
    command = [sys.executable, "-m", "benchmarks.refitting", "--child", name]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def line(name: str, first: dict[str, float], new: dict[str, float]) -> str:
    """A row of the report, shares of the first time against the bar."""
    shown = [f"{name:12}{first['first']:8.2f} s"]
    for seconds in (first["rebuilt"], new["first"]):
        share = seconds / first["first"]
        shown.append(f"{seconds * 1e3:8.0f} ms {share:6.1%} {'ok' if share < BAR else 'over'}")
    parts = (", ".join(f"{part} {each[part]:.2f}" for part in _EVENTS.values()) for each in (first, new))
    return " | ".join([*shown, *parts])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("works", nargs="*", default=WORKS)
    parser.add_argument("--child", help="measure this work in this process")
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(child(arguments.child)), flush=True)
        return
    print("work | first | rebuilt in the same process | in a new process | first, s: | new, s:")
    for name in arguments.works:
        with tempfile.TemporaryDirectory() as folder:
            first = measure(name, folder)
            print(line(name, first, measure(name, folder)), flush=True)


if __name__ == "__main__":
    main()
