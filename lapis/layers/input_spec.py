"""What a layer accepts, and the sentence that says why an input is not it."""

from typing import Any

from lapis.core import nest
from lapis.core.dtypes import standardize_dtype
from lapis.core.serialization import builtin


@builtin("keras")
class InputSpec:
    """What a layer expects of one input. Every argument left out is not checked.

    Args:
        dtype: element type.
        shape: full shape, the batch axis included, `None` for any size.
        ndim: number of axes.
        max_ndim, min_ndim: bounds on the number of axes.
        axes: sizes that certain axes must have, such as `{-1: 3}`.
        allow_last_axis_squeeze: let a missing or extra last axis of size 1 pass.
        name: the key of the input where inputs come as a dict.
        optional: whether `None` passes.

    >>> InputSpec(ndim=2, axes={-1: 4})
    InputSpec(ndim=2, axes={-1: 4})
    """

    def __init__(
        self,
        dtype: Any = None,
        shape: Any = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: dict[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ) -> None:
        self.dtype = None if dtype is None else standardize_dtype(dtype)
        self.shape = None if shape is None else tuple(shape)
        self.ndim = len(self.shape) if self.shape is not None else ndim
        self.max_ndim = max_ndim
        self.min_ndim = min_ndim
        self.axes = dict(zip(map(int, axes), axes.values())) if axes else {}
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        self.name = name
        self.optional = optional
        limit = self.ndim if self.ndim is not None else max_ndim
        if self.axes and limit is not None and max(self.axes) >= limit:
            raise ValueError(f"InputSpec names axis {max(self.axes)}, but the input has at most {limit} axes.")

    def __repr__(self) -> str:
        shown = ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes")
        if self.shape is not None:
            shown = ("dtype", "shape")
        parts = [f"{name}={getattr(self, name)}" for name in shown if getattr(self, name) not in (None, {})]
        return f"InputSpec({', '.join(parts)})"

    def get_config(self) -> dict:
        """The constructor's arguments."""
        names = ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes", "optional")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_config(cls, config: dict) -> "InputSpec":
        """The spec again."""
        return cls(**config)

    def problem(self, x: Any) -> str | None:
        """What is wrong with an input, as the end of a sentence; `None` if nothing is."""
        if x is None:
            return None if self.optional else "expected a tensor, but got None"
        if not hasattr(x, "shape"):
            return f"expected a tensor, but got {type(x).__name__} {x!r:.80}"
        shape = tuple(x.shape)
        ndim = len(shape)
        if self.ndim is not None and ndim != self.ndim and not self._squeezes(shape):
            return f"expected {_axes(self.ndim)}, but got {_axes(ndim)}"
        if self.max_ndim is not None and ndim > self.max_ndim:
            return f"expected at most {_axes(self.max_ndim)}, but got {_axes(ndim)}"
        if self.min_ndim is not None and ndim < self.min_ndim:
            return f"expected at least {_axes(self.min_ndim)}, but got {_axes(ndim)}"
        if self.dtype is not None and standardize_dtype(x.dtype) != self.dtype:
            return f"expected the type {self.dtype}, but got {standardize_dtype(x.dtype)}"
        for axis, size in self.axes.items():
            if size is not None and not (-ndim <= axis < ndim and shape[axis] in (size, None)):
                found = shape[axis] if -ndim <= axis < ndim else "no such axis"
                return f"expected size {size} on axis {axis}, but got {found}"
        if self.shape is not None and not self._squeezes(shape):
            for axis, (wanted, size) in enumerate(zip(self.shape, shape)):
                if wanted is not None and isinstance(size, int) and wanted != size:
                    return f"expected the shape {self.shape}, but axis {axis} is {size}"
        return None

    def _squeezes(self, shape: tuple) -> bool:
        if not self.allow_last_axis_squeeze or self.ndim is None:
            return False
        wanted = self.shape[-1] if self.shape else None
        return (len(shape) == self.ndim + 1 and shape[-1] == 1) or (len(shape) == self.ndim - 1 and wanted in (1, None))


def _axes(count: int) -> str:
    return f"{count} axis" if count == 1 else f"{count} axes"


def check_inputs(spec: Any, inputs: Any, layer: Any) -> None:
    """Raise a `ValueError` that says which input of the layer is not what its `input_spec` asks for."""
    if spec.__class__ is InputSpec and (inputs is None or hasattr(inputs, "shape")):
        if spec.problem(inputs) is None:
            return
        pairs = [(spec, inputs)]
    else:
        specs = nest.flatten(spec)
        if isinstance(inputs, dict) and all(s is not None and s.name for s in specs):
            missing = [s.name for s in specs if s.name not in inputs]
            if missing:
                raise ValueError(
                    f"{_who(layer)} expects inputs named {[s.name for s in specs]}, but {missing} are missing "
                    f"from {sorted(inputs)}."
                )
            flat = [inputs[s.name] for s in specs]
        elif isinstance(inputs, dict) and spec.__class__ is InputSpec:
            raise ValueError(f"{_who(layer)} takes one tensor, but got a dict of {sorted(inputs)}. Pick one of them.")
        else:
            flat = nest.flatten(inputs)
        if len(flat) != len(specs):
            shapes = [getattr(x, "shape", x) for x in flat]
            raise ValueError(f"{_who(layer)} expects {len(specs)} input(s), but got {len(flat)}: {shapes}.")
        pairs = list(zip(specs, flat))
    for index, (one, x) in enumerate(pairs):
        problem = None if one is None else one.problem(x)
        if problem:
            which = f"Input {index}" if len(pairs) > 1 else "The input"
            raise ValueError(
                f"{which} of {_who(layer)} does not fit: {problem}. Full shape received: {getattr(x, 'shape', None)}."
                f"{_advice(problem)}"
            )


def _advice(problem: str) -> str:
    if problem.endswith((" axis", " axes")):
        return " Add or drop axes, for example with `ops.expand_dims`, `ops.squeeze` or the layer Reshape."
    if problem.startswith("expected size"):
        return " Its weights were made for that size: give it such inputs, or make another layer for these."
    return ""


def _who(layer: Any) -> str:
    return f"the {type(layer).__name__} layer {layer.path!r}"
