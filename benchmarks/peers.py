"""The peers, and a virtual environment of its own for each, outside the checkout."""

import importlib.metadata
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

KERAS = "keras==3.15.1"
TORCH = "torch==2.13.0"


@dataclass(frozen=True)
class Peer:
    """A library, how it is driven, and what its environment holds.

    `packages` are alternatives, the first that can be installed is taken. Peers that differ in `variant` alone share an
    `environment_name`. A peer of pictures alone has nothing to say elsewhere.
    """

    title: str
    module: str
    session: str
    environment_name: str | None = None
    packages: dict[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    variant: str = ""
    images_only: bool = False


def _jax() -> str:
    """The JAX of the running interpreter, so that Lapis and its peers on JAX differ in themselves alone."""
    try:
        return importlib.metadata.version("jax")
    except importlib.metadata.PackageNotFoundError:
        return ""  # a child in a peer's environment, which installs nothing


def _on_jax(*more: str) -> dict[str, tuple[tuple[str, ...], ...]]:
    return {"cpu": ((f"jax=={_jax()}", *more),), "gpu": ((f"jax[cuda12]=={_jax()}", *more),)}


def _on_torch(*more: str) -> dict[str, tuple[tuple[str, ...], ...]]:
    # The CPU build has its own version where the package index offers one: it is a tenth of the size.
    return {"cpu": ((f"{TORCH}+cpu", *more), (TORCH, *more)), "gpu": ((TORCH, *more),)}


def _keras(title: str, backend: str, packages: dict[str, tuple[tuple[str, ...], ...]]) -> Peer:
    environment = {"KERAS_BACKEND": backend}
    return Peer(title, "keras", "benchmarks.keras_session", f"keras-{backend}", packages, environment)


def _torch(title: str, variant: str = "", images_only: bool = False) -> Peer:
    packages = _on_torch("numpy>=2")
    return Peer(title, "torch", "benchmarks.torch_session", "torch", packages, variant=variant, images_only=images_only)


PEERS = {
    "lapis": Peer("Lapis", "lapis", "benchmarks.keras_session"),
    "keras-jax": _keras("Keras on JAX", "jax", _on_jax(KERAS)),
    "keras-tensorflow": _keras(
        "Keras on TensorFlow",
        "tensorflow",
        {"cpu": ((KERAS, "tensorflow-cpu"), (KERAS, "tensorflow")), "gpu": ((KERAS, "tensorflow[and-cuda]"),)},
    ),
    "keras-torch": _keras("Keras on torch", "torch", _on_torch(KERAS)),
    "torch": _torch("torch"),
    "torch-channels-last": _torch("torch, channels last", "channels_last", images_only=True),
    "torch-compile": _torch("torch.compile", "compile"),
    "flax": Peer(
        "Flax NNX",
        "flax.nnx",
        "benchmarks.flax_session",
        "flax",
        _on_jax("flax>=0.12", "optax>=0.2.5"),
        also=("optax",),
    ),
}
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3"}


def device_environment(device: str) -> dict[str, str]:
    """What keeps every library on the CPU, where that is asked for."""
    return {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": "", **QUIET} if device == "cpu" else QUIET


def cache_folder(given: str | None) -> Path:
    """Where environments lie: as given, `$LAPIS_BENCHMARK_CACHE`, or `~/.cache/lapis-benchmarks`."""
    chosen = given or os.environ.get("LAPIS_BENCHMARK_CACHE")
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "lapis-benchmarks"


def _install(folder: Path, packages: tuple[str, ...]) -> str:
    """Make the environment with these packages; what went wrong, or nothing."""
    if not (folder / "bin" / "python").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", *packages]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        (folder / "installed.txt").write_text("\n".join(packages))
        return ""
    return done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"pip ended with {done.returncode}"


def interpreter(name: str, device: str, cache: Path) -> str:
    """The Python of a peer, in an environment that is made when it is not there. RuntimeError where that fails."""
    peer = PEERS[name]
    if peer.environment_name is None:
        return sys.executable
    folder = cache / (peer.environment_name if device == "cpu" else f"{peer.environment_name}-{device}")
    alternatives = peer.packages[device]
    installed = folder / "installed.txt"
    if installed.exists() and installed.read_text() in ("\n".join(packages) for packages in alternatives):
        return str(folder / "bin" / "python")
    errors = []
    for packages in alternatives:
        print(f"making an environment for {peer.title}: {' '.join(packages)}", file=sys.stderr)
        error = _install(folder, packages)
        if not error:
            return str(folder / "bin" / "python")
        errors.append(error)
    shutil.rmtree(folder, ignore_errors=True)
    raise RuntimeError(f"no environment for {peer.title} in {folder}: {errors[-1]}")
