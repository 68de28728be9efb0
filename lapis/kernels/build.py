"""Compiles `src/*.cc` into the shared library beside this file: `python -m lapis.kernels.build`.

Also read by the package's own build, so it imports nothing but the standard library.
"""

import importlib.metadata
import importlib.util
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
LIBRARY = "libkernels.so"
SOURCES = sorted((HERE / "src").glob("*.cc"))
_WHEELS = ("onednn-cpu-gomp", "onednn-devel-cpu-gomp")


def missing() -> str | None:
    """What keeps the kernels from being built here, or `None`."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return f"they are for Linux on x86_64, and this is {platform.system()} on {platform.machine()}"
    if _compiler() is None:
        return "there is no C++ compiler (g++, or the one that the environment variable CXX names)"
    if _ffi_headers() is None:
        return "jaxlib with its FFI headers is not installed"
    for wheel, file in zip(_WHEELS, ("libdnnl.so.3", "oneapi/dnnl/dnnl.hpp")):
        if find_file(wheel, file) is None:
            return f"{wheel} is not installed"
    return None


def compile_to(target: pathlib.Path) -> None:
    """Compile the library; a `RuntimeError` with the compiler's words where that fails."""
    header, onednn = (find_file(_WHEELS[1], "oneapi/dnnl/dnnl.hpp"), find_file(_WHEELS[0], "libdnnl.so.3"))
    assert header is not None and onednn is not None
    includes = [header.parents[2], _ffi_headers()]
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        made = pathlib.Path(folder) / LIBRARY
        command = [str(_compiler()), "-std=c++17", "-O3", "-fopenmp", "-fPIC", "-shared", "-fvisibility=hidden", "-w"]
        command += [*map(str, SOURCES), "-o", str(made), *(f"-I{path}" for path in includes), str(onednn)]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode:
            raise RuntimeError(f"{' '.join(command)}\nended with {result.returncode}:\n{result.stderr[-4000:]}")
        # In one move: a process that has the old library mapped keeps it whole.
        os.replace(made, target)


def find_file(wheel: str, name: str) -> pathlib.Path | None:
    """A file that an installed wheel brought along."""
    try:
        files = importlib.metadata.files(wheel) or ()
    except importlib.metadata.PackageNotFoundError:
        return None
    for file in files:
        path = pathlib.Path(str(file.locate()))
        if path.as_posix().endswith(f"/{name}") and path.exists():
            return path.resolve()
    return None


def _compiler() -> str | None:
    return shutil.which(os.environ.get("CXX") or "g++")


def _ffi_headers() -> pathlib.Path | None:
    spec = importlib.util.find_spec("jaxlib")
    if spec is None or spec.origin is None:
        return None
    folder = pathlib.Path(spec.origin).parent / "include"
    return folder if (folder / "xla/ffi/api/ffi.h").exists() else None


if __name__ == "__main__":
    reason = missing()
    if reason:
        sys.exit(f"The native kernels cannot be built: {reason}.")
    compile_to(HERE / LIBRARY)
    print(f"Built {HERE / LIBRARY}")
