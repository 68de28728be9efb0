"""The calls of TensorFlow functions that tf.keras recorded in a graph, as operations of Keras 3.

`tf.concat([a, b], axis=-1)` stands in a file of Keras 2 as a layer `TFOpLambda` with the function's name; the table
below says which of `lapis.ops` it is. What the table does not hold is refused.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

OP_LAYERS = frozenset({"TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer", "ClassMethod", "InstanceMethod"})
# Where TensorFlow keeps functions of one name and meaning.
_PREFIXES = ("compat.v1.", "math.", "nn.", "linalg.", "__operators__.")
_REFUSED = (
    "The file's layer {name!r} is a {kind}: tf.keras recorded a call of the TensorFlow function {function!r} "
    "there{why}. Build the model from its code with `lapis.ops` in that place, and read the weights with "
    "`model.load_weights(...)`."
)
_MODES = {"CONSTANT": "constant", "REFLECT": "reflect", "SYMMETRIC": "symmetric"}


class _Op(NamedTuple):
    """One function: Keras's class, TensorFlow's names of its further tensors, its settings by TensorFlow's names."""

    class_name: str
    tensors: tuple[str, ...] = ()
    settings: Mapping[str, str] = MappingProxyType({})
    fixed: Mapping[str, Any] = MappingProxyType({})  # settings whose value, if none is given, is another in Keras


_UNARY = {
    "abs": "Absolute",
    "acos": "Arccos",
    "asin": "Arcsin",
    "atan": "Arctan",
    "ceil": "Ceil",
    "cos": "Cos",
    "cosh": "Cosh",
    "elu": "Elu",
    "erf": "Erf",
    "exp": "Exp",
    "expm1": "Expm1",
    "floor": "Floor",
    "is_finite": "Isfinite",
    "is_inf": "Isinf",
    "is_nan": "Isnan",
    "log": "Log",
    "log1p": "Log1p",
    "log_sigmoid": "LogSigmoid",
    "logical_not": "LogicalNot",
    "negative": "Negative",
    "ones_like": "OnesLike",
    "reciprocal": "Reciprocal",
    "relu": "Relu",
    "relu6": "Relu6",
    "round": "Round",
    "rsqrt": "Rsqrt",
    "selu": "Selu",
    "sigmoid": "Sigmoid",
    "sign": "Sign",
    "silu": "Silu",
    "sin": "Sin",
    "sinh": "Sinh",
    "softplus": "Softplus",
    "softsign": "Softsign",
    "sqrt": "Sqrt",
    "square": "Square",
    "stop_gradient": "StopGradient",
    "swish": "Silu",
    "tan": "Tan",
    "tanh": "Tanh",
    "zeros_like": "ZerosLike",
}
_BINARY = {
    "add": "Add",
    "atan2": "Arctan2",
    "divide": "TrueDivide",
    "divide_no_nan": "DivideNoNan",
    "eq": "Equal",
    "equal": "Equal",
    "floordiv": "FloorDivide",
    "floormod": "Mod",
    "greater": "Greater",
    "greater_equal": "GreaterEqual",
    "less": "Less",
    "less_equal": "LessEqual",
    "logical_and": "LogicalAnd",
    "logical_or": "LogicalOr",
    "maximum": "Maximum",
    "minimum": "Minimum",
    "mod": "Mod",
    "multiply": "Multiply",
    "ne": "NotEqual",
    "not_equal": "NotEqual",
    "pow": "Power",
    "subtract": "Subtract",
    "truediv": "TrueDivide",
}
_REDUCTIONS = {
    "reduce_all": "All",
    "reduce_any": "Any",
    "reduce_logsumexp": "Logsumexp",
    "reduce_max": "Max",
    "reduce_mean": "Mean",
    "reduce_min": "Min",
    "reduce_prod": "Prod",
    "reduce_std": "Std",
    "reduce_sum": "Sum",
    "reduce_variance": "Var",
}
_AXIS = {"axis": "axis"}
_OPS = {
    **{name: _Op(kind) for name, kind in _UNARY.items()},
    **{name: _Op(kind, ("y",)) for name, kind in _BINARY.items()},
    **{name: _Op(kind, (), {**_AXIS, "keepdims": "keepdims"}) for name, kind in _REDUCTIONS.items()},
    "argmax": _Op("Argmax", (), _AXIS, {"axis": 0}),
    "argmin": _Op("Argmin", (), _AXIS, {"axis": 0}),
    "broadcast_to": _Op("BroadcastTo", (), {"shape": "shape"}),
    "cast": _Op("Cast", (), {"dtype": "dtype"}),
    "clip_by_value": _Op("Clip", (), {"clip_value_min": "x_min", "clip_value_max": "x_max"}),
    "concat": _Op("Concatenate", (), _AXIS),
    "cumsum": _Op("Cumsum", (), _AXIS, {"axis": 0}),
    "expand_dims": _Op("ExpandDims", (), _AXIS),
    "gather": _Op("Take", ("indices",), _AXIS, {"axis": 0}),
    "gelu": _Op("Gelu", (), {"approximate": "approximate"}, {"approximate": False}),
    "leaky_relu": _Op("LeakyRelu", (), {"alpha": "negative_slope"}, {"negative_slope": 0.2}),
    "log_softmax": _Op("LogSoftmax", (), _AXIS, {"axis": -1}),
    "matmul": _Op("Matmul", ("b",)),
    "one_hot": _Op("OneHot", (), {"depth": "num_classes", "dtype": "dtype", **_AXIS}),
    "pad": _Op("Pad", (), {"paddings": "pad_width", "mode": "mode"}),
    "repeat": _Op("Repeat", (), {"repeats": "repeats", **_AXIS}),
    "reshape": _Op("Reshape", (), {"shape": "newshape"}),
    "reverse": _Op("Flip", (), _AXIS),
    "softmax": _Op("Softmax", (), _AXIS, {"axis": -1}),
    "split": _Op("Split", (), {"num_or_size_splits": "indices_or_sections", **_AXIS}),
    "squeeze": _Op("Squeeze", (), _AXIS),
    "stack": _Op("Stack", (), _AXIS),
    "tile": _Op("Tile", (), {"multiples": "repeats"}),
    "transpose": _Op("Transpose", (), {"perm": "axes"}),
    "unstack": _Op("Unstack", (), {"num": "num", **_AXIS}),
    "where": _Op("Where", ("x", "y")),
}


