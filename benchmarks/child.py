"""One measurement in one process: `python -m benchmarks.child PEER WORK` prints one line of JSON.

A peer that fails prints its error in place of figures.
"""

import time

START = time.perf_counter()  # before anything is imported, so that the time to the first step holds the imports

import argparse  # noqa: E402
import importlib  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import traceback  # noqa: E402
from typing import Any  # noqa: E402

from benchmarks import machine  # noqa: E402
from benchmarks.peers import PEERS, device_environment  # noqa: E402


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """The figures of one peer at one work."""
    peer = PEERS[arguments.peer]
    os.environ.update(peer.environment | device_environment(arguments.device))
    before = time.perf_counter()
    importlib.import_module(peer.module)
    for also in peer.also:
        importlib.import_module(also)
    imported = time.perf_counter()
    session = importlib.import_module(peer.session).Session(
        peer.module, arguments.dtype, arguments.device, peer.variant
    )
    ready = time.perf_counter()
    # Only now: these bring NumPy, whose import belongs to the peer's.
    from benchmarks import data, measure, works

    place = data.folder(arguments.data)
    result: dict[str, Any] = {"version": session.version}
    figures: dict[str, float] = {"import": imported - before}
    losses: list[float] = []
    if arguments.work in works.BUILT:
        figures |= measure.built(session, works.BUILT[arguments.work])
    else:
        name: str = arguments.work
        work = works.TRAINED[works.STARTED.get(name, name)].times(arguments.batch_factor)
        work = work.quick() if arguments.quick else work
        rows = work.data(work.samples, place)
        result["data"] = rows.source
        if arguments.work in works.STARTED:
            more, losses = measure.started(session, work, rows)
            figures |= more | {"start": ready - START + more["first_step"]}
        else:
            more, losses = measure.trained(session, work, rows, arguments.epochs or work.epochs)
            figures |= more
    return result | {"figures": figures, "losses": losses}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("work")
    parser.add_argument("--epochs", type=int, default=0, help="instead of the work's own number")
    parser.add_argument("--quick", action="store_true", help="half the rows, three epochs")
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--device", default="cpu", choices=("cpu", "gpu"))
    parser.add_argument("--batch-factor", type=int, default=1)
    parser.add_argument("--data", help="folder with mnist.npz and cifar-10-batches-bin")
    arguments = parser.parse_args()
    line: dict[str, Any] = {"peer": arguments.peer, "work": arguments.work, "load": os.getloadavg()[0]}
    elsewhere = machine.busy_elsewhere()
    try:
        line |= run(arguments)
    except Exception as error:
        traceback.print_exc()
        line["error"] = f"{type(error).__name__}: {str(error).strip()}".splitlines()[0]
    line["busy_elsewhere"] = elsewhere()
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
