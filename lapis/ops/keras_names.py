"""Array functions as the Operation objects that stand for them in Keras 3's files.

`ops.sum(x, axis=1)` is written as an object `Sum` with `axis` in its config, called on `x`. Which arguments belong to
the object and which to its call follows from their names, with few exceptions.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

import lapis.ops as ops
import lapis.ops.image as image
from lapis.graph import KerasTensor

_ROOT = "keras.src.ops"
_CALL_NAMES = frozenset(
    """
    a abs_ angle array axes_lengths beta bias branches choicelist condition condlist constant_values coordinates
    data default depthwise_kernel elements elems end_points f false_fn fun gamma image1 image2 images index
    indices init init_val inputs kernel key loop_vars mask mean operands output output_length output_shape
    pattern pointwise_kernel pred predictions primals q query scale segment_ids sequence_lengths sorted_sequence
    start start_indices start_points step stop tangents target target_length targets tensor transform
    translation true_fn updates value values variable variance volumes x x1 x2 xs y
    """.split()  # noqa: SIM905
)
# Names that mean something else in these functions.
_ALSO_CALL = {
    "average": {"weights"},
    "batch_normalization": {"offset"},
    "digitize": {"bins"},
    "full_like": {"fill_value"},
    "full": {"fill_value"},
    "isclose": {"atol", "rtol"},
    "lstsq": {"b"},
    "solve": {"b"},
    "solve_triangular": {"b"},
}
_NOT_CALL = {"trapezoid": {"x"}}
_CLASS_NAMES = {
    "allclose": "AllClose",
    "batch_normalization": "BatchNorm",
    "cdist": "CDist",
    "ctc_decode": "CTCDecode",
    "ctc_loss": "CTCLoss",
    "fft": "FFT",
    "fft2": "FFT2",
    "hsv_to_rgb": "HSVToRGB",
    "ifft2": "IFFT2",
    "irfft": "IRFFT",
    "isin": "IsIn",
    "istft": "ISTFT",
    "layer_normalization": "LayerNorm",
    "psnr": "PSNR",
    "rfft": "RFFT",
    "rgb_to_grayscale": "RGBToGrayscale",
    "rgb_to_hsv": "RGBToHSV",
    "rms_normalization": "RMSNorm",
    "searchsorted": "SearchSorted",
    "ssim": "SSIM",
    "stft": "STFT",
    "svd": "SVD",
}
# Where Keras keeps what we keep elsewhere.
_FOLDERS = {"control": "core", "convolution": "nn", "pooling": "nn", "signal": "math"}
_MODULES = {"polar": "nn", "slogdet": "numpy"}
_NO_PLACE = (
    "The function `{function}` was called with an argument {argument!r} that is a tensor or a function, for which "
    "Keras's files have no place. Put the call into a Layer that is decorated with `register_keras_serializable()`."
)
_UNKNOWN = (
    "The model calls the operation {function!r}, which is no function of `lapis.ops`, so a config cannot name it. Put "
    "the call into a Layer that is decorated with `register_keras_serializable()`."
)


def to_keras(function: Callable, args: tuple, kwargs: dict) -> tuple[str, str, dict, list, dict]:
    """A call of an operation in Keras's terms: module, class name, the object's arguments, those of its call.

    >>> to_keras(ops.sum, (None,), {"axis": 1})
    ('keras.src.ops.numpy', 'Sum', {'axis': 1, 'keepdims': False}, [None], {})
    """
    class_name = _class_name(function)
    if _functions().get(class_name) is not function:
        raise ValueError(_UNKNOWN.format(function=function.__name__))
    bound = inspect.signature(function).bind(*args, **kwargs)
    bound.apply_defaults()
    if function is ops.get_item and isinstance(bound.arguments["key"], list):
        bound.arguments["key"] = np.asarray(bound.arguments["key"])
    static: dict[str, Any] = {}
    call_args: list[Any] = []
    call_kwargs: dict[str, Any] = {}
    for name, value in bound.arguments.items():
        kind = bound.signature.parameters[name].kind
        of_call = _is_of_call(function, name)
        if kind is inspect.Parameter.VAR_POSITIONAL:
            call_args.extend(value)
        elif kind is inspect.Parameter.VAR_KEYWORD:
            (call_kwargs if of_call else static).update(value)
        elif not of_call:
            if any(isinstance(leaf, KerasTensor) or inspect.isfunction(leaf) for leaf in _leaves(value)):
                raise ValueError(_NO_PLACE.format(function=function.__name__, argument=name))
            # Keras goes through the sizes of a shape in a file, also where there is one.
            static[name] = (value,) if name == "newshape" and isinstance(value, int) else value
        elif call_kwargs or kind is inspect.Parameter.KEYWORD_ONLY:
            call_kwargs[name] = value
        else:
            call_args.append(value)
    return _module(function), class_name, static, call_args, call_kwargs


def from_keras(module: str, class_name: str, static: dict) -> tuple[Callable, dict]:
    """The function that an object of Keras's stands for, to be called on tensors, and the arguments it holds.

    >>> function, held = from_keras("keras.src.ops.numpy", "Sum", {"axis": 1})
    >>> function([[1.0, 2.0]], **held).tolist()
    [3.0]
    """
    function = _functions().get(class_name)
    if function is None:
        raise ValueError(f"The config names an operation {module}.{class_name}, which `lapis.ops` does not have.")
    if function is ops.get_item:
        return _get_item, {}
    # A file keeps tuples, such as of axes, as lists.
    static = {name: tuple(value) if isinstance(value, list) else value for name, value in static.items()}
    parameters = inspect.signature(function).parameters
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        unknown = [name for name in static if name not in parameters and static[name] is not None]
        if unknown:
            raise ValueError(f"The config of the operation {class_name!r} has unknown arguments {unknown}.")
        static = {name: value for name, value in static.items() if name in parameters}
    of_call = [name for name in parameters if _is_of_call(function, name)]
    leading = [
        name for name in parameters if name in static and name not in of_call and _precedes(parameters, name, of_call)
    ]
    if not leading:
        return function, static
    held = {name: value for name, value in static.items() if name not in leading}
    if any(parameters[name].kind is inspect.Parameter.VAR_POSITIONAL for name in of_call):
        # As the subscripts of `einsum`, which come before its tensors.
        return functools.partial(function, *(static[name] for name in leading)), held

    def call(*args: Any, **kwargs: Any) -> Any:
        return function(**dict(zip(of_call, args)), **kwargs)

    return call, static


def _precedes(parameters: Any, name: str, others: list[str]) -> bool:
    order = list(parameters)
    return any(order.index(name) < order.index(other) for other in others)


def _get_item(x: Any, key: Any) -> Any:
    # Here too; a list of indices is kept as an array.
    return ops.get_item(x, tuple(key) if isinstance(key, list) else key)


def _class_name(function: Callable) -> str:
    name = function.__name__
    return _CLASS_NAMES.get(name) or "".join(part.capitalize() for part in name.split("_"))


@functools.cache
def _functions() -> dict[str, Callable]:
    """The functions that a config may name, by the names of Keras's classes."""
    found = [getattr(namespace, name) for namespace in (image, ops) for name in dir(namespace)]
    return {_class_name(function): function for function in found if hasattr(function, "spec")}


def _is_of_call(function: Callable, name: str) -> bool:
    special = function.__name__
    return name in _ALSO_CALL.get(special, ()) or (name in _CALL_NAMES and name not in _NOT_CALL.get(special, ()))


def _module(function: Callable) -> str:
    part = _MODULES.get(function.__name__) or function.__module__.split(".")[2]
    return f"{_ROOT}.{_FOLDERS.get(part, part)}"


def _leaves(value: Any) -> Any:
    return value if isinstance(value, (list, tuple)) else [value]
