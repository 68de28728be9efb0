"""Layers that Keras can quantize, which Lapis can not."""

from typing import Any

from lapis.layers.core.lora import LowRankAdapted


class Quantizable(LowRankAdapted):
    """A layer with Keras's names around quantization, each of which says that there is none."""

    def _refuse_quantization(self, config: Any) -> None:
        if config is not None:
            raise ValueError(
                f"{type(self).__name__} cannot be quantized; got quantization_config={config!r}, expected None."
            )

    def quantized_build(self, kernel_shape: Any, mode: str, config: Any = None) -> None:
        """Not available: layers are not quantized."""
        super().quantized_build(kernel_shape, mode)

    @property
    def variable_serialization_spec(self) -> dict[str | None, list[str]]:
        """The names of the saved weights, in order, by quantization mode: there is only `None`."""
        return {None: [self._adapted_weight] if self._adapted_weight == "embeddings" else ["kernel", "bias"]}
