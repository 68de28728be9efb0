"""Reading HDF5 files that may come from anywhere: plain numbers in plain groups, and nothing that leads elsewhere.

Links to other places or files, data kept outside the file, virtual data, filters that HDF5 would load as plug-ins, and
sizes that the stored bytes cannot hold are refused. Headers are looked at before any value is read.
"""

import itertools
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import h5py
import numpy as np

from lapis.core.dtypes import ALLOWED_DTYPES
from lapis.saving.aligned import aligned
from lapis.saving.hdf5_texts import known_as, text_bytes

_FILTERS = frozenset({h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32})
# Deflate cannot pack tighter than about 1000 to 1; below the floor a few missing bytes are no danger.
_MAX_EXPANSION = 1000
_FLOOR_BYTES = 64 << 20
_LARGEST_CHUNK = 16 << 20  # beyond the array itself
_PIECE = 1 << 20
_MAX_ATTRIBUTE_ITEMS = 1_000_000
_MAX_ATTRIBUTE_BYTES = 64 << 20
# What h5py raises on headers that make no sense.
_DAMAGE = (OSError, RuntimeError, KeyError, TypeError, ArithmeticError, MemoryError, SystemError)
_TEXT_LIMIT = 64512  # an attribute larger than this does not fit an HDF5 object header


@contextmanager
def opened(source: Any, name: str) -> Iterator[h5py.File]:
    """The HDF5 file at a path or in a file object, for reading."""
    try:
        file = h5py.File(source, "r")
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ValueError(f"{name} is not an HDF5 file that can be read: {error}.") from None
    with file, known_as(file.filename, source):
        yield file


@contextmanager
def reading_headers(what: str) -> Iterator[None]:
    """Within the block, what HDF5 says of headers that make no sense becomes a `ValueError` about `what`."""
    try:
        yield
    except _DAMAGE as error:
        raise ValueError(f"{what} is damaged: {error}.") from None


def group_at(parent: h5py.Group, path: str) -> h5py.Group | None:
    """The group at a `/`-separated path below `parent`, `None` where there is none."""
    for part in _parts(path):
        found = _step(parent, part)
        if found is None:
            return None
        if not isinstance(found, h5py.Group):
            raise ValueError(f"{found.name} in the file must be a group of weights.")
        parent = found
    return parent


def dataset_at(parent: h5py.Group, path: str) -> h5py.Dataset | None:
    """The array at a path below `parent`, its header checked and nothing read; `None` where there is none."""
    *folders, last = _parts(path)
    group = group_at(parent, "/".join(folders))
    found = None if group is None else _step(group, last)
    if found is None:
        return None
    if not isinstance(found, h5py.Dataset):
        raise ValueError(f"{found.name} in the file must be an array.")
    _check_header(found)
    return found


def _parts(path: str) -> list[str]:
    parts = [part for part in path.split("/") if part]
    if any(part in (".", "..") for part in parts):
        raise ValueError(f"The file names a place {path!r}, which leads out of its group.")
    return parts


def _step(group: h5py.Group, name: str) -> Any:
    with reading_headers(f"The link {name!r} in the file"):
        link = group.get(name, getlink=True)
    if link is None:
        return None
    if not isinstance(link, h5py.HardLink):
        raise ValueError(
            f"{group.name.rstrip('/')}/{name} in the file is a {type(link).__name__} to another place; only arrays "
            "stored in the file itself are read."
        )
    with reading_headers(f"The object {name!r} in the file"):
        return group[name]


def _check_header(dataset: h5py.Dataset) -> None:
    name = dataset.name
    with reading_headers(f"The array {name}"):
        _check_plain(dataset, name)


def _check_plain(dataset: h5py.Dataset, name: str | None) -> None:
    if dataset.external:
        raise ValueError(f"The array {name} is kept outside the file; only arrays stored in the file itself are read.")
    if dataset.is_virtual:
        raise ValueError(f"The array {name} is a view of other files; only arrays stored in the file itself are read.")
    if dataset.shape is None or dataset.dtype.hasobject or dtype_name(dataset) is None:
        raise ValueError(f"The array {name} has elements of type {dataset.dtype}; only numbers are read.")
    filters = _filters(dataset)
    if not _FILTERS.issuperset(filters):
        raise ValueError(f"The array {name} is packed with a filter that HDF5 would load as a plug-in.")
    if filters.count(h5py.h5z.FILTER_DEFLATE) > 1:
        raise ValueError(f"The array {name} is packed several times over; such a file is refused.")
    chunk = math.prod(dataset.chunks or ()) * dataset.dtype.itemsize
    declared = math.prod(dataset.shape) * dataset.dtype.itemsize
    if dataset.chunks is not None and chunk > declared + _LARGEST_CHUNK:
        raise ValueError(
            f"The array {name} of {declared:,} bytes is kept in chunks of {chunk:,} bytes, which would be unpacked "
            "whole; such a file is refused."
        )
    stored = dataset.id.get_storage_size()
    if declared > _FLOOR_BYTES and declared > _MAX_EXPANSION * stored:
        raise ValueError(
            f"The array {name} claims {declared:,} bytes of which the file stores {stored:,}; such a file is refused."
        )


def _filters(dataset: h5py.Dataset) -> list[int]:
    settings = dataset.id.get_create_plist()
    return [settings.get_filter(index)[0] for index in range(settings.get_nfilters())]


