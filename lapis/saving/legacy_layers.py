"""The arguments of layers in older files, as Keras 3 names them."""

from typing import Any

import lapis.ops as ops
from lapis.core.serialization import register_keras_serializable

# Arguments that Keras 3 does without, of all layers and of some.
_GONE = frozenset({"batch_input_shape", "implementation", "time_major", "input_length"})
_GONE_FROM = {
    "Conv1DTranspose": {"groups"},
    "Conv2DTranspose": {"groups"},
    "Conv3DTranspose": {"groups"},
    "DepthwiseConv1D": {"groups"},
    "DepthwiseConv2D": {"groups"},
    "Lambda": {"module", "function_type", "output_shape_type", "output_shape_module"},
    "MultiHeadAttention": {"key_shape", "query_shape", "value_shape"},
    "Discretization": {"trainable"},
    "SeparableConv1D": {"groups", "kernel_constraint", "kernel_initializer", "kernel_regularizer"},
    "SeparableConv2D": {"groups", "kernel_constraint", "kernel_initializer", "kernel_regularizer"},
    "SpatialDropout1D": {"noise_shape", "trainable"},
    "SpatialDropout2D": {"noise_shape", "trainable"},
    "SpatialDropout3D": {"noise_shape", "trainable"},
}
_RECURRENT = frozenset({"Bidirectional", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "GRU", "LSTM", "RNN", "SimpleRNN"})
_HOW_TO_GO_ON = "Build the model from its code with other layers and read the weights with `model.load_weights(...)`."
# Layers that Keras 3 has no more, with what to use.
_NO_MORE = {
    "ThresholdedReLU": "`ReLU(threshold=...)` gives the same",
    "LocallyConnected1D": "`Conv1D` shares its kernel between places",
    "LocallyConnected2D": "`Conv2D` shares its kernel between places",
    "CuDNNGRU": "`GRU(reset_after=True)` takes its place, whose weights are laid out in another way",
    "CuDNNLSTM": "`LSTM` takes its place, whose weights are laid out in another way",
    "DenseFeatures": "`lapis.utils.FeatureSpace` takes its place",
    "RandomFourierFeatures": "nothing takes its place",
    "SequenceFeatures": "nothing takes its place",
}


@register_keras_serializable("lapis")
def hard_sigmoid_of_keras_2(x: Any) -> Any:
    """`clip(0.2 * x + 0.5, 0, 1)`, which Keras 2 called `hard_sigmoid`; Keras 3's is `relu6(x + 3) / 6`.

    >>> hard_sigmoid_of_keras_2(1.0).item()
    0.699999988079071
    """
    return ops.clip(0.2 * ops.convert_to_tensor(x) + 0.5, 0.0, 1.0)


_HARD_SIGMOID = {
    "module": "builtins",
    "class_name": "function",
    "config": "lapis>hard_sigmoid_of_keras_2",
    "registered_name": "function",
}


def refuse_what_is_no_more(kind: str, name: str | None) -> None:
    """Raise `ValueError` for a layer that Keras 3 has no more."""
    if kind in _NO_MORE:
        raise ValueError(
            f"The file's layer {name!r} is a {kind}, which Keras 2 had and Keras 3 has not; {_NO_MORE[kind]}. "
            + _HOW_TO_GO_ON
        )


def modern_arguments(kind: str, config: dict, is_keras_2: bool) -> dict:
    """The arguments of a layer of that class as Keras 3 has them; configs of inner layers stay as they are."""
    gone = _GONE | _GONE_FROM.get(kind, set())
    config = {key: value for key, value in config.items() if key not in gone}
    axis = config.get("axis")
    if isinstance(axis, list) and len(axis) == 1:
        config["axis"] = axis[0]
    for key, value in config.items():
        if key.endswith("_initializer") and isinstance(value, dict):
            inner = {name: item for name, item in (value.get("config") or {}).items() if name != "dtype"}
            config[key] = {**value, "config": inner}
        elif value == "hard_sigmoid" and is_keras_2:
            config[key] = _HARD_SIGMOID
    if kind == "LeakyReLU" and "alpha" in config:
        config["negative_slope"] = config.pop("alpha")
    if kind == "Lambda" and isinstance(config.get("function"), list):
        config["function"] = {"class_name": "__lambda__", "config": {}}
    return config


def modern_call(kind: str, args: list, kwargs: dict) -> tuple[list, dict]:
    """The arguments of a call: Keras 2 put the initial states of a recurrent layer behind its input, in one list."""
    if kind in _RECURRENT and args and isinstance(args[0], list):
        sequence, *states = args[0]
        return [sequence, *args[1:]], {**kwargs, **({"initial_state": states} if states else {})}
    return args, kwargs
