"""Sends the logs of each epoch to a server."""

import json
import warnings
from typing import Any

from lapis.callbacks.callback import Callback

_TIMEOUT = 10.0  # seconds


class RemoteMonitor(Callback):
    """Posts the number and the logs of each epoch to a server; where that fails, training goes on with a warning.

    Args:
        root: the server's URL.
        path: the path that is appended to it.
        field: the field of the form that carries the JSON text.
        headers: further HTTP headers.
        send_as_json: send the JSON text itself, as `application/json`, instead of a form.

    Raises:
        ValueError: if `root` does not begin with `http://` or `https://`.

    >>> RemoteMonitor("http://localhost:9000").path
    '/publish/epoch/end/'
    """

    async_safe = True

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: dict[str, str] | None = None,
        send_as_json: bool = False,
    ) -> None:
        super().__init__()
        if not root.startswith(("http://", "https://")):
            raise ValueError(f"root is {root!r}; expected a URL that begins with http:// or https://.")
        self.root = root
        self.path = path
        self.field = field
        self.headers = headers
        self.send_as_json = send_as_json

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        from http.client import HTTPException  # here, because few programs send, and importing these takes long
        from urllib.parse import urlencode
        from urllib.request import Request, urlopen

        text = json.dumps({"epoch": epoch, **{name: _plain(value) for name, value in (logs or {}).items()}})
        kind = "application/json" if self.send_as_json else "application/x-www-form-urlencoded"
        data = text if self.send_as_json else urlencode({self.field: text})
        headers = {"Content-Type": kind, **(self.headers or {})}
        try:
            with urlopen(Request(self.root + self.path, data.encode(), headers), timeout=_TIMEOUT) as answer:
                answer.read()
        except (OSError, HTTPException) as error:
            if hasattr(error, "close"):  # a server's refusal, still open
                error.close()  # pyright: ignore[reportAttributeAccessIssue]
            warnings.warn(f"RemoteMonitor could not send epoch {epoch} to {self.root}: {error}.", stacklevel=2)


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value
