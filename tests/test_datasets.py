"""Files from a local server, and the data sets from real files where there are some, else from small ones."""

import gzip
import hashlib
import http.server
import io
import os
import socket
import tarfile
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest

import lapis
from lapis.data.download import get_file
from lapis.datasets import (
    boston_housing,
    california_housing,
    cifar10,
    cifar100,
    fashion_mnist,
    imdb,
    mnist,
    reuters,
)

REAL = next(
    (
        folder
        for folder in (
            os.environ.get("LAPIS_HOME"),
            Path(__file__).parents[2] / "shared" / "data",
            Path.home() / ".keras",
        )
        if folder and any((Path(folder) / name).exists() for name in ("mnist.npz", "datasets/mnist.npz"))
    ),
    None,
)
needs_real_files = pytest.mark.skipif(REAL is None, reason="no data sets in the cache folder")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache folder."""
    monkeypatch.setenv("LAPIS_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def site(tmp_path):
    """A folder, and the address at which a server offers it; the paths that were asked for."""
    folder = tmp_path / "site"
    folder.mkdir()
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(folder))

        def do_GET(self):
            asked.append(self.path)
            if self.path.startswith("/short"):
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                self.wfile.write(b"only this")
            else:
                super().do_GET()

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def test_downloads_once(site, cache, capsys):
    folder, address, asked = site
    (folder / "a.bin").write_bytes(b"hello")
    path = get_file(origin=f"{address}/a.bin?x=1", file_hash=sha256(b"hello"))
    assert path == str(cache / "datasets" / "a.bin")
    assert Path(path).read_bytes() == b"hello"
    assert "a.bin" in capsys.readouterr().out
    get_file(origin=f"{address}/a.bin", file_hash=sha256(b"hello"))
    assert len(asked) == 1
    get_file(origin=f"{address}/a.bin", force_download=True)
    assert len(asked) == 2
    assert get_file("b.bin", f"{address}/a.bin", cache_subdir="other", cache_dir=cache / "own") == str(
        cache / "own" / "other" / "b.bin"
    )


def test_wrong_hash_leaves_nothing(site, cache):
    folder, address, _ = site
    (folder / "a.bin").write_bytes(b"hello")
    with pytest.raises(ValueError, match="Nothing was kept"):
        get_file(origin=f"{address}/a.bin", file_hash="0" * 64)
    assert list((cache / "datasets").iterdir()) == []


def test_a_changed_file_is_downloaded_again(site, cache):
    folder, address, _ = site
    (folder / "a.bin").write_bytes(b"hello")
    path = Path(get_file(origin=f"{address}/a.bin"))
    path.write_bytes(b"other")
    get_file(origin=f"{address}/a.bin", md5_hash=hashlib.md5(b"hello").hexdigest())
    assert path.read_bytes() == b"hello"


def test_what_cannot_be_had_is_told_in_one_sentence(site, cache):
    _, address, _ = site
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{free.getsockname()[1]}"
    for origin, why in (
        (f"{closed}/a.bin", "refused"),
        (f"{address}/none.bin", "404"),
        (f"{address}/short.bin", "ended"),
    ):
        with pytest.raises(ConnectionError, match=why) as error:
            get_file("a.bin", origin)
        text = str(error.value)
        assert str(cache / "datasets" / "a.bin") in text and "LAPIS_HOME" in text
        assert text.count(". ") == 0 and text.endswith(".")
    assert not cache.exists() or list((cache / "datasets").iterdir()) == []


def test_a_cache_that_cannot_be_written(site, cache):
    folder, address, _ = site
    (folder / "a.bin").write_bytes(b"hello")
    cache.write_text("a file where the folder should be")
    with pytest.raises(OSError, match="Cannot write to the cache folder"):
        get_file(origin=f"{address}/a.bin")


def tar_of(members):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def zip_of(members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize(("make", "name"), [(tar_of, "a.tar.gz"), (zip_of, "a.zip")])
def test_archives(make, name, site, cache):
    folder, address, asked = site
    (folder / name).write_bytes(make({"in/one.txt": b"1", "two.txt": b"2"}))
    where = Path(get_file(origin=f"{address}/{name}", extract=True))
    assert where == cache / "datasets" / name
    assert (where / "in" / "one.txt").read_bytes() == b"1"
    named = name.replace("a.", "named.")
    assert get_file(named, f"{address}/{name}", extract=True) == str(cache / "datasets" / "named_extracted")
    assert get_file("plain", f"{address}/{name}", extract=True) == str(cache / "datasets" / "plain")
    assert sorted(x.name for x in (cache / "datasets" / "plain").iterdir()) == ["in", "two.txt"]
    get_file("plain", f"{address}/{name}", extract=True)
    assert len(asked) == 3
    if make is tar_of:
        assert Path(get_file("t", f"{address}/{name}", untar=True), "two.txt").exists()


@pytest.mark.parametrize("name", ["../evil.txt", "/evil.txt", "in/../../evil.txt"])
@pytest.mark.parametrize("make", [tar_of, zip_of])
def test_unsafe_archives(make, name, site, cache):
    folder, address, _ = site
    (folder / "a").write_bytes(make({"good.txt": b"1", name: b"2"}))
    if make is tar_of and name.startswith("/"):  # made relative, as tar itself does
        assert (Path(get_file("x", f"{address}/a", extract=True)) / "evil.txt").exists()
    else:
        with pytest.raises(ValueError, match="unsafe member"):
            get_file("x", f"{address}/a", extract=True)
        assert not (cache / "datasets" / "x").exists()
    assert not (cache / "datasets" / "evil.txt").exists() and not (cache / "evil.txt").exists()
    assert not Path("/evil.txt").exists()


def test_links_out_of_an_archive(site):
    folder, address, _ = site
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        archive.addfile(link)
    (folder / "a").write_bytes(file.getvalue())
    with pytest.raises(ValueError, match="unsafe member"):
        get_file("x", f"{address}/a", extract=True)
    entry = zipfile.ZipInfo("link")
    entry.external_attr = 0o120777 << 16
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(entry, "/etc")
    (folder / "b").write_bytes(file.getvalue())
    with pytest.raises(ValueError, match="unsafe member"):
        get_file("y", f"{address}/b", extract=True)


def test_no_archive(site):
    folder, address, _ = site
    (folder / "a").write_bytes(b"text")
    with pytest.warns(UserWarning, match="nothing was extracted"):
        get_file("x", f"{address}/a", extract=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "needs `origin`"),
        ({"origin": "no-url"}, "must be a URL"),
        ({"origin": "http://x/"}, "names no file"),
        ({"origin": "http://x/a", "fname": "b/c"}, "without folders"),
        ({"origin": "http://x/a", "file_hash": "abc"}, "hash_algorithm"),
    ],
)
def test_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        get_file(**arguments)


# Data sets


@needs_real_files
def test_real_mnist(monkeypatch):
    monkeypatch.setenv("LAPIS_HOME", str(REAL))
    (x, y), (x_test, y_test) = mnist.load_data()
    assert (x.shape, y.shape, x_test.shape, y_test.shape) == ((60000, 28, 28), (60000,), (10000, 28, 28), (10000,))
    assert {a.dtype.name for a in (x, y, x_test, y_test)} == {"uint8"}
    assert y[:5].tolist() == [5, 0, 4, 1, 9]


def test_mnist_refuses_other_numbers(cache):
    (cache / "datasets").mkdir(parents=True)
    path = cache / "datasets" / "mnist.npz"
    good = {name: np.zeros(shape, "uint8") for name, shape in mnist.SHAPES.items()}
    for arrays, why in (
        (good, "differ from the published"),
        ({**good, "x_train": np.zeros((60000, 784), "uint8")}, "not uint8"),
        ({**good, "y_test": np.array([object()])}, "cannot be read"),
        ({"x_train": good["y_test"]}, "cannot be read"),
    ):
        np.savez_compressed(path, **arrays)
        with pytest.raises(ValueError, match=why) as error:
            mnist.load_data()
        assert str(path) in str(error.value)
    path.write_bytes(b"half a download")
    with pytest.raises(ValueError, match="cannot be read"):
        mnist.load_data()


def cifar_record(label, red, green, blue):
    return bytes([label]) + bytes([red]) * 1024 + bytes([green]) * 1024 + bytes([blue]) * 1024


def write_cifar(folder):
    folder.mkdir(parents=True)
    for i, name in enumerate(cifar10.TRAINING + cifar10.TEST):
        (folder / name).write_bytes(cifar_record(i, 10 * i, 1, 2) + cifar_record(9, 3, 4, 5))


@pytest.mark.parametrize("place", ["datasets/cifar-10-batches-bin", "cifar-10-batches-bin"])
def test_cifar10(place, cache):
    write_cifar(cache / place)
    (x, y), (x_test, y_test) = cifar10.load_data()
    assert (x.shape, y.shape, x_test.shape, y_test.shape) == ((10, 32, 32, 3), (10, 1), (2, 32, 32, 3), (2, 1))
    assert x.dtype == y.dtype == np.uint8
    assert x[2, 7, 7].tolist() == [10, 1, 2] and y[:, 0].tolist() == [0, 9, 1, 9, 2, 9, 3, 9, 4, 9]
    lapis.config.set_image_data_format("channels_first")
    try:
        assert cifar10.load_data()[0][0].shape == (10, 3, 32, 32)
    finally:
        lapis.config.set_image_data_format("channels_last")


def test_cifar10_refuses_other_files(cache):
    folder = cache / "cifar-10-batches-bin"
    write_cifar(folder)
    (folder / "test_batch.bin").write_bytes(cifar_record(10, 0, 0, 0))
    with pytest.raises(ValueError, match="label of 10"):
        cifar10.load_data()
    (folder / "test_batch.bin").write_bytes(b"x" * 100)
    with pytest.raises(ValueError, match="no multiple"):
        cifar10.load_data()
    (folder / "test_batch.bin").unlink()
    with pytest.raises(ValueError, match=r"test_batch\.bin is missing"):
        cifar10.load_data()


def test_cifar10_from_its_archive(site, cache, monkeypatch):
    folder, address, _ = site
    write_cifar(cache / "made" / "cifar-10-batches-bin")
    files = (cache / "made").rglob("*.bin")
    content = tar_of({f"cifar-10-batches-bin/{path.name}": path.read_bytes() for path in files})
    (folder / cifar10.ARCHIVE).write_bytes(content)
    monkeypatch.setattr(cifar10, "ORIGIN", f"{address}/{cifar10.ARCHIVE}")
    monkeypatch.setattr(cifar10, "ARCHIVE_HASH", sha256(content))
    for _ in range(2):
        assert cifar10.load_data()[0][0].shape == (10, 32, 32, 3)


@needs_real_files
def test_real_cifar10(monkeypatch):
    if not any(Path(REAL).glob("**/cifar-10-batches-bin")):
        pytest.skip("no CIFAR-10 in the cache folder")
    monkeypatch.setenv("LAPIS_HOME", str(REAL))
    (x, y), (x_test, y_test) = cifar10.load_data()
    assert x.shape[1:] == x_test.shape[1:] == (32, 32, 3)
    assert set(np.unique(y)) == set(np.unique(y_test)) == set(range(10))


def test_cifar100(site, cache, monkeypatch):
    folder, address, _ = site
    records = {"train": [(3, 77, 10), (19, 99, 20)], "test": [(0, 5, 30)]}
    content = tar_of(
        {
            f"cifar-100-binary/{name}.bin": b"".join(bytes([c]) + cifar_record(f, red, 1, 2) for c, f, red in rows)
            for name, rows in records.items()
        }
    )
    (folder / cifar100.ARCHIVE).write_bytes(content)
    monkeypatch.setattr(cifar100, "ORIGIN", f"{address}/{cifar100.ARCHIVE}")
    monkeypatch.setattr(cifar100, "ARCHIVE_HASH", sha256(content))
    (x, y), (x_test, y_test) = cifar100.load_data()
    assert x.shape == (2, 32, 32, 3) and x[1, 5, 6].tolist() == [20, 1, 2] and x_test.shape == (1, 32, 32, 3)
    assert (y.dtype, y.tolist(), y_test.tolist()) == (np.int64, [[77], [99]], [[5]])
    (_, y), (_, y_test) = cifar100.load_data(label_mode="coarse")
    assert (y.tolist(), y_test.tolist()) == ([[3], [19]], [[0]])
    with pytest.raises(ValueError, match="'fine' or 'coarse'"):
        cifar100.load_data("all")
    file = cache / "datasets" / cifar100.UNPACKED / cifar100.FOLDER / "test.bin"
    file.write_bytes(bytes([20]) + cifar_record(0, 0, 0, 0))
    with pytest.raises(ValueError, match="label of 20, but there are 20 classes"):
        cifar100.load_data()


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return gzip.compress(header + array.tobytes(), compresslevel=1)


def test_fashion_mnist(cache):
    folder = cache / "datasets" / "fashion-mnist"
    folder.mkdir(parents=True)
    for name, _, shape in fashion_mnist.FILES:
        array = np.zeros(shape, "uint8")
        if len(shape) == 1:
            array[:] = np.arange(shape[0]) % 10
        else:
            array[3, 2, 1] = 7
        (folder / name).write_bytes(idx(array))
    (x, y), (x_test, y_test) = fashion_mnist.load_data()
    assert x.shape == (60000, 28, 28) and x[3, 2, 1] == 7 and x.flags.writeable
    assert y[:3].tolist() == [0, 1, 2] and x_test.shape == (10000, 28, 28) and y_test.shape == (10000,)

    labels = folder / "train-labels-idx1-ubyte.gz"
    half = labels.read_bytes()[:100]
    for content, why in (
        (idx(np.zeros(60000, "uint8")), "equally frequent"),
        (idx(np.zeros(10, "uint8")), "has the shape"),
        (gzip.compress(b"\0\0\x08\x01\0\0\0\x05ab"), "do not fill"),
        (gzip.compress(b"PK"), "does not begin"),
        (b"PK", "cannot be unpacked"),
        (half, "cannot be unpacked"),
    ):
        labels.write_bytes(content)
        with pytest.raises(ValueError, match=why):
            fashion_mnist.load_data()


@pytest.mark.parametrize(
    ("module", "file"),
    [
        (mnist, "mnist.npz"),
        (cifar10, cifar10.ARCHIVE),
        (cifar100, cifar100.ARCHIVE),
        (fashion_mnist, "train-images"),
        (boston_housing, "boston_housing.npz"),
        (california_housing, "california_housing.npz"),
        (imdb, "imdb.npz"),
        (reuters, "reuters.npz"),
    ],
)
def test_offline_says_where_to_put_the_file(module, file, cache, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        origin = f"http://127.0.0.1:{free.getsockname()[1]}/"
    monkeypatch.setattr(module, "ORIGIN", origin)
    with pytest.raises(ConnectionError, match=f"put the file at {cache}/datasets/.*{file}"):
        module.load_data()
    assert not cache.exists()