def dtype_name(dataset: h5py.Dataset) -> str | None:
    """The name of the element type, also of those that HDF5 keeps as bare bytes; `None` if it is no number."""
    if dataset.dtype.kind in "biufc":
        name = dataset.dtype.name
    elif dataset.dtype.kind == "V":  # older files do not say which type it is; one of two bytes exists
        name = dataset.attrs.get("dtype", "bfloat16")
    else:
        name = None
    if not isinstance(name, str) or name not in ALLOWED_DTYPES or name == "string":
        return None
    return name if np.dtype(name).itemsize == dataset.dtype.itemsize else None


def read(dataset: h5py.Dataset) -> np.ndarray:
    """The values of an array that `dataset_at` returned; they cannot be changed."""
    with reading_headers(f"The array {dataset.name}"):
        if h5py.h5z.FILTER_DEFLATE in _filters(dataset):
            _check_packed(dataset)
        values = aligned(dataset.shape, dataset.dtype)
        if values.size:
            dataset.read_direct(values)
        values.flags.writeable = False
    return values.view(np.dtype(dtype_name(dataset))) if values.dtype.kind == "V" else values


def _check_packed(dataset: h5py.Dataset) -> None:
    """Refuse a chunk that unpacks to more than its size: HDF5 itself would follow it to the end."""
    most = math.prod(dataset.chunks or ()) * dataset.dtype.itemsize + 4  # a checksum may be packed with it
    for index in range(dataset.id.get_num_chunks()):
        mask, packed = dataset.id.read_direct_chunk(dataset.id.get_chunk_info(index).chunk_offset)
        if mask:
            raise ValueError(f"The array {dataset.name} is packed with other filters than it says.")
        unpacker, size = zlib.decompressobj(), 0
        while packed and size <= most:
            try:
                size += len(unpacker.decompress(packed, _PIECE))
            except zlib.error as error:
                raise ValueError(f"The array {dataset.name} is damaged: {error}.") from None
            packed = unpacker.unconsumed_tail
        if size > most:
            raise ValueError(f"The array {dataset.name} unpacks to more bytes than it has; such a file is refused.")


def write(group: h5py.Group, path: str, value: Any) -> None:
    """Store an array (or a Variable) at a path below `group`."""
    array = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
    dataset = group.create_dataset(path, data=array)
    if array.dtype.kind == "V":  # bfloat16 and the like have no HDF5 type of their own
        dataset.attrs["dtype"] = array.dtype.name


def holds(group: h5py.Group, name: str) -> bool:
    """Whether a group has a member of that name."""
    with reading_headers(f"The group {group.name} in the file"):
        return name in group


def has_attribute(group: h5py.Group, name: str) -> bool:
    """Whether a group has an attribute of that name."""
    with reading_headers(f"The group {group.name} in the file"):
        return name in group.attrs


def read_text(group: h5py.Group, name: str) -> str | None:
    """The text in an attribute, `None` where there is none."""
    if not has_attribute(group, name):
        return None
    _check_attribute(group, name)
    with reading_headers(f"The attribute {name!r} of {group.name}"):
        value = group.attrs[name]
    if isinstance(value, bytes):
        value = value.decode("utf-8")
    if not isinstance(value, str):
        raise ValueError(f"The attribute {name!r} of {group.name} must be text; got {type(value).__name__}.")
    return value


def read_names(group: h5py.Group, name: str) -> list[str] | None:
    """The list of names in an attribute, in one piece or in pieces `name0`, `name1`, …; `None` where there is none."""
    pieces = [name] if has_attribute(group, name) else []
    if not pieces:
        numbered = (f"{name}{index}" for index in itertools.count())
        pieces = list(itertools.takewhile(lambda piece: has_attribute(group, piece), numbered))
    if not pieces:
        return None
    names: list[str] = []
    for piece in pieces:
        _check_attribute(group, piece)
        with reading_headers(f"The attribute {piece!r} of {group.name}"):
            values = np.asarray(group.attrs[piece]).reshape(-1).tolist()
        names.extend(value.decode("utf-8") if isinstance(value, bytes) else value for value in values)
    if not all(isinstance(item, str) for item in names):
        raise ValueError(f"The attribute {name!r} of {group.name} must hold names only.")
    return names


def write_names(group: h5py.Group, name: str, names: list[str]) -> None:
    """Store a list of names as an attribute, split into pieces where it is too large for one."""
    data = [item.encode("utf-8") for item in names]
    width = max(map(len, data), default=1)
    if width * len(data) <= _TEXT_LIMIT:
        group.attrs[name] = data
        return
    per_piece = max(1, _TEXT_LIMIT // width)
    for index, start in enumerate(range(0, len(data), per_piece)):
        group.attrs[f"{name}{index}"] = data[start : start + per_piece]


def _check_attribute(group: h5py.Group, name: str) -> None:
    with reading_headers(f"The attribute {name!r} of {group.name}"):
        header = group.attrs.get_id(name)
        kind, items = header.get_type(), math.prod(header.shape or ())
        size = items * kind.get_size()
        any_length = not isinstance(kind, h5py.h5t.TypeStringID) or kind.is_variable_str()
        if items > _MAX_ATTRIBUTE_ITEMS or size > _MAX_ATTRIBUTE_BYTES:
            raise ValueError(f"The attribute {name!r} of {group.name} claims {items:,} items of {size:,} bytes.")
        # Each text of a list may lead to the same long one, which would be read as often.
        texts = text_bytes(group, name, items) if any_length else size
    if (texts is None and items > 1) or (texts is not None and texts > _MAX_ATTRIBUTE_BYTES):
        told = "an unknown number of" if texts is None else f"{texts:,}"
        raise ValueError(
            f"The attribute {name!r} of {group.name} holds {items:,} texts of {told} bytes; such a file is refused."
        )
