"""Archives that lead elsewhere or unpack to more than they are."""

import zipfile
from pathlib import Path

from tests.hostile.making import Good, Hostile, archive_of, bare, in_directory, members, patched, renamed


def twice(good: Good, path: Path) -> None:
    content = archive_of({**good.members, "confih.json": b"{}"})
    path.write_bytes(content.replace(b"confih.json", b"config.json"))


def link(good: Good, path: Path) -> None:
    path.write_bytes(archive_of(good.members))
    with zipfile.ZipFile(path, "a") as archive:
        member = zipfile.ZipInfo("assets/link")
        member.external_attr = 0o120777 << 16
        archive.writestr(member, "/etc/passwd")


def zeros(good: Good, path: Path) -> None:
    path.write_bytes(archive_of(good.members))
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("assets/zeros", bytes(80 << 20))


def many_zeros(good: Good, path: Path) -> None:
    path.write_bytes(archive_of(good.members))
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number in range(40):
            archive.writestr(f"assets/{number}", bytes(2 << 20))


def liar(good: Good, path: Path) -> None:
    """The table of contents tells a small size; what is packed is 220 MB."""
    path.write_bytes(archive_of({name: text for name, text in good.members.items() if name != "config.json"}))
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("config.json", bytes(220 << 20))
    content = bytearray(path.read_bytes())
    in_directory(content, "config.json", 24, "<I", 5000)
    path.write_bytes(content)


def crowd(good: Good, path: Path) -> None:
    path.write_bytes(archive_of({**good.members, **{f"assets/{number}": b"" for number in range(10_001)}}))


def fat_directory(good: Good, path: Path) -> None:
    """A table of contents of 40 MB: its entries are long comments."""
    path.write_bytes(archive_of(good.members))
    with zipfile.ZipFile(path, "a") as archive:
        for number in range(640):
            member = zipfile.ZipInfo(f"assets/{number}")
            member.comment = bytes(65_535)
            archive.writestr(member, b"")


def overlapping(content: bytearray) -> None:
    """Two entries of the table of contents lead to the same stored bytes."""
    first = content.rindex(b"config.json") - 46
    second = content.rindex(b"model.weights.h5") - 46
    content[second + 42 : second + 46] = content[first + 42 : first + 46]


_UNSAFE = "plain name"
ARCHIVES = [
    Hostile("absolute", "path traversal (as CVE-2025-12060)", renamed("/tmp/lapis-hostile"), _UNSAFE),
    Hostile("parent", "path traversal (as CVE-2025-12060)", renamed("../up"), _UNSAFE),
    Hostile("parent-within", "path traversal", renamed("assets/../../up"), _UNSAFE),
    Hostile("asset-absolute", "path traversal from an asset's folder", renamed("assets//tmp/lapis-hostile"), _UNSAFE),
    Hostile("asset-dot", "another name of the same place", renamed("assets/./a"), _UNSAFE),
    Hostile("drive", "path traversal on Windows", renamed("c:\\up"), _UNSAFE),
    Hostile("backslash", "path traversal on Windows", renamed("assets\\..\\up"), _UNSAFE),
    Hostile("zero-byte", "a name that ends early", renamed("assets/a\0b"), _UNSAFE),
    Hostile("twice", "readers that disagree which member counts", twice, "twice"),
    Hostile("symlink", "a link out of the folder (as CVE-2025-12638)", link, "link or a device"),
    Hostile("unknown", "a member that no reader of models needs", members(evil__py=b"raise SystemExit"), "no part of"),
    Hostile("zeros", "packed bomb", zeros, r"claims 83,886,080 bytes packed into"),
    Hostile("many-zeros", "packed bomb in pieces", many_zeros, r"claims [\d,]+ bytes packed into"),
    Hostile("liar", "packed bomb whose table of contents lies", liar, "damaged|larger than"),
    Hostile("crowd", "too many members", crowd, "at most 10,000"),
    Hostile("fat-directory", "a table of contents that fills memory", fat_directory, "table of contents"),
    Hostile("overlap", "one stored member counted several times", patched(overlapping), "overlap|damaged"),
    Hostile(
        "encrypted",
        "a member that asks for a password",
        patched(lambda content: in_directory(content, "config.json", 8, "<H", 1)),
        "encrypted",
    ),
    Hostile(
        "lzma",
        "a way of packing whose header asks for gigabytes",
        lambda good, path: path.write_bytes(archive_of(good.members, zipfile.ZIP_LZMA)),
        "packed in a way",
    ),
    Hostile(
        "bzip2",
        "a way of packing that nobody uses for models",
        lambda good, path: path.write_bytes(archive_of(good.members, zipfile.ZIP_BZIP2)),
        "packed in a way",
    ),
    Hostile(
        "unknown-method",
        "a way of packing that does not exist",
        patched(lambda content: in_directory(content, "config.json", 10, "<H", 77)),
        "packed in a way",
    ),
    Hostile(
        "torn-member",
        "content that does not fit its checksum",
        patched(lambda content: in_directory(content, "config.json", 16, "<I", 1)),
        "damaged",
    ),
    Hostile("no-config", "a part is missing", members(config__json=None), r"no config\.json"),
    Hostile("no-weights", "a part is missing", members(model__weights__h5=None), r"no model\.weights\.h5"),
    Hostile(
        "npz-weights",
        "weights as pickled NumPy arrays",
        members(model__weights__h5=None, model__weights__npz=b"PK\x05\x06" + bytes(18)),
        r"read from HDF5 only",
    ),
    Hostile("weights-no-hdf5", "other content than the name says", members(model__weights__h5=b"#!"), "not an HDF5"),
    Hostile("no-archive", "other content than the name says", bare(b"PK\x03\x04 and nothing"), "not a .keras archive"),
    Hostile("empty", "an empty file", bare(b""), "not a .keras archive"),
    Hostile("pickle", "a pickle that calls a function", bare(b"cos\nsystem\n(S'true'\ntR."), "not a .keras archive"),
]
