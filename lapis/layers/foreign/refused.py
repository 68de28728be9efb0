"""Layers of other engines: there, so that programs which name them start, but refusing with what to do instead."""

from typing import Any

from lapis.layers.layer import Layer


class TFSMLayer(Layer):
    """Not available: a TensorFlow SavedModel holds operations that only TensorFlow runs.

    >>> TFSMLayer("path/to/saved_model")
    Traceback (most recent call last):
    NotImplementedError: TFSMLayer runs a TensorFlow SavedModel, for which there is no TensorFlow here. ...
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
        raise NotImplementedError(
            "TFSMLayer runs a TensorFlow SavedModel, for which there is no TensorFlow here. Save the model where it was "
            "made with `model.save('model.keras')`, and read it with `lapis.models.load_model`."
        )

    def call(self, inputs: Any, training: bool = False, **kwargs: Any) -> Any:
        raise NotImplementedError

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None, safe_mode: bool | None = None) -> Any:
        """Refuses as the constructor does."""
        return cls(**config)


class TorchModuleWrapper(Layer):
    """Not available: a module of PyTorch computes in PyTorch, which compiled programs cannot call.

    >>> TorchModuleWrapper(None)
    Traceback (most recent call last):
    NotImplementedError: TorchModuleWrapper calls a module of PyTorch, which JAX cannot differentiate or compile. ...
    """

    def __init__(self, module: Any, name: str | None = None, output_shape: Any = None, **kwargs: Any) -> None:
        raise NotImplementedError(
            "TorchModuleWrapper calls a module of PyTorch, which JAX cannot differentiate or compile. Build the module "
            "from Lapis's layers and copy its weights with `layer.set_weights`, or write it with JAX's functions as a "
            "`lapis.layers.JaxLayer`."
        )

    def parameters(self, recurse: bool = True) -> Any:
        """The module's parameters."""
        raise NotImplementedError

    def call(self, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        raise NotImplementedError

    def compute_output_shape(self, input_shape: Any) -> Any:
        raise NotImplementedError

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None, safe_mode: bool | None = None) -> Any:
        """Refuses as the constructor does."""
        return cls(**config)
