"""Lapis, and Keras on each engine, through the public API alone."""

import importlib
import time
from typing import Any

import numpy as np

from benchmarks.data import Data
from benchmarks.keras_models import MODELS
from benchmarks.works import Work


def _one(values: dict[str, Any]) -> Any:
    """A model with one input or output takes it bare."""
    return next(iter(values.values())) if len(values) == 1 else values


class Session:
    """A model of one namespace and what a user does with it."""

    def __init__(self, module: str, dtype: str, device: str, variant: str = "") -> None:
        self.k = importlib.import_module(module)
        self.version = self.k.__version__
        if dtype != "float32":
            self.k.mixed_precision.set_global_policy(f"mixed_{dtype}")
        session = self

        class Stamps(self.k.callbacks.Callback):
            """When each epoch ended, and its loss."""

            def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
                session.losses.append(float(logs["loss"]))
                session.ends.append(time.perf_counter())

        self.stamps = Stamps

    def build(self, work: Work) -> None:
        k = self.k
        self.work = work
        self.model = MODELS[work.name](k)
        name, rate = work.optimizer
        optimizer = {
            "rmsprop": lambda: k.optimizers.RMSprop(rate),
            "adam": lambda: k.optimizers.Adam(rate),
            "sgd": lambda: k.optimizers.SGD(rate, momentum=0.9),
        }[name]()
        weights = {output: weight for output, (_, weight) in work.losses.items()}
        self.model.compile(
            optimizer=optimizer,
            loss=_one({output: loss for output, (loss, _) in work.losses.items()}),
            loss_weights=weights if len(weights) > 1 else None,
            metrics=["accuracy"] if work.accuracy else None,
        )

    def build_only(self, name: str, **sizes: Any) -> int:
        """Build with initialised weights and wait for them; how many parameters there are."""
        model = MODELS[name](self.k, **sizes)
        # Weights may still be on their way to the device: reading each waits for all.
        for weight in model.weights:
            self.k.ops.convert_to_numpy(weight)
        return int(model.count_params())

    def fit(self, data: Data, epochs: int) -> tuple[list[float], list[float]]:
        self.ends: list[float] = []
        self.losses: list[float] = []
        self.model.fit(
            _one(data.x),
            _one(data.y),
            batch_size=self.work.batch,
            epochs=epochs,
            verbose=0,
            callbacks=[self.stamps()],
        )
        return self.ends, self.losses

    def evaluate(self, data: Data) -> None:
        self.model.evaluate(_one(data.x), _one(data.y), batch_size=self.work.batch, verbose=0)

    def predict(self, data: Data) -> Any:
        return self.model.predict(_one(data.x), batch_size=self.work.batch, verbose=0)

    def call(self, data: Data) -> np.ndarray:
        return self.k.ops.convert_to_numpy(self.model(_one(data.x)))
