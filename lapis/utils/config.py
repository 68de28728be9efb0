"""Settings of an experiment, by attribute."""

import difflib
import json
from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from typing import Any


class Config:
    """A dict whose keys are also attributes, and which can be frozen.

    >>> config = Config(units=64)
    >>> config.rate = 0.1
    >>> config.units, config["rate"], config.to_json()
    (64, 0.1, '{"units": 64, "rate": 0.1}')
    >>> config.freeze()
    >>> config.units = 32
    Traceback (most recent call last):
        ...
    ValueError: The config is frozen; call `unfreeze()` before changing it.
    """

    _values: dict[str, Any]
    _frozen: bool

    def __init__(self, **kwargs: Any) -> None:
        object.__setattr__(self, "_values", dict(kwargs))
        object.__setattr__(self, "_frozen", False)

    @property
    def frozen(self) -> bool:
        """Whether changing it is an error."""
        return self._frozen

    def freeze(self) -> None:
        """Make changing it an error."""
        object.__setattr__(self, "_frozen", True)

    def unfreeze(self) -> None:
        """Let it be changed again."""
        object.__setattr__(self, "_frozen", False)

    def _changing(self) -> dict[str, Any]:
        if self._frozen:
            raise ValueError("The config is frozen; call `unfreeze()` before changing it.")
        return self._values

    def as_dict(self) -> dict[str, Any]:
        """A copy as a dict."""
        return dict(self._values)

    def to_json(self) -> str:
        """The settings as JSON text."""
        return json.dumps(self._values)

    def keys(self) -> KeysView[str]:
        """The names."""
        return self._values.keys()

    def values(self) -> ValuesView[Any]:
        """The values."""
        return self._values.values()

    def items(self) -> ItemsView[str, Any]:
        """Names with values."""
        return self._values.items()

    def pop(self, *args: Any) -> Any:
        """Take a setting out, as `dict.pop` does."""
        return self._changing().pop(*args)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Set several settings, as `dict.update` does."""
        self._changing().update(*args, **kwargs)

    def get(self, keyname: str, value: Any = None) -> Any:
        """A setting, or `value` where there is none of the name."""
        return self._values.get(keyname, value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        values = object.__getattribute__(self, "_values")
        if name in values:
            return values[name]
        close = difflib.get_close_matches(name, values, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise AttributeError(f"The config has no setting {name!r}.{hint}")

    def __setattr__(self, name: str, value: Any) -> None:
        self._changing()[name] = value

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._changing()[key] = value

    def __delitem__(self, key: str) -> None:
        del self._changing()[key]

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._values))

    def __len__(self) -> int:
        return len(self._values)

    def __getstate__(self) -> dict[str, Any]:
        return {"_values": self._values, "_frozen": self._frozen}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def __repr__(self) -> str:
        return f"<Config {self._values}>"
