"""The main job from start to end: the guide's model on real handwritten digits, without a network."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from lapis import callbacks, datasets, layers, models, optimizers, utils, view
from lapis.datasets.cached import find

_GOALS = {"MNIST": 0.97, "scikit-learn's digits": 0.95}
_RELOAD = """
import sys
import numpy as np
import lapis
model = lapis.models.load_model(sys.argv[1])
data = np.load(sys.argv[2])
same = np.array_equal(model.predict(data["images"], verbose=0), data["predictions"])
print(f"reloaded {sys.argv[1]} in a new process: predictions are {'identical' if same else 'DIFFERENT'}")
sys.exit(not same)
"""


def digits() -> tuple[str, tuple, tuple]:
    """MNIST where its file is in the cache, else the 1,797 digits of scikit-learn; images as rows in [0, 1]."""
    if find("mnist.npz"):
        (x, y), (x_test, y_test) = datasets.mnist.load_data()
        flat = [images.reshape(len(images), -1).astype("float32") / 255 for images in (x, x_test)]
        return "MNIST", (flat[0], y), (flat[1], y_test)
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise ImportError('The demo needs scikit-learn for its digits: pip install "lapis[demo]".') from None
    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype("float32")
    order = np.random.default_rng(0).permutation(len(images))
    train, test = order[:1400], order[1400:]
    return "scikit-learn's digits", (images[train], labels[train]), (images[test], labels[test])


def digit_model(width: int) -> Any:
    """The guide's first model."""
    inputs = layers.Input((width,), name="img")
    x = layers.Dense(64, activation="relu")(inputs)
    x = layers.Dense(64, activation="relu")(x)
    return models.Model(inputs, layers.Dense(10, activation="softmax")(x), name="digits_model")


def demo(folder: str = "out") -> int:
    """Train, show, draw, save and reload; returns a process's exit code."""
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    utils.set_random_seed(1)
    name, train, test = digits()
    print(f"data: {name}, {len(train[0])} images to train on and {len(test[0])} to test with")
    model = digit_model(train[0].shape[1])
    model.summary()
    small = len(train[0]) < 10_000
    model.compile(
        optimizer=optimizers.RMSprop(2e-3 if small else 1e-3),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    history = model.fit(
        *train,
        batch_size=32 if small else 64,
        epochs=30 if small else 5,
        validation_split=0.2,
        callbacks=[callbacks.TerminateOnNaN()],
    )
    loss, accuracy = model.evaluate(*test, verbose=0)
    print(f"test loss {loss:.4f}, test accuracy {accuracy:.4f}")
    utils.plot_model(model, out / "model.png", show_shapes=True, show_layer_activations=True)
    view.plot_history(history, out / "training.png")
    images = test[0][:256]
    np.savez(out / "predictions.npz", images=images, predictions=model.predict(images, verbose=0))
    model.save(out / "model.keras")
    print(f"wrote {', '.join(str(out / file) for file in ('model.png', 'training.png', 'model.keras'))}")
    reload = [sys.executable, "-c", _RELOAD, str(out / "model.keras"), str(out / "predictions.npz")]
    different = subprocess.run(reload, check=False).returncode
    if accuracy < _GOALS[name]:
        print(f"the accuracy is below {_GOALS[name]}", file=sys.stderr)
        return 1
    return different
