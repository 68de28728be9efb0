"""Builds the native CPU kernels with the package where that is possible; all else stands in pyproject.toml."""

import importlib.util
import pathlib
import sys

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

_BUILD = pathlib.Path(__file__).parent / "lapis/kernels/build.py"
_spec = importlib.util.spec_from_file_location("kernels_build", _BUILD)
assert _spec is not None and _spec.loader is not None
kernels = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(kernels)


class BuildKernels(build_ext):
    """Compiles the kernels; where that fails the package is installed without them."""

    def build_extension(self, ext: Extension) -> None:
        target = pathlib.Path(self.get_ext_fullpath(ext.name))
        try:
            kernels.compile_to(target)
        except RuntimeError as error:
            print(f"Lapis is installed without its native kernels, which did not compile: {error}", file=sys.stderr)

    def copy_extensions_to_source(self) -> None:
        if all(pathlib.Path(path).exists() for path in self.get_outputs()):
            super().copy_extensions_to_source()

    def get_ext_filename(self, fullname: str) -> str:
        return str(pathlib.Path(*fullname.split(".")[:-1], kernels.LIBRARY))


class Wheel(bdist_wheel):
    """One wheel for all versions of Python: the library does not speak Python's C interface."""

    def get_tag(self) -> tuple[str, str, str]:
        tag = super().get_tag()
        return tag if self.root_is_pure else ("py3", "none", tag[2])


reason = kernels.missing()
if reason:
    print(f"Lapis is installed without its native kernels: {reason}.", file=sys.stderr)
setup(
    ext_modules=[] if reason else [Extension("lapis.kernels.libkernels", sources=[], optional=True)],
    cmdclass={"build_ext": BuildKernels, "bdist_wheel": Wheel},
)
