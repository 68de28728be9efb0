"""Process-wide settings: float type, fuzz factor, image layout, cache folder."""

import os
import sys
import warnings
from pathlib import Path
from typing import Any

from lapis.core.changes import changed

_FLOATS = ("float16", "bfloat16", "float32", "float64")
_LAYOUTS = ("channels_last", "channels_first")
_settings: dict[str, Any] = {
    "floatx": "float32",
    "epsilon": 1e-7,
    "image_data_format": "channels_last",
    "flash_attention": None,
}


def floatx() -> str:
    """The default float type of weights and inputs, `"float32"` unless set.

    >>> floatx()
    'float32'
    """
    return _settings["floatx"]


def set_floatx(value: str) -> None:
    """Set the default float type: `"float16"`, `"bfloat16"`, `"float32"` or `"float64"`."""
    if value not in _FLOATS:
        raise ValueError(f"set_floatx got {value!r}; expected one of {', '.join(_FLOATS)}.")
    _settings["floatx"] = value
    changed()


def epsilon() -> float:
    """The small number added where a division or a logarithm could meet zero, `1e-7` unless set."""
    return _settings["epsilon"]


def set_epsilon(value: float) -> None:
    """Set the small number that `epsilon()` returns."""
    _settings["epsilon"] = float(value)
    changed()


def image_data_format() -> str:
    """Where images carry their channels unless a layer says otherwise: `"channels_last"` or `"channels_first"`."""
    return _settings["image_data_format"]


def set_image_data_format(data_format: str) -> None:
    """Set the layout that `image_data_format()` returns."""
    _settings["image_data_format"] = standardize_data_format(data_format)
    changed()


def standardize_data_format(data_format: str | None) -> str:
    """`data_format` in lower case, the global default for `None`; a `ValueError` for anything unknown."""
    if data_format is None:
        return image_data_format()
    lowered = str(data_format).lower()
    if lowered not in _LAYOUTS:
        raise ValueError(f"data_format is {data_format!r}; expected 'channels_last' or 'channels_first'.")
    return lowered


def enable_flash_attention() -> None:
    """Let attention take the fused kernel of the GPU where it can; this is the default."""
    _settings["flash_attention"] = None


def disable_flash_attention() -> None:
    """Keep attention layers made from here on from taking the fused kernel of the GPU."""
    _settings["flash_attention"] = False


def is_flash_attention_enabled() -> bool | None:
    """`False` after `disable_flash_attention()`, else `None`: the fused kernel is taken where it can be."""
    return _settings["flash_attention"]


def backend() -> str:
    """The engine's name, always `"jax"`."""
    return "jax"


def set_backend(backend: str) -> None:
    """Nothing for `"jax"`, a `ValueError` for any other engine."""
    if backend != "jax":
        raise ValueError(f"Lapis computes with JAX alone; set_backend got {backend!r}, expected 'jax'.")


def is_nnx_enabled() -> bool:
    """Always false: layers are not modules of Flax's NNX."""
    return False


def enable_unsafe_deserialization() -> None:
    """Nothing but a warning: there is no mode in which loading a model executes what its file says."""
    warnings.warn(
        "enable_unsafe_deserialization() changes nothing: Lapis never executes code out of a file. Register the "
        "functions that a model needs with lapis.saving.register_keras_serializable(), or pass them in custom_objects.",
        stacklevel=2,
    )


def _limit(value: Any, name: str) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise ValueError(f"{name} must be None or a number of 0 or more, 0 being no limit; got {value!r}.")
    return value


def _limit_from_environment(name: str) -> int | None:
    text = os.environ.get(name)
    if text is None:
        return None
    try:
        return _limit(int(text), name)
    except ValueError:
        raise ValueError(f"The environment variable {name} must hold a number of 0 or more; got {text!r}.") from None


_limits = {name: _limit_from_environment(f"KERAS_MAX_{name.upper()}") for name in ("epochs", "steps_per_epoch")}


def max_epochs() -> int | None:
    """The most epochs that `fit` trains, from `set_max_epochs` or the environment variable `KERAS_MAX_EPOCHS`."""
    return _limits["epochs"]


def set_max_epochs(max_epochs: int | None) -> None:
    """Let no `fit` train longer than so many epochs, to try a program out; `None` is no limit."""
    _limits["epochs"] = _limit(max_epochs, "max_epochs")


def max_steps_per_epoch() -> int | None:
    """The most batches of an epoch, from `set_max_steps_per_epoch` or `KERAS_MAX_STEPS_PER_EPOCH`."""
    return _limits["steps_per_epoch"]


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Let no epoch of `fit`, `evaluate` and `predict` take more than so many batches; `None` is no limit."""
    _limits["steps_per_epoch"] = _limit(max_steps_per_epoch, "max_steps_per_epoch")


def x64_enabled() -> bool:
    """Whether JAX computes with 64-bit types (`jax.config.update("jax_enable_x64", True)`)."""
    jax = sys.modules.get("jax")
    return jax is not None and bool(jax.config.jax_enable_x64)


def cache_home() -> Path:
    """The folder of data sets and pretrained weights: `$LAPIS_HOME`, else `$KERAS_HOME`, else `~/.keras`."""
    for name in ("LAPIS_HOME", "KERAS_HOME"):
        if os.environ.get(name):
            return Path(os.environ[name]).expanduser()
    return Path.home() / ".keras"
