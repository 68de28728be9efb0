"""What is measured: one row for each model, its data, batch, optimizer and loss, the same for every peer."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import data


@dataclass(frozen=True)
class Work:
    """One model and how it is trained; a child process measures it whole.

    `losses` has a loss and a weight for each output. `extras` says what is measured after training.
    """

    name: str
    title: str
    data: Callable[[int, Path | None], data.Data]
    batch: int
    samples: int
    losses: dict[str, tuple[str, float]]
    optimizer: tuple[str, float]
    accuracy: bool = True
    epochs: int = 5
    image: bool = False
    extras: tuple[str, ...] = ()

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return -(-self.samples // self.batch)

    def times(self, factor: int) -> "Work":
        """The same steps with batches so many times as large, for a device that wants them."""
        return replace(self, batch=self.batch * factor, samples=self.samples * factor)

    def quick(self) -> "Work":
        """Half the rows, three epochs, and no second building."""
        samples = max(2 * self.batch, self.samples // 2)
        extras = tuple(extra for extra in self.extras if extra != "rebuild")
        return replace(self, samples=samples, epochs=3, extras=extras)


RMSPROP, ADAM, SGD = ("rmsprop", 1e-3), ("adam", 1e-3), ("sgd", 1e-2)
SPARSE, ONE_HOT, BINARY = "sparse_categorical_crossentropy", "categorical_crossentropy", "binary_crossentropy"
AFTER = ("evaluate", "predict", "row", "rebuild")

_TRAINED = (
    Work(
        "mlp",
        "Guide MLP, MNIST, batch 64",
        data.digits,
        64,
        19_200,
        {"digit": (SPARSE, 1.0)},
        RMSPROP,
        epochs=6,
        extras=AFTER,
    ),
    Work(
        "toy_resnet",
        "Guide toy ResNet, CIFAR-10, batch 64",
        data.objects_one_hot,
        64,
        384,
        {"object": (ONE_HOT, 1.0)},
        RMSPROP,
        image=True,
        extras=AFTER,
    ),
    Work(
        "lstm",
        "Guide two-input LSTM, batch 32",
        data.tickets,
        32,
        1280,
        {"priority": (BINARY, 1.0), "department": (ONE_HOT, 0.2)},
        RMSPROP,
        accuracy=False,
    ),
    Work(
        "autoencoder",
        "Guide convolutional autoencoder, MNIST, batch 64",
        data.digit_pictures,
        64,
        640,
        {"copy": ("mean_squared_error", 1.0)},
        ADAM,
        accuracy=False,
        image=True,
    ),
    Work(
        "transformer",
        "Transformer encoder, 4 blocks, width 128, sequence 128, batch 32",
        data.sequences,
        32,
        256,
        {"topic": (SPARSE, 1.0)},
        ADAM,
    ),
    Work(
        "gru",
        "GRU text classifier, sequence 100, batch 32",
        data.reviews,
        32,
        640,
        {"mood": (BINARY, 1.0)},
        ADAM,
    ),
    Work(
        "resnet50",
        "ResNet-50 at 64x64, batch 16",
        data.large_objects,
        16,
        48,
        {"object": (SPARSE, 1.0)},
        SGD,
        epochs=4,
        image=True,
    ),
    Work(
        "mobilenet",
        "MobileNetV2-like, 32x32, batch 32",
        data.objects,
        32,
        64,
        {"object": (SPARSE, 1.0)},
        SGD,
        epochs=3,
        image=True,
    ),
)
TRAINED = {work.name: work for work in _TRAINED}

# These children start from nothing: the model that they build, and whether they run again with the caches they left.
STARTED = {"start_mlp": "mlp", "start_toy_resnet": "toy_resnet"}
BUILT = {"build_resnet50": "resnet50"}
NAMES = (*TRAINED, *STARTED, *BUILT)
QUICK = tuple(name for name in NAMES if name != "start_toy_resnet")
