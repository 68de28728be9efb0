"""Layers of other engines: there, so that programs which name them start, but refusing with what to do instead."""

from typing import Any, NoReturn

from lapis.layers.layer import Layer

_NO_SAVED_MODELS = (
    "TFSMLayer runs a TensorFlow SavedModel, whose operations only TensorFlow computes. Save the model where it was "
    "made with `model.save('model.keras')`, and read it with `lapis.models.load_model`."
)
_NO_TORCH = (
    "TorchModuleWrapper calls a module of PyTorch, which JAX can neither compile nor differentiate. Build the module "
    "from Lapis's layers and copy its weights with `layer.set_weights`, or write it with JAX's functions as a "
    "`lapis.layers.JaxLayer`."
)


class TFSMLayer(Layer):
    """Not available: a SavedModel needs TensorFlow.

    >>> try:
    ...     TFSMLayer("path/to/saved_model")
    ... except NotImplementedError as error:
    ...     print(str(error)[:39])
    TFSMLayer runs a TensorFlow SavedModel,
    """

    def __init__(
        self,
        filepath: Any,
        call_endpoint: str = "serve",
        call_training_endpoint: str | None = None,
        trainable: bool = True,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        raise NotImplementedError(_NO_SAVED_MODELS)

    def call(self, inputs: Any, training: bool = False, **kwargs: Any) -> NoReturn:
        """Refuses."""
        raise NotImplementedError(_NO_SAVED_MODELS)

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None, safe_mode: bool | None = None) -> NoReturn:
        """Refuses."""
        raise NotImplementedError(_NO_SAVED_MODELS)


class TorchModuleWrapper(Layer):
    """Not available: a module of PyTorch cannot be part of a compiled program.

    >>> try:
    ...     TorchModuleWrapper(None)
    ... except NotImplementedError as error:
    ...     print(str(error)[:44])
    TorchModuleWrapper calls a module of PyTorch
    """

    def __init__(self, module: Any, name: str | None = None, output_shape: Any = None, **kwargs: Any) -> None:
        raise NotImplementedError(_NO_TORCH)

    def parameters(self, recurse: bool = True) -> NoReturn:
        """Refuses."""
        raise NotImplementedError(_NO_TORCH)

    def call(self, *args: Any, training: bool | None = None, **kwargs: Any) -> NoReturn:
        """Refuses."""
        raise NotImplementedError(_NO_TORCH)

    def compute_output_shape(self, input_shape: Any) -> NoReturn:
        """Refuses."""
        raise NotImplementedError(_NO_TORCH)

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None, safe_mode: bool | None = None) -> NoReturn:
        """Refuses."""
        raise NotImplementedError(_NO_TORCH)
