"""Where the data sets' files are."""

import hashlib
import json
from pathlib import Path

import numpy as np

from lapis.core.config import cache_home
from lapis.data.download import algorithm_of, digest, get_file

STORE = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


def find(*names: str) -> Path | None:
    """The first of the files or folders that is in the cache folder's `datasets`, or right in the cache folder."""
    for folder in (cache_home() / "datasets", cache_home()):
        for name in names:
            if (folder / name).exists():
                return folder / name
    return None


def published_file(name: str, origin: str, file_hash: str) -> Path:
    """The file with this very hash: the one in the cache, else downloaded."""
    found = find(name)
    if found is not None and digest(found, algorithm_of("auto", file_hash)) == file_hash:
        return found
    return Path(get_file(name, origin, file_hash=file_hash))


def word_index(name: str, origin: str, file_hash: str) -> dict[str, int]:
    """A published JSON file of words and their ranks."""
    return json.loads(published_file(name, origin, file_hash).read_text(encoding="utf-8"))


def content_digest(array: np.ndarray) -> str:
    """SHA-256 of an array's numbers, whatever file they were packed in."""
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()


def wrong_file(path: Path, what: str, why: str) -> ValueError:
    """The error for a file in the cache that is not what its name says."""
    return ValueError(f"The file {path} does not hold {what}: {why}. Remove it, and it will be downloaded anew.")
