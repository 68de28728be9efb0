"""Where running text goes: to the standard output, or into Python's log when a program asks for that."""

import logging
from typing import Any

_LOGGER = logging.getLogger("lapis")
_settings = {"interactive": True}


def enable_interactive_logging() -> None:
    """Print running text, such as summaries, to the standard output; so it is from the start."""
    _settings["interactive"] = True


def disable_interactive_logging() -> None:
    """Send running text to the logger "lapis" at level INFO instead of printing it."""
    _settings["interactive"] = False


def is_interactive_logging_enabled() -> bool:
    """Whether running text is printed.

    >>> is_interactive_logging_enabled()
    True
    """
    return _settings["interactive"]


def write(text: Any) -> None:
    """Put a text where running text goes."""
    if is_interactive_logging_enabled():
        print(text)
    else:
        _LOGGER.info("%s", text)


def note(text: str) -> None:
    """Tell whoever runs the program something that is no error, through the logger "lapis"."""
    _LOGGER.warning("%s", text)
