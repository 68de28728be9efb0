"""How long it takes to build a ResNet-50 with initialised weights, beside Keras if it is installed.

    python -m benchmarks.resnet50 [lapis | keras]

The architecture is that of He et al., 2015 (https://arxiv.org/abs/1512.03385), table 1, with the stride in the first
1×1 convolution of a block.
"""

import importlib
import os
import subprocess
import sys
import time
from typing import Any

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ["KERAS_BACKEND"] = "jax"
STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))


def resnet50(k: Any, size: int = 224, classes: int = 1000) -> Any:
    """The model, built with the functional API of the namespace `k`."""
    inputs = k.Input((size, size, 3))
    x = k.layers.ZeroPadding2D(3)(inputs)
    x = k.layers.Conv2D(64, 7, strides=2)(x)
    x = k.layers.ReLU()(k.layers.BatchNormalization()(x))
    x = k.layers.MaxPooling2D(3, strides=2, padding="same")(x)
    for filters, blocks, stride in STAGES:
        for block in range(blocks):
            x = _block(k, x, filters, stride if block == 0 else 1, widen=block == 0)
    x = k.layers.GlobalAveragePooling2D()(x)
    return k.Model(inputs, k.layers.Dense(classes, activation="softmax")(x))


def _block(k: Any, x: Any, filters: int, stride: int, widen: bool) -> Any:
    shortcut = x
    if widen:
        shortcut = k.layers.BatchNormalization()(k.layers.Conv2D(4 * filters, 1, strides=stride)(x))
    x = k.layers.ReLU()(k.layers.BatchNormalization()(k.layers.Conv2D(filters, 1, strides=stride)(x)))
    x = k.layers.ReLU()(k.layers.BatchNormalization()(k.layers.Conv2D(filters, 3, padding="same")(x)))
    x = k.layers.BatchNormalization()(k.layers.Conv2D(4 * filters, 1)(x))
    return k.layers.ReLU()(k.layers.Add()([x, shortcut]))


def time_build(name: str) -> None:
    """Print the seconds of the first build in this process, the library already imported."""
    library = importlib.import_module(name)
    start = time.perf_counter()
    model = resnet50(library)
    # Weights may still be on their way to the device: reading one of each waits for all.
    total = sum(float(abs(weight.numpy()).sum()) for weight in model.weights)
    seconds = time.perf_counter() - start
    print(
        f"{name}: {seconds:.2f} s, {model.count_params():,} parameters, {len(model.layers)} layers, |w| = {total:.0f}"
    )


def main() -> None:
    if len(sys.argv) > 1:
        time_build(sys.argv[1])
        return
    for name in ("lapis", "keras") * 2:
        subprocess.run([sys.executable, "-m", "benchmarks.resnet50", name], check=False)


if __name__ == "__main__":
    main()
