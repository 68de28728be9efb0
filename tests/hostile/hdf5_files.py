"""Weights that lead elsewhere, claim more than they store, or are no numbers."""

import io
import struct
import zlib
from pathlib import Path

import h5py
import numpy as np

from tests.hostile.making import KERNEL, LEGACY_KERNEL, Hostile, weights


def replaced(make):
    """The kernel of the first layer, wherever the file keeps it, made anew by `make(file, path)`."""

    def change(file: h5py.File) -> None:
        path = KERNEL if KERNEL in file else LEGACY_KERNEL
        del file[path]
        make(file, path)

    return change


def filled(**settings):
    return replaced(lambda file, path: file.create_dataset(path, **settings))


def linked(link):
    def put(file: h5py.File, path: str) -> None:
        file[path] = link

    return replaced(put)


def linked_group(link):
    def change(file: h5py.File) -> None:
        for name in ("layers", "model_weights"):
            if name in file:
                del file[name]
                file[name] = link

    return change


def virtual(file: h5py.File, path: str) -> None:
    layout = h5py.VirtualLayout((4, 3), "f4")
    layout[:] = h5py.VirtualSource("/tmp/elsewhere.h5", "x", (4, 3))
    file.create_virtual_dataset(path, layout)


def user_type(file: h5py.File, path: str) -> None:
    space = h5py.h5s.create_simple((4, 3))
    h5py.h5d.create(file.id, path.encode(), h5py.h5t.create(h5py.h5t.OPAQUE, 4), space)


def plug_in(file: h5py.File, path: str) -> None:
    settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    settings.set_chunk((4, 3))
    settings.set_filter(32001, h5py.h5z.FLAG_OPTIONAL, ())
    h5py.h5d.create(file.id, path.encode(), h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((4, 3)), settings)


def packed_bomb(file: h5py.File, path: str) -> None:
    """Twelve numbers, whose packed chunk unpacks to 1 GB: a packed MB, over and over."""
    data = file.create_dataset(path, (4, 3), "f4", chunks=(4, 3), compression="gzip")
    packer = zlib.compressobj(9, wbits=-15)
    packed = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    data.id.write_direct_chunk((0, 0), b"\x78\xda" + 1024 * packed + packer.flush())


def oversized_chunk(file: h5py.File, path: str) -> None:
    """Twelve numbers, in a chunk of 512 MB that is unpacked whole."""
    data = file.create_dataset(path, (4, 3), "f4", maxshape=(None, None), chunks=(1 << 14, 1 << 13), compression="gzip")
    data.id.write_direct_chunk((0, 0), b"x\x9cc\x00\x00\x00\x01\x00\x01")


def cut(file: h5py.File) -> None:
    """A list of weights that names one out of its group."""
    group = file["model_weights/dense"]
    group.attrs["weight_names"] = [b"../../optimizer_weights/x", b"b"]


def one_text_for_all(good, path: Path) -> None:
    """2000 names that all lead to one text of 1 MB."""
    content = io.BytesIO(good.content[".h5"])
    with h5py.File(content, "a") as file:
        group = file["model_weights"]
        del group.attrs["layer_names"]
        group.attrs["one"] = "y" * (1 << 20)
        group.attrs["layer_names"] = ["x" * 3000] + ["z"] * 2000
    data = bytearray(content.getvalue())
    one = data.index(b"y" * (1 << 20)) - 16  # the object's number stands before its text
    heap = data.rindex(b"GCOL", 0, one)
    start = data.index(struct.pack("<I", 3000))
    for place in range(start, start + 16 * 2001, 16):
        data[place : place + 16] = struct.pack("<IQI", 1 << 20, heap, data[one])
    path.write_bytes(data)


def torn(part: slice):
    def make(good, path: Path) -> None:
        content = bytearray(good.content[".weights.h5"])
        content[part] = b"\xff" * len(content[part])
        path.write_bytes(content)

    return make


def both(name, technique, change, says):
    """The same for an archive, for a file of weights, and for an older file."""
    return [
        Hostile(f"{name}-{suffix.lstrip('.').replace('.', '-')}", technique, weights(change, suffix), says, suffix)
        for suffix in (".keras", ".weights.h5", ".h5")
    ]


_OUTSIDE = h5py.ExternalLink("/etc/passwd", "/x")
WEIGHTS = [
    *both("external-link", "a link to another file", linked(_OUTSIDE), "ExternalLink"),
    *both("external-group", "the root of the weights in another file", linked_group(_OUTSIDE), "ExternalLink"),
    *both("soft-link", "a link to another place", linked(h5py.SoftLink("/layers/dense_1/vars/0")), "SoftLink"),
    *both("endless-link", "a link to itself", linked_group(h5py.SoftLink("/layers")), "SoftLink"),
    *both(
        "external-storage",
        "CVE-2026-1669: numbers kept in any file of the host",
        filled(shape=(4, 3), dtype="f4", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)]),
        "outside the file",
    ),
    *both("virtual", "numbers that are a view of other files", replaced(virtual), "view of other files"),
    *both(
        "bomb",
        "CVE-2026-0897: a shape of which nothing is stored",
        filled(shape=(1 << 20, 1 << 14), dtype="f4", chunks=(1024, 1024), compression="gzip"),
        "claims 68,719,476,736 bytes",
    ),
    *both("chunk", "a chunk much larger than the array", replaced(oversized_chunk), "chunks of 536,870,912 bytes"),
    *both("packed", "a chunk that unpacks to more than it holds", replaced(packed_bomb), "unpacks to more"),
    *both("plug-in", "a filter that HDF5 loads as a library", replaced(plug_in), "plug-in"),
    *both(
        "compound", "elements of several parts", filled(shape=(4, 3), dtype=[("a", "f4"), ("b", "i4")]), "only numbers"
    ),
    *both("references", "elements that point elsewhere", filled(shape=(4, 3), dtype=h5py.ref_dtype), "only numbers"),
    *both(
        "texts",
        "elements of any length",
        filled(data=np.array([["x"] * 3] * 4, object), dtype=h5py.string_dtype()),
        "only numbers",
    ),
    *both("opaque", "elements that are bare bytes", replaced(user_type), "only numbers"),
    *both("many-axes", "an array of 32 axes", filled(shape=(1,) * 32, dtype="f4"), "expects"),
    *both("shape", "an array of another shape", filled(data=np.zeros((3, 4), "f4")), "expects"),
    *both("type", "an array of another type", filled(data=np.zeros((4, 3), "i4")), "expects float32"),
    *both(
        "a-group",
        "a group in place of an array",
        replaced(lambda file, path: file.create_group(path)),
        "must be an array",
    ),
    Hostile("out-of-group", "a name that leads out of its group", weights(cut, ".h5"), "leads out of its group", ".h5"),
    Hostile("names", "names that lead to one long text", one_text_for_all, "holds 2,001 texts of", ".h5"),
    Hostile("superblock", "a torn header", torn(slice(8, 40)), "not an HDF5 file|damaged", ".weights.h5"),
    Hostile(
        "torn-heap", "torn headers of groups", torn(slice(96, 1500)), "damaged|not an HDF5|holds no", ".weights.h5"
    ),
]