def operation(layer: dict, name: str | None, args: list, kwargs: dict) -> dict:
    """The operation of Keras 3 that a recorded call on these arguments is, as an entry of a config.

    Raises `ValueError`, which names the layer, for a function or an argument that has no counterpart.
    """
    kind, function = layer["class_name"], str(layer["config"].get("function"))
    kwargs = {key: value for key, value in kwargs.items() if key != "name"}

    def refused(why: str) -> ValueError:
        return ValueError(_REFUSED.format(name=name, kind=kind, function=function, why=why))

    if kind == "SlicingOpLambda" and kwargs.keys() == {"slice_spec"}:
        return _entry("GetItem", name, [*args, _key(kwargs["slice_spec"])], {})
    op = _OPS.get(_short(function)) if kind == "TFOpLambda" else None
    if op is None:
        raise refused(", which has no counterpart here")
    tensors = [kwargs.pop(key, None) for key in op.tensors]
    settings = dict(op.fixed)
    for key, value in kwargs.items():
        if key in op.settings:
            if _holds_tensor(value):
                raise refused(f" with a {key!r} that is computed in the graph")
            if value is not None:
                settings[op.settings[key]] = value
        elif value not in (None, False, 0):  # the usual values of what Keras's operations have no argument for
            raise refused(f" with {key}={value!r:.60}, which has no counterpart here")
    if op.class_name == "Split" and isinstance(settings.get("indices_or_sections"), list):
        sizes = settings["indices_or_sections"]
        settings["indices_or_sections"] = [sum(sizes[:end]) for end in range(1, len(sizes))]
    if op.class_name == "Pad" and "mode" in settings:
        settings["mode"] = _MODES.get(settings["mode"], settings["mode"])
    return _entry(op.class_name, name, [*args, *tensors], settings)


def _short(function: str) -> str:
    for prefix in _PREFIXES:
        function = function.removeprefix(prefix)
    return function.removesuffix("_v2")


def _entry(class_name: str, name: str | None, args: list, settings: dict) -> dict:
    return {
        "module": "keras.src.ops",
        "class_name": class_name,
        "registered_name": None,
        "name": name,
        "config": {"name": name, **settings},
        "inbound_nodes": [{"args": args, "kwargs": {}}],
    }


def _key(spec: Any) -> Any:
    """The key of `x[key]` as Keras 3 writes it."""
    parts = spec if isinstance(spec, list) else [spec]
    key = [
        {"class_name": "__slice__", "config": {end: part.get(end) for end in ("start", "stop", "step")}}
        if isinstance(part, dict) and "class_name" not in part
        else part
        for part in parts
    ]
    return key if isinstance(spec, list) else key[0]


def _holds_tensor(value: Any) -> bool:
    if isinstance(value, list):
        return any(_holds_tensor(item) for item in value)
    return isinstance(value, dict)
