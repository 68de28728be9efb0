"""On which device arrays are made and computed with."""

from contextlib import AbstractContextManager
from typing import Any

import jax


def device(device_name: Any) -> AbstractContextManager:
    """A scope in which arrays are made on a device, given as `"cpu:0"`, `"gpu:1"`, `"tpu"` or as a `jax.Device`.

    >>> with device("cpu:0"):
    ...     x = jax.numpy.ones(2)
    >>> x.device.platform
    'cpu'
    """
    if isinstance(device_name, jax.Device):
        return jax.default_device(device_name)
    if not isinstance(device_name, str):
        raise ValueError(f"A device is a name such as 'gpu:0' or a jax.Device; got {device_name!r}.")
    kind, _, number = device_name.lower().partition(":")
    try:
        devices = jax.devices(kind)
    except RuntimeError:
        devices = []
    index = int(number) if number.isdigit() else 0 if not number else -1
    if not 0 <= index < len(devices):
        known = [f"{one.platform}:{place}" for place, one in enumerate(devices or jax.devices())]
        raise ValueError(f"There is no device {device_name!r} here; there are {', '.join(known)}.")
    return jax.default_device(devices[index])
