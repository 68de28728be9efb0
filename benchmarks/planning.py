"""Peak memory as `Model.plan` predicts it, beside what a process is seen to take (Linux, CPU).

python -m benchmarks.planning [MODEL ...]

Each row is a process of its own. It builds a model and runs two steps of `fit` (or of `predict`) on a small batch,
which puts the weights and the optimizer's state where XLA has them; plans a large batch; and then runs two steps on
that. The measured peak is the state's size and what resident memory grew by at most during these, the code of the
program, which comes from the cache on disk, and the kernels' scratch memory included.
"""

import argparse
import ctypes
import gc
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

# By model: the batch of training, and that of prediction; large enough that what a process takes anyhow is little.
BATCHES = {
    "mlp": (65536, 65536),
    "toy_resnet": (1024, 2048),
    "lstm": (2048, 8192),
    "autoencoder": (2048, 4096),
    "transformer": (128, 512),
    "gru": (1024, 2048),
    "resnet50": (16, 32),
    "mobilenet": (32, 64),
}
SIZES: dict[str, dict[str, int]] = {"lstm": {"title": 10, "body": 100}, "gru": {"length": 100}}
_STATUS = Path("/proc/self/status")


def _memory(field: str) -> int:
    """Bytes of a field of the process's status."""
    (line,) = [line for line in _STATUS.read_text().splitlines() if line.startswith(field)]
    return int(line.split()[1]) * 1024


def _batch(spec: Any, samples: int) -> Any:
    import numpy as np

    numbers = np.random.default_rng(0)
    shape = (samples, *spec.shape[1:])
    drawn = numbers.integers(0, 9, shape) if len(shape) == 2 else numbers.random(shape, np.float32)
    return drawn.astype(spec.dtype)


def child(name: str, training: bool, batch: int) -> dict[str, float]:
    """Predicted and measured bytes of one model in this process."""
    import lapis
    from benchmarks.keras_models import MODELS
    from lapis.training.stacks import capacity_for

    model = MODELS[name](lapis, **SIZES.get(name, {}))
    model.compile("adam", "mse")
    given = [*model.inputs, *model.outputs] if training else model.inputs
    stacked = capacity_for(sum(4 * batch * math.prod(spec.shape[1:]) for spec in given), None)
    samples = max(stacked, 2) * batch  # as many as make the program the one for long data
    x = [_batch(spec, samples) for spec in model.inputs]
    y = [_batch(spec, samples) for spec in model.outputs]
    small = [array[:4] for array in x], [array[:4] for array in y]

    class TwoSteps(lapis.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            model.stop_training = batch > 0

        def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
            model.stop_predicting = batch > 0

    def run(x: list[Any], y: list[Any], size: int) -> None:
        if training:
            model.fit(x, y, batch_size=size, epochs=1, shuffle=False, verbose=0, callbacks=[TwoSteps()])
        else:
            model.predict(x, batch_size=size, verbose=0, callbacks=[TwoSteps()])

    run(*small, 2)
    memory = model.plan(batch, training).memory
    assert memory is not None
    time.sleep(0.5)
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    before = _memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark begins anew
    run(x, y, batch)
    grown = _memory("VmHWM") - before
    return {"predicted": memory.peak, "measured": memory.state + grown, "state": memory.state}


def measure(name: str, training: bool, batch: int) -> dict[str, float]:
    """The same in a process of its own."""
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "JAX_PLATFORMS": "cpu", "LAPIS_HOME": home, "LAPIS_COMPILATION_CACHE": "1"}
        command = [sys.executable, "-m", "benchmarks.planning", name, "--child", str(int(training)), str(batch)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise RuntimeError(f"{name} failed: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", help=", ".join(BATCHES))
    parser.add_argument("--child", nargs=2, type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        training, batch = options.child
        print(json.dumps(child(options.models[0], bool(training), batch)), flush=True)
        return
    print("| model | step | batch | predicted MB | measured MB | predicted / measured |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name in options.models or BATCHES:
        for training, batch in zip((True, False), BATCHES[name]):
            found = measure(name, training, batch)
            predicted, measured = found["predicted"] / 1e6, found["measured"] / 1e6
            word = "training" if training else "prediction"
            ratio = predicted / measured
            print(f"| {name} | {word} | {batch} | {predicted:.0f} | {measured:.0f} | {ratio:.2f} |", flush=True)


if __name__ == "__main__":
    main()
