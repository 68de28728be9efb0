"""The rows that every peer trains on: MNIST and CIFAR-10 where their files are, else random rows of the same shape."""

import functools
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

CHECKOUT = Path(__file__).resolve().parent.parent
CLASSES = 10
WORDS = 10_000


@dataclass(frozen=True)
class Data:
    """Inputs and targets by name, in the order of the model's inputs and outputs, and where they are from."""

    x: dict[str, np.ndarray]
    y: dict[str, np.ndarray]
    source: str

    def rows(self, count: int) -> "Data":
        """The first rows alone."""
        return Data({k: v[:count] for k, v in self.x.items()}, {k: v[:count] for k, v in self.y.items()}, self.source)


def folder(given: str | None) -> Path | None:
    """Where `mnist.npz` and `cifar-10-batches-bin` are: as given, `$LAPIS_BENCHMARK_DATA`, or a usual place."""
    given = given or os.environ.get("LAPIS_BENCHMARK_DATA")
    if given:
        return Path(given).expanduser()
    usual = (CHECKOUT.parent / "shared" / "data", Path.home() / ".keras" / "datasets")
    return next((place for place in usual if (place / "mnist.npz").exists()), None)


def _repeated(array: np.ndarray, count: int) -> np.ndarray:
    """The first rows, starting over where the file has too few."""
    return array[np.arange(count) % len(array)]


def _mnist(count: int, place: Path | None) -> tuple[np.ndarray, np.ndarray, str]:
    if place is not None and (place / "mnist.npz").exists():
        with np.load(place / "mnist.npz") as file:
            images, labels = file["x_train"], file["y_train"]
        images = _repeated(images, count).astype("float32") / 255
        return images, _repeated(labels, count).astype("int32"), "MNIST"
    rng = np.random.default_rng(0)
    return rng.random((count, 28, 28), "float32"), rng.integers(CLASSES, size=count, dtype="int32"), "random"


def _cifar(count: int, place: Path | None, size: int = 32) -> tuple[np.ndarray, np.ndarray, str]:
    files = sorted((place / "cifar-10-batches-bin").glob("data_batch_*.bin")) if place is not None else []
    if files:
        records = np.concatenate([np.fromfile(file, np.uint8).reshape(-1, 3073) for file in files])
        records = _repeated(records, count)
        images = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).astype("float32") / 255
        labels, source = records[:, 0].astype("int32"), "CIFAR-10"
    else:
        rng = np.random.default_rng(0)
        images = rng.random((count, 32, 32, 3), "float32")
        labels, source = rng.integers(CLASSES, size=count, dtype="int32"), "random"
    if size > 32:
        images = images.repeat(size // 32, axis=1).repeat(size // 32, axis=2)
    return np.ascontiguousarray(images), labels, source


def digits(count: int, place: Path | None) -> Data:
    """MNIST as rows of 784 and class numbers."""
    images, labels, source = _mnist(count, place)
    return Data({"img": images.reshape(-1, 784)}, {"digit": labels}, source)


def digit_pictures(count: int, place: Path | None) -> Data:
    """MNIST as pictures that are their own targets."""
    images, _, source = _mnist(count, place)
    images = images[..., None]
    return Data({"img": images}, {"copy": images}, source)


def objects_one_hot(count: int, place: Path | None) -> Data:
    """CIFAR-10 with one-hot classes."""
    images, labels, source = _cifar(count, place)
    return Data({"img": images}, {"object": np.eye(CLASSES, dtype="float32")[labels]}, source)


def objects(count: int, place: Path | None, size: int = 32) -> Data:
    """CIFAR-10 with class numbers, each pixel repeated for a larger size."""
    images, labels, source = _cifar(count, place, size)
    return Data({"img": images}, {"object": labels}, source)


large_objects = functools.partial(objects, size=64)


def tickets(count: int, place: Path | None) -> Data:
    """The guide's dummy tickets: two texts and tags in, a priority and a department out."""
    rng = np.random.default_rng(0)
    x = {
        "title": rng.integers(WORDS, size=(count, 10), dtype="int32"),
        "body": rng.integers(WORDS, size=(count, 100), dtype="int32"),
        "tags": rng.integers(2, size=(count, 12)).astype("float32"),
    }
    y = {
        "priority": rng.random((count, 1), "float32"),
        "department": rng.integers(2, size=(count, 4)).astype("float32"),
    }
    return Data(x, y, "random, as in the guide")


def _sentences(count: int, length: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Texts half of whose words leave their class as a remainder, so that there is something to learn."""
    rng = np.random.default_rng(0)
    labels = rng.integers(classes, size=count, dtype="int32")
    words = rng.integers(WORDS // classes, size=(count, length)) * classes + labels[:, None]
    noise = rng.integers(WORDS, size=(count, length))
    return np.where(rng.random((count, length)) < 0.5, words, noise).astype("int32"), labels


def sequences(count: int, place: Path | None) -> Data:
    """Made-up sequences of 128 words in ten classes."""
    words, labels = _sentences(count, 128, CLASSES)
    return Data({"words": words}, {"topic": labels}, "made up")


def reviews(count: int, place: Path | None) -> Data:
    """Made-up texts of 100 words in two classes."""
    words, labels = _sentences(count, 100, 2)
    return Data({"words": words}, {"mood": labels[:, None].astype("float32")}, "made up")
