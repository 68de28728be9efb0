"""What this machine can do at most: matrix rate and memory bandwidth, on one core and on all.

    python -m benchmarks.limits

Each is the best of several runs, of NumPy's and of JAX's product, whichever is faster.
"""

import argparse
import functools
import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks import machine
from benchmarks.peers import device_environment

SIZES = {"cpu": 2048, "gpu": 8192}
ELEMENTS = {"cpu": 2**25, "gpu": 2**29}  # f32, well beyond every cache
BLOCK = 2**15  # elements: three blocks fit a core's own cache


def best(act: Callable[[], Any], times: int = 7) -> float:
    """The shortest of several runs, in seconds, after one to warm up."""
    act()
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def matrix_rates(size: int, device: str) -> dict[str, float]:
    """Floating-point operations a second in a square product, by type."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    rates = {}
    product = jax.jit(jnp.matmul)
    for dtype in ("float32", "bfloat16"):
        a = jnp.ones((size, size), dtype)
        seconds = best(lambda: product(a, a).block_until_ready())  # noqa: B023
        if dtype == "float32" and device == "cpu":
            b = np.ones((size, size), dtype)
            out = np.empty_like(b)
            seconds = min(seconds, best(lambda: np.matmul(b, b, out=out)))  # noqa: B023
        rates[dtype] = 2 * size**3 / seconds
    return rates


def _in_parts(act: Callable[[slice], None], count: int, threads: int) -> None:
    """Run on equal parts of an array, one thread for each: NumPy lets go of the interpreter's lock within a call."""
    edges = [count * part // threads for part in range(threads + 1)]
    workers = [threading.Thread(target=act, args=(slice(*pair),)) for pair in itertools.pairwise(edges)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def bandwidth(count: int, threads: int) -> dict[str, float]:
    """Bytes a second of copy, `a = b`, and triad, `a = b + s * c`, counting what is read and written once."""
    import numpy as np

    a, b, c = (np.ones(count, np.float32) for _ in range(3))

    def copy(part: slice) -> None:
        np.copyto(a[part], b[part])

    def triad(part: slice) -> None:
        scratch = np.empty(BLOCK, np.float32)  # stays in the core's own cache
        for start in range(part.start, part.stop, BLOCK):
            rows = slice(start, min(start + BLOCK, part.stop))
            scaled = scratch[: rows.stop - start]
            np.multiply(c[rows], np.float32(3), out=scaled)
            np.add(b[rows], scaled, out=a[rows])

    return {
        "copy": 2 * a.nbytes / best(lambda: _in_parts(copy, count, threads)),
        "triad": 3 * a.nbytes / best(lambda: _in_parts(triad, count, threads)),
    }


def device_bandwidth(count: int) -> dict[str, float]:
    """The same on JAX's device, each array donated so that nothing is allocated."""
    import jax
    import jax.numpy as jnp

    scale = functools.partial(jax.jit, donate_argnums=0)(lambda a: a * 0.5)
    triad = functools.partial(jax.jit, donate_argnums=0)(lambda b, c: b + 0.5 * c)
    held = [jnp.ones(count, jnp.float32), jnp.ones(count, jnp.float32)]

    def one(step: Callable[..., Any], *more: Any) -> None:
        held[0] = step(held[0], *more).block_until_ready()

    size = 4 * count
    return {"copy": 2 * size / best(lambda: one(scale)), "triad": 3 * size / best(lambda: one(triad, held[1]))}


def measure(device: str, threads: int) -> dict[str, Any]:
    """Rates with this process as it is."""
    matrix = matrix_rates(SIZES[device], device)
    count = ELEMENTS[device]
    return {"matrix": matrix, "bandwidth": device_bandwidth(count) if device == "gpu" else bandwidth(count, threads)}


def _in_child(device: str, threads: int, wrap: Sequence[str]) -> dict[str, Any]:
    """A process that may use so many cores and no more, from before its libraries start their threads."""
    counts = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
    environment = os.environ | device_environment(device) | dict.fromkeys(counts, str(threads))
    command = [*wrap, sys.executable, "-m", "benchmarks.limits", "--child", str(threads), "--device", device]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def limits(device: str = "cpu", wrap: Sequence[str] = ()) -> dict[str, dict[str, dict[str, float]]]:
    """By kind and then by type or pattern, rates on one core and on all or of the GPU; `wrap` goes before a child."""
    runs = {"all": 1} if device == "gpu" else {"one": 1, "all": machine.cores()}
    found: dict[str, dict[str, dict[str, float]]] = {"matrix": {}, "bandwidth": {}}
    for name, threads in runs.items():
        for kind, rates in _in_child(device, threads, wrap).items():
            for key, rate in rates.items():
                found[kind].setdefault(key, {})[name] = rate
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", choices=("cpu", "gpu"))
    parser.add_argument("--json", action="store_true", help="one line of JSON instead of text")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        if arguments.device == "cpu" and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.child])
        print(json.dumps(measure(arguments.device, arguments.child)))
        return
    found = limits(arguments.device)
    if arguments.json:
        print(json.dumps(found))
        return
    print(machine.describe())
    for dtype, rates in found["matrix"].items():
        print(f"matrix product, {dtype}: ", {name: f"{rate / 1e9:.1f} GFLOP/s" for name, rate in rates.items()})
    for kind, rates in found["bandwidth"].items():
        print(f"memory, {kind}: ", {name: f"{rate / 1e9:.1f} GB/s" for name, rate in rates.items()})


if __name__ == "__main__":
    main()
