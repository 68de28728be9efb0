"""A recurrent layer run in both directions."""

from typing import Any, Self, Unpack

import lapis.ops as ops
from lapis.core import nest
from lapis.core.serialization import (
    builtin,
    custom_object_scope,
    deserialize_keras_object,
    serialize_keras_object,
)
from lapis.layers.calling import signature_of
from lapis.layers.layer import Layer
from lapis.layers.options import LayerOptions
from lapis.state import Variable

_MODES = ("sum", "mul", "ave", "concat", None)
_SHARED = ("stateful", "return_sequences", "return_state")


@builtin("keras.layers")
class Bidirectional(Layer):
    """Runs a recurrent layer forwards, and another like it backwards, over `(batch, time, ...)`.

    Both are made anew from the config of `layer`, with weights of their own. With `return_sequences`, masked steps give
    zeros.

    Args:
        layer: an `RNN`, or a layer with `go_backwards`, `return_sequences`, `return_state` and `stateful` of the same
            meaning.
        merge_mode: how the two outputs become one: "concat" (along the last axis), "sum", "mul" or "ave" (the mean);
            `None` returns both.
        weights: first values of the weights, those of the forward layer first.
        backward_layer: the layer for the other direction, where it is to differ from `layer`.

    Call arguments are those of the layer; the first half of `initial_state` goes to the forward layer, the other half
    to the backward one. With `return_state`, the states of both follow the output.

    Raises:
        ValueError: for arguments that are no layers, an unknown `merge_mode`, or layers that do not go together.

    >>> import numpy as np
    >>> from lapis.layers.rnn.lstm import LSTM
    >>> Bidirectional(LSTM(4, return_sequences=True))(np.ones((2, 5, 3))).shape
    (2, 5, 8)
    """

    forward_layer: Any
    backward_layer: Any

    def __init__(
        self,
        layer: Layer,
        merge_mode: str | None = "concat",
        weights: Any = None,
        backward_layer: Layer | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        for name, value in (("layer", layer), ("backward_layer", backward_layer)):
            if not isinstance(value, Layer) and not (value is None and name == "backward_layer"):
                raise ValueError(f"Bidirectional got {name}={value!r}; expected a layer.")
        if merge_mode not in _MODES:
            raise ValueError(
                f"Bidirectional got merge_mode={merge_mode!r}; expected one of {', '.join(map(repr, _MODES))}."
            )
        super().__init__(**kwargs)
        given: Any = layer
        self.forward_layer = _copy(layer, name=f"forward_{layer.name.removeprefix('forward_')}")
        if backward_layer is None:
            name = f"backward_{layer.name.removeprefix('backward_')}"
            backward_layer = _copy(layer, name=name, go_backwards=True)
        self.backward_layer = backward_layer
        self._check_pair()
        for one in (self.forward_layer, self.backward_layer):
            if hasattr(given, "use_cudnn"):  # not in the config
                one.use_cudnn = given.use_cudnn
            if getattr(one, "zero_output_for_mask", None) is not None:
                one.zero_output_for_mask = one.return_sequences
        self.merge_mode = merge_mode
        self._first_weights = weights
        self.stateful = given.stateful
        self.return_sequences = given.return_sequences
        self.return_state = given.return_state
        self.supports_masking = True
        self.input_spec = layer.input_spec

    def _check_pair(self) -> None:
        forward, backward = self.forward_layer, self.backward_layer
        if forward.go_backwards == backward.go_backwards:
            raise ValueError(
                "The two layers of Bidirectional must run in different directions; both have "
                f"go_backwards={forward.go_backwards}."
            )
        for name in _SHARED:
            if getattr(forward, name) != getattr(backward, name):
                raise ValueError(
                    f"The two layers of Bidirectional must agree in {name}; the forward layer has "
                    f"{getattr(forward, name)}, the backward layer {getattr(backward, name)}."
                )

    def build(self, sequences_shape: tuple, initial_state_shape: Any = None) -> None:
        for layer in (self.forward_layer, self.backward_layer):
            if not layer.built:
                layer.build(sequences_shape)
        if self._first_weights:
            half = len(self._first_weights) // 2
            self.forward_layer.set_weights(self._first_weights[:half])
            self.backward_layer.set_weights(self._first_weights[half:])

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool | None = None) -> Any:
        half = 0 if initial_state is None else len(initial_state) // 2
        starts = (None, None) if initial_state is None else (initial_state[:half], initial_state[half:])
        given = {"mask": mask, "training": training}
        outputs, states = [], []
        for layer, start in zip((self.forward_layer, self.backward_layer), starts):
            accepted = signature_of(type(layer).call).all
            extra = {name: value for name, value in given.items() if name in accepted}
            result = layer(sequences, initial_state=start, **extra)
            output, *last = result if self.return_state else (result,)
            outputs.append(ops.cast(output, self.compute_dtype))
            states += last
        if self.return_sequences:
            outputs[1] = ops.flip(outputs[1], axis=1)
        merged = self._merge(*outputs)
        if self.return_state:
            return (*merged, *states) if self.merge_mode is None else (merged, *states)
        return merged

    def _merge(self, forward: Any, backward: Any) -> Any:
        if self.merge_mode == "concat":
            return ops.concatenate([forward, backward], axis=-1)
        if self.merge_mode == "sum":
            return forward + backward
        if self.merge_mode == "ave":
            return (forward + backward) / 2
        if self.merge_mode == "mul":
            return forward * backward
        return forward, backward

    @property
    def states(self) -> tuple[Variable, ...] | None:
        """The states of stateful layers, those of the forward layer first; `None` before they exist."""
        forward, backward = self.forward_layer.states, self.backward_layer.states
        return (*forward, *backward) if forward and backward else None

    def reset_state(self) -> None:
        """Set the states to zero; an `AttributeError` where the layer is not stateful."""
        if not self.stateful:
            raise AttributeError(
                f"The layer {self.path!r} keeps no states: its layers were made without stateful=True."
            )
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    def reset_states(self) -> None:
        """The same as `reset_state`."""
        self.reset_state()

    def compute_mask(self, _: Any, mask: Any) -> Any:
        mask = nest.flatten(mask)[0] if self.return_sequences else None
        return (mask, mask) if self.merge_mode is None else mask

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "merge_mode": self.merge_mode,
            "layer": serialize_keras_object(self.forward_layer),
            "backward_layer": serialize_keras_object(self.backward_layer),
        }

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> Self:
        config = dict(config)
        for name in ("layer", "backward_layer"):
            if config.get(name) is not None:
                config[name] = deserialize_keras_object(config[name], custom_objects)
        return cls(**config)


def _copy(layer: Layer, **changes: Any) -> Any:
    """A layer of the same config except for the changes, whether or not its classes are registered."""
    classes = {type(inner).__name__: type(inner) for inner in layer._flatten_layers()}
    with custom_object_scope(classes):
        return type(layer).from_config({**layer.get_config(), **changes})
