"""Policies that say how a layer's weights are quantized. Lapis reads and writes them; no layer takes one yet."""

from typing import Any, ClassVar

from lapis.core.dtype_policy import DTypePolicy, dtype_policy, types_of
from lapis.core.serialization import builtin

MODES = ("int8", "float8", "int4", "gptq", "awq")


@builtin("keras.dtype_policies")
class QuantizedDTypePolicy(DTypePolicy):
    """Weights quantized from those of another policy.

    Args:
        mode: `"int8"`, `"float8"`, `"int4"`, `"gptq"` or `"awq"`.
        source_name: the name of the other policy; the global one when not given.

    >>> policy = QuantizedDTypePolicy("int8", "mixed_bfloat16")
    >>> policy.name, policy.compute_dtype, policy.quantization_mode
    ('int8_from_mixed_bfloat16', 'bfloat16', 'int8')
    """

    def __init__(self, mode: str, source_name: str | None = None) -> None:
        if mode not in MODES:
            raise ValueError(f"mode is {mode!r}; expected one of {', '.join(map(repr, MODES))}.")
        self._quantization_mode = mode
        self._set_source(mode, source_name)

    def _set_source(self, mode: str, source_name: str | None) -> None:
        self._source_name = dtype_policy().name if source_name is None else source_name
        self._compute_dtype, self._variable_dtype = types_of(self._source_name)
        if self._compute_dtype == "float16" and mode == "int8":
            raise ValueError("The mode 'int8' does not go with computing in float16; take bfloat16 or float32.")
        self._name = f"{mode}_from_{self._source_name}"

    @property
    def quantization_mode(self) -> str | None:
        return self._quantization_mode

    def get_config(self) -> dict:
        return {"mode": self._quantization_mode, "source_name": self._source_name}


@builtin("keras.dtype_policies")
class QuantizedFloat8DTypePolicy(QuantizedDTypePolicy):
    """Products in 8-bit floats, scaled by the largest values of the last `amax_history_length` steps.

    >>> QuantizedFloat8DTypePolicy("float8", "float32").amax_history_length
    1024
    """

    default_amax_history_length = 1024

    def __init__(self, mode: str, source_name: str | None = None, amax_history_length: int = 1024) -> None:
        super().__init__(mode, source_name)
        if not isinstance(amax_history_length, int):
            raise TypeError(f"amax_history_length must be an integer; got {amax_history_length!r}.")
        self._amax_history_length = amax_history_length

    @property
    def amax_history_length(self) -> int:
        """How many steps are looked back."""
        return self._amax_history_length

    def get_config(self) -> dict:
        return {**super().get_config(), "amax_history_length": self._amax_history_length}


class _ParametrisedPolicy(QuantizedDTypePolicy):
    """A policy whose mode carries whole numbers behind its name, as in `"gptq/4/128"`."""

    _form: ClassVar[str]
    _bits: ClassVar[tuple[int, ...]] = ()  # allowed for the first number, where it is a number of bits

    def __init__(self, mode: str, source_name: str | None = None) -> None:
        name, *numbers = mode.split("/")
        known, *places = self._form.split("/")
        try:
            values = [int(number) for number in numbers]
        except ValueError:
            values = []
        if name != known or len(values) != len(places):
            raise ValueError(f"mode is {mode!r}; {type(self).__name__} expects the form {self._form!r}.")
        if self._bits and values[0] not in self._bits:
            raise ValueError(f"mode is {mode!r}; its number of bits must be one of {self._bits}.")
        if values[-1] < -1 or values[-1] == 0:
            raise ValueError(f"mode is {mode!r}; its size must be -1 (no groups) or a positive number.")
        self.mode = self._quantization_mode = name
        self._values = values
        self._set_source(mode, source_name)

    def get_config(self) -> dict:
        return {**super().get_config(), "mode": "/".join(map(str, (self.mode, *self._values)))}


@builtin("keras.dtype_policies")
class Int4DTypePolicy(_ParametrisedPolicy):
    """Weights of 4 bits in blocks with scales of their own; the mode is `"int4/<block size>"`, -1 for whole columns.

    >>> Int4DTypePolicy("int4/128", "float32").block_size
    128
    """

    _form = "int4/<block_size>"

    @property
    def block_size(self) -> int:
        """How many weights share a scale."""
        return self._values[0]


class _GroupedPolicy(_ParametrisedPolicy):
    """A policy with a number of bits and the size of groups."""

    @property
    def weight_bits(self) -> int:
        """The bits of a weight."""
        return self._values[0]

    @property
    def group_size(self) -> int:
        """How many weights share a scale; -1 for all."""
        return self._values[1]


@builtin("keras.dtype_policies")
class GPTQDTypePolicy(_GroupedPolicy):
    """Weights of 2, 3, 4 or 8 bits that were rounded by GPTQ; the mode is `"gptq/<bits>/<group size>"`.

    >>> GPTQDTypePolicy("gptq/4/128", "float32").weight_bits
    4
    """

    _form = "gptq/<weight_bits>/<group_size>"
    _bits = (2, 3, 4, 8)


@builtin("keras.dtype_policies")
class AWQDTypePolicy(_GroupedPolicy):
    """Weights of 4 bits that were scaled by AWQ; the mode is `"awq/4/<group size>"`.

    >>> AWQDTypePolicy("awq/4/-1", "float32").group_size
    -1
    """

    _form = "awq/<weight_bits>/<group_size>"
    _bits = (4,)


def quantized_policy(name: str) -> QuantizedDTypePolicy:
    """The policy of a name such as `"int8_from_float32"` or `"gptq/4/128_from_mixed_bfloat16"`."""
    mode, _, source = name.partition("_from_")
    if not mode.startswith(MODES) or not source or "_from_" in source:
        raise ValueError(f"{name!r} is no dtype policy; expected <mode>_from_<policy>, the mode one of {MODES}.")
    kinds: dict[str, Any] = {"gptq": GPTQDTypePolicy, "awq": AWQDTypePolicy, "float8": QuantizedFloat8DTypePolicy}
    if mode.startswith("int4/"):
        return Int4DTypePolicy(mode, source)
    return kinds.get(mode.partition("/")[0], QuantizedDTypePolicy)(mode, source)
