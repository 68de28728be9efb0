"""Keras's names around quantization, each of which says that there is none."""

from typing import Any

_NOT_QUANTIZED = "{cls} cannot be quantized; keep it in float or use `dtype='bfloat16'`."


class WithoutQuantization:
    """Gives a layer `quantize` and what belongs to it, none of which is available."""

    @property
    def quantization_mode(self) -> None:
        """Always `None`: the layer is not quantized."""
        return None

    def quantize(self, mode: Any = None, type_check: bool = True, config: Any = None) -> None:
        """Not available: layers are not quantized."""
        raise NotImplementedError(_NOT_QUANTIZED.format(cls=type(self).__name__))

    def quantized_build(self, input_shape: Any, mode: str) -> None:
        """Not available: layers are not quantized."""
        raise NotImplementedError(_NOT_QUANTIZED.format(cls=type(self).__name__))
