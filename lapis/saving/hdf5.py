"""Reading HDF5 files that may come from anywhere, in Python: plain numbers and texts in plain groups. And writing them.

Links to other places or files, data kept outside the file, virtual data, filters that HDF5 would load as plug-ins, and
sizes that the stored bytes cannot hold are refused. Headers are looked at before any value is read.
"""

import itertools
import struct
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import h5py
import numpy as np

from lapis.core.dtypes import ALLOWED_DTYPES
from lapis.saving.hdf5_array import Array
from lapis.saving.hdf5_messages import Unreadable
from lapis.saving.hdf5_reader import LAYOUT, LINK, LINK_INFO, SYMBOLS, Group, Object, Source, messages_at, root_address

_MAX_ATTRIBUTE_ITEMS = 1_000_000
_MAX_ATTRIBUTE_BYTES = 64 << 20
# What comes of headers that make no sense.
_DAMAGE = (Unreadable, OSError, struct.error, zlib.error, LookupError, UnicodeDecodeError, OverflowError, MemoryError)
_TEXT_LIMIT = 64512  # an attribute larger than this does not fit an HDF5 object header


@contextmanager
def opened(source: Any, name: str) -> Iterator[Group]:
    """The outermost group of the HDF5 file at a path or in a file object, for reading."""
    with ExitStack() as stack:
        try:
            file = source if hasattr(source, "read") else stack.enter_context(open(source, "rb"))
            content = Source(file, name)
            address = root_address(content)
            root = Group(content, address, "/", messages_at(content, address))
        except FileNotFoundError:
            raise
        except _DAMAGE as error:
            raise ValueError(f"{name} is not an HDF5 file that can be read: {error}.") from None
        yield root


@contextmanager
def _reading(what: str) -> Iterator[None]:
    """Within the block, what comes of headers that make no sense becomes a `ValueError` about `what`."""
    try:
        yield
    except _DAMAGE as error:
        raise ValueError(f"{what} is damaged: {error}.") from None


def group_at(parent: Group, path: str) -> Group | None:
    """The group at a `/`-separated path below `parent`, `None` where there is none."""
    for part in _parts(path):
        found = member(parent, part)
        if found is None:
            return None
        if not isinstance(found, Group):
            raise ValueError(f"{found.name} in the file must be a group of weights.")
        parent = found
    return parent


def dataset_at(parent: Group, path: str) -> Array | None:
    """The array at a path below `parent`, its header checked and nothing read; `None` where there is none."""
    *folders, last = _parts(path)
    group = group_at(parent, "/".join(folders))
    found = None if group is None else member(group, last)
    if found is None:
        return None
    if not isinstance(found, Array):
        raise ValueError(f"{found.name} in the file must be an array.")
    if dtype_name(found) is None:
        raise ValueError(f"The array {found.name} has elements of type {found.dtype}; only numbers are read.")
    return found


def _parts(path: str) -> list[str]:
    parts = [part for part in path.split("/") if part]
    if any(part in (".", "..") for part in parts):
        raise ValueError(f"The file names a place {path!r}, which leads out of its group.")
    return parts


def _links(group: Group) -> dict[str, int | str]:
    with _reading(f"The group {group.name} in the file"):
        return group.links


def members(group: Group) -> list[str]:
    """The names of a group's members."""
    return list(_links(group))


def holds(group: Group, name: str) -> bool:
    """Whether a group has a member of that name."""
    return name in _links(group)


def member(group: Group, name: str) -> Object | None:
    """The group or array of that name in a group, `None` where there is none."""
    link = _links(group).get(name)
    if link is None:
        return None
    path = f"{group.name.rstrip('/')}/{name}"
    if isinstance(link, str):
        raise ValueError(f"{path} in the file is a {link} to another place; only what is in the file itself is read.")
    if link not in group.opened:
        with _reading(f"The object {path} in the file"):
            group.opened[link] = _object(group.source, link, path)
    return group.opened[link]


def _object(source: Source, address: int, path: str) -> Object:
    messages = messages_at(source, address)
    kinds = {kind for kind, _ in messages}
    if LAYOUT in kinds:
        return Array(source, address, path, messages)
    if kinds & {SYMBOLS, LINK_INFO, LINK}:
        return Group(source, address, path, messages)
    raise Unreadable("it is neither a group nor an array")


def walk(group: Group) -> Iterator[Object]:
    """All groups and arrays below, each once, and what leads elsewhere passed over."""
    seen, waiting = {group.address}, [(group, name) for name in reversed(members(group))]
    while waiting:
        parent, name = waiting.pop()
        link = parent.links[name]
        if isinstance(link, str) or link in seen:
            continue
        seen.add(link)
        found = member(parent, name)
        if found is not None:
            yield found
        if isinstance(found, Group):
            waiting += [(found, name) for name in reversed(members(found))]


def dtype_name(array: Array) -> str | None:
    """The name of the element type, also of those that HDF5 keeps as bare bytes; `None` if it is no number."""
    if array.dtype.kind in "biufc":
        name = array.dtype.name
    else:  # bare bytes: older files do not say which type it is; one of two bytes exists
        name = read_text(array, "dtype") or "bfloat16"
    if name not in ALLOWED_DTYPES or name == "string":
        return None
    return name if np.dtype(name).itemsize == array.dtype.itemsize else None


def read(array: Array) -> np.ndarray:
    """The values of an array that `dataset_at` returned; they cannot be changed."""
    with _reading(f"The array {array.name}"):
        values = array.read()
    return values.view(np.dtype(dtype_name(array))) if values.dtype.kind == "V" else values


def write(group: h5py.Group, path: str, value: Any) -> None:
    """Store an array (or a Variable) at a path below `group`."""
    array = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
    dataset = group.create_dataset(path, data=array)
    if array.dtype.kind == "V":  # bfloat16 and the like have no HDF5 type of their own
        dataset.attrs["dtype"] = array.dtype.name


def has_attribute(header: Object, name: str) -> bool:
    """Whether a group or an array has an attribute of that name."""
    return name in header.attributes


def read_text(header: Object, name: str) -> str | None:
    """The text in an attribute, `None` where there is none."""
    if not has_attribute(header, name):
        return None
    texts = _texts(header, name)
    if header.attributes[name].shape != () or len(texts) != 1:
        raise ValueError(f"The attribute {name!r} of {header.name} must be a text; got {len(texts)} of them.")
    return texts[0]


def read_names(group: Group, name: str) -> list[str] | None:
    """The list of names in an attribute, in one piece or in pieces `name0`, `name1`, …; `None` where there is none."""
    pieces = [name] if has_attribute(group, name) else []
    if not pieces:
        numbered = (f"{name}{index}" for index in itertools.count())
        pieces = list(itertools.takewhile(lambda piece: has_attribute(group, piece), numbered))
    return [text for piece in pieces for text in _texts(group, piece)] if pieces else None


def _texts(header: Object, name: str) -> list[str]:
    with _reading(f"The attribute {name!r} of {header.name}"):
        return header.texts(name, _MAX_ATTRIBUTE_ITEMS, _MAX_ATTRIBUTE_BYTES)


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
