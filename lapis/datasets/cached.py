"""Where the data sets' files are."""

import hashlib
from pathlib import Path

import numpy as np

from lapis.core.config import cache_home


def find(*names: str) -> Path | None:
    """The first of the files or folders that is in the cache folder's `datasets`, or right in the cache folder."""
    for folder in (cache_home() / "datasets", cache_home()):
        for name in names:
            if (folder / name).exists():
                return folder / name
    return None


def content_digest(array: np.ndarray) -> str:
    """SHA-256 of an array's numbers, whatever file they were packed in."""
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()


def wrong_file(path: Path, what: str, why: str) -> ValueError:
    """The error for a file in the cache that is not what its name says."""
    return ValueError(f"The file {path} does not hold {what}: {why}. Remove it, and it will be downloaded anew.")
