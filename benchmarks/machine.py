"""What machine this is, as far as a report needs it."""

import os
import platform
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

FEATURES = ("avx2", "fma", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16", "asimd", "bf16", "sve")


def describe() -> dict[str, Any]:
    """CPU model, cores that this process may use, vector features, memory, system."""
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    model = re.search(r"^model name\s*: (.*)$", text, re.M)
    flags = re.search(r"^(?:flags|Features)\s*: (.*)$", text, re.M)
    present = set(flags.group(1).split()) if flags else set()
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    except (ValueError, OSError):
        memory = 0.0
    return {
        "cpu": model.group(1).strip() if model else platform.processor() or platform.machine(),
        "cores": cores(),
        "features": [feature for feature in FEATURES if feature in present],
        "memory_gb": memory,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def cores() -> int:
    """Cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def busy_elsewhere() -> Callable[[], float | None]:
    """How many cores other processes have kept busy since this call, told by calling the answer; None if unknown."""
    start, others = time.perf_counter(), _others_seconds()

    def answer() -> float | None:
        now = _others_seconds()
        if now is None or others is None:
            return None
        return max(0.0, (now - others) / (time.perf_counter() - start))

    return answer


def _others_seconds() -> float | None:
    """Seconds of all cores since the machine's start that this process and its children have not spent."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return None
    ticks = [int(field) for field in stat.read_text().split("\n", 1)[0].split()[1:]]
    busy = sum(ticks[:8]) - ticks[3] - ticks[4]  # all but idle and waiting for disks; guests are in `user` already
    return busy / os.sysconf("SC_CLK_TCK") - sum(os.times()[:4])


def slug(machine: dict[str, Any]) -> str:
    """A name for files."""
    return re.sub(r"[^a-z0-9]+", "-", f"{machine['cpu']} {machine['cores']} cores".lower()).strip("-")
