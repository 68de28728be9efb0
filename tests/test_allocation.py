"""Working memory stays with the process from one run of a program to the next."""

import os
import platform
import subprocess
import sys

import pytest

_GLIBC = platform.libc_ver()[0] == "glibc"
_PROGRAM = """
import resource
import numpy as np
import lapis
from lapis.core.allocation import keep_freed_memory

inputs = lapis.Input((256,))
x = lapis.layers.Dense(4096, activation="relu")(inputs)
model = lapis.Model(inputs, lapis.layers.Dense(1)(x))
model.compile("sgd", "mse", steps_per_execution=1)
x, y = np.ones((2048, 256), "float32"), np.ones((2048, 1), "float32")
counts = []
for _ in range(5):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    model.fit(x, y, batch_size=1024, verbose=0)
    counts.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(keep_freed_memory(), min(counts[2:]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not _GLIBC, reason="another C library")
@pytest.mark.parametrize("switch", ["", "0"])
def test_pages_are_fetched_once(switch):
    given = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    environment = given | {"LAPIS_KEEP_MEMORY": switch, "JAX_PLATFORMS": "cpu"}
    run = subprocess.run([sys.executable, "-c", _PROGRAM], env=environment, capture_output=True, text=True, check=True)
    kept, pages = run.stdout.split()
    assert kept == str(switch != "0")
    # 16 MB of activations a step, twice, are 8192 pages.
    assert int(pages) < 500 if switch != "0" else int(pages) > 4000
