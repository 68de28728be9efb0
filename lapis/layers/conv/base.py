"""What all convolution layers have in common."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import lapis.activations as activations
import lapis.constraints as constraints
import lapis.initializers as initializers
import lapis.ops as ops
import lapis.regularizers as regularizers
from lapis.core.config import standardize_data_format
from lapis.layers.input_spec import InputSpec
from lapis.layers.layer import Layer
from lapis.layers.options import Activation
from lapis.layers.windows import PADDINGS, int_tuple, padding_name


class KernelLayer(Layer):
    """A layer whose kernel slides over `rank` spatial axes: its geometry, its bias and its activation."""

    rank: ClassVar[int]
    bias: Any
    _paddings: ClassVar[tuple[str, ...]] = PADDINGS
    _weight_kinds: ClassVar[tuple[str, ...]] = ("kernel", "bias")

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int],
        padding: str,
        data_format: str | None,
        dilation_rate: int | Sequence[int],
        activation: Activation,
        use_bias: bool,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.kernel_size = int_tuple(kernel_size, self.rank, "kernel_size")
        self.strides = int_tuple(strides, self.rank, "strides")
        self.padding = padding_name(padding, self._paddings)
        self.data_format = standardize_data_format(data_format)
        self.dilation_rate = int_tuple(dilation_rate, self.rank, "dilation_rate")
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.input_spec = InputSpec(min_ndim=self.rank + 2, max_ndim=self.rank + 2)

    def _set_weight_arguments(self, kind: str, initializer: Any, regularizer: Any, constraint: Any) -> None:
        setattr(self, f"{kind}_initializer", initializers.get(initializer))
        setattr(self, f"{kind}_regularizer", regularizers.get(regularizer))
        setattr(self, f"{kind}_constraint", constraints.get(constraint))

    def _check_positive(self, **counts: int | None) -> None:
        for name, count in counts.items():
            if count is not None and count <= 0:
                raise ValueError(f"`{name}` must be 1 or more; received {name}={count}.")

    def _check_one_of_strides_and_dilation(self) -> None:
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                "Strides above 1 do not go together with a dilation rate above 1; received "
                f"strides={self.strides} and dilation_rate={self.dilation_rate}."
            )

    def _read_channels(self, input_shape: Sequence[int | None]) -> int:
        """The number of input channels, which the layer expects from now on."""
        if len(input_shape) != self.rank + 2:
            raise ValueError(
                f"{type(self).__name__} {self.path!r} needs inputs with {self.rank + 2} axes; "
                f"received the shape {tuple(input_shape)}."
            )
        axis = -1 if self.data_format == "channels_last" else 1
        channels = input_shape[axis]
        if channels is None:
            raise ValueError(
                f"{type(self).__name__} {self.path!r} needs to know the number of channels (axis {axis}, "
                f"data_format={self.data_format!r}) to make its weights; received the shape {tuple(input_shape)}."
            )
        self.input_spec = InputSpec(min_ndim=self.rank + 2, max_ndim=self.rank + 2, axes={axis: channels})
        return channels

    def _check_fit(self, input_shape: Sequence[int | None]) -> None:
        if self.padding != "valid":
            return
        spatial = input_shape[1:-1] if self.data_format == "channels_last" else input_shape[2:]
        for size, kernel, dilation in zip(spatial, self.kernel_size, self.dilation_rate):
            if size is not None and size < (kernel - 1) * dilation + 1:
                raise ValueError(
                    f"The output of {type(self).__name__} {self.path!r} would be empty: its window of kernel_size="
                    f"{self.kernel_size} and dilation_rate={self.dilation_rate} does not fit into inputs of shape "
                    f'{tuple(input_shape)}. Use larger inputs, a smaller window, or padding="same".'
                )

    def _add_kernel(self, name: str, shape: tuple[int, ...], kind: str) -> Any:
        """The weight `name`, handled by the arguments that begin with `kind`."""
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=getattr(self, f"{kind}_initializer"),
            regularizer=getattr(self, f"{kind}_regularizer"),
            constraint=getattr(self, f"{kind}_constraint"),
        )

    def _add_bias(self, size: int) -> Any:
        return self._add_kernel("bias", (size,), "bias") if self.use_bias else None

    def _geometry(self) -> dict[str, Any]:
        names = ("strides", "padding", "data_format", "dilation_rate")
        return {name: getattr(self, name) for name in names}

    def _affine(self, operation: Callable, inputs: Any, kernel: Any, **geometry: Any) -> Any:
        """`activation(operation + bias)`, where the operation itself adds the bias and may take a ReLU."""
        relu = self.activation is activations.relu
        outputs = operation(inputs, kernel, self.bias, relu, **geometry)
        return outputs if relu or self.activation is None else self.activation(outputs)

    def _finish(self, outputs: Any) -> Any:
        """`activation(outputs + bias)`."""
        if self.bias is not None:
            bias = self.bias
            if self.data_format == "channels_first":
                bias = ops.reshape(bias, (-1, *(1,) * self.rank))
            outputs = ops.add(outputs, bias)
        return outputs if self.activation is None else self.activation(outputs)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        names = ("kernel_size", "strides", "padding", "data_format", "dilation_rate", "use_bias")
        config.update({name: getattr(self, name) for name in names})
        config["activation"] = activations.serialize(self.activation)
        config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        for kind in self._weight_kinds:
            config[f"{kind}_initializer"] = initializers.serialize(getattr(self, f"{kind}_initializer"))
            config[f"{kind}_regularizer"] = regularizers.serialize(getattr(self, f"{kind}_regularizer"))
            config[f"{kind}_constraint"] = constraints.serialize(getattr(self, f"{kind}_constraint"))
        return config
