"""Loading a large model: how much memory it takes beyond the file's size, and how long, beside Keras.

VGG19 with random numbers, 574 MB, as `.weights.h5` (the model is built, then its weights are loaded) and as `.keras`.
Each library loads each file in fresh processes, which take turns. Memory is the peak of what the process holds from
after its imports until the weights are there, the model's own variables included.

python -m benchmarks.loading [--repeats 3] [--size 224]
"""

import argparse
import importlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

FILES = ("vgg19.weights.h5", "vgg19.keras")
PEERS = ("lapis", "keras")


def make_files(folder: Path, size: int) -> None:
    """Write the two files, every number in them random."""
    import numpy as np

    import lapis

    model = lapis.applications.VGG19(weights=None, input_shape=(size, size, 3))
    random = np.random.default_rng(0)
    for variable in model.weights:
        variable.assign(random.standard_normal(variable.shape, "float32"))
    model.save_weights(folder / FILES[0])
    model.save(folder / FILES[1])


def load(peer: str, path: Path, size: int) -> dict[str, float]:
    """Load the file in this process; megabytes at the peak, seconds, and the sum of the weights."""
    library = importlib.import_module(peer)
    library.ops.ones((2, 2)).block_until_ready()  # starts the engine
    before = _reset_peak()
    start = time.perf_counter()
    if path.suffix == ".keras":
        model = library.saving.load_model(path)
    else:
        model = library.applications.VGG19(weights=None, input_shape=(size, size, 3))
        model.load_weights(path)
    values = [variable.value for variable in model.weights]
    for value in values:
        value.block_until_ready()
    seconds = time.perf_counter() - start
    peak = _megabytes("VmHWM") - before
    return {"peak": peak, "seconds": seconds, "sum": sum(float(abs(value).sum()) for value in values)}


def _reset_peak() -> float:
    """Forget the peak so far, and give the megabytes that are held now."""
    Path("/proc/self/clear_refs").write_text("5")
    return _megabytes("VmRSS")


def _megabytes(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith(field))


def _child(*arguments: Any) -> str:
    environment = os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "LAPIS_COMPILATION_CACHE": "0"}
    command = [sys.executable, "-m", "benchmarks.loading", *map(str, arguments)]
    return subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


def compare(folder: Path, size: int, repeats: int, tell: Callable[[str], None]) -> list[dict[str, Any]]:
    """The medians of all runs, a row for each file."""
    _child("--make", folder, "--size", size)
    rows = []
    for name in FILES:
        path = folder / name
        megabytes = path.stat().st_size / 1e6
        path.read_bytes()  # so that the first to load it finds it in the system's cache too
        found: dict[str, list[dict[str, float]]] = {peer: [] for peer in PEERS}
        for _ in range(repeats):
            for peer in PEERS:
                found[peer].append(json.loads(_child("--load", path, "--peer", peer, "--size", size)))
        sums = {run["sum"] for runs in found.values() for run in runs}
        if max(sums) - min(sums) > 1e-4 * max(sums):
            raise RuntimeError(f"The peers loaded other numbers from {name}: {sums}.")
        row: dict[str, Any] = {"file": name, "megabytes": megabytes}
        for peer, runs in found.items():
            for figure in ("peak", "seconds"):
                row[f"{peer} {figure}"] = statistics.median(run[figure] for run in runs)
            # The kernel counts in units of 1,048,576 bytes.
            row[f"{peer} memory / file"] = row[f"{peer} peak"] * 1.048576 / megabytes
        row["seconds / Keras's"] = row["lapis seconds"] / row["keras seconds"]
        rows.append(row)
        tell("  ".join(f"{key} {value:.2f}" if isinstance(value, float) else str(value) for key, value in row.items()))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--size", type=int, default=224, help="of the pictures; a small one makes small files")
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--load", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--peer", choices=PEERS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.make:
        make_files(arguments.make, arguments.size)
    elif arguments.load:
        print(json.dumps(load(arguments.peer, arguments.load, arguments.size)))
    else:
        with tempfile.TemporaryDirectory() as folder:
            compare(Path(folder), arguments.size, arguments.repeats, print)


if __name__ == "__main__":
    main()
