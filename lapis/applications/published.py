"""Files that go with published models."""

import warnings

from lapis.core.config import cache_home
from lapis.data.download import get_file


def published_file(name: str, url: str, md5: str) -> str:
    """The path of the file in the cache folder's `models`, downloaded where it is missing or not the published one.

    Without a network, a file of that name with other contents is used as it is, with a warning.
    """
    try:
        return get_file(name, url, cache_subdir="models", file_hash=md5)
    except ConnectionError:
        path = cache_home() / "models" / name
        if not path.exists():
            raise
        warnings.warn(
            f"{path} is used, though its MD5 is not {md5} of the published file, which cannot be downloaded now.",
            stacklevel=2,
        )
        return str(path)
