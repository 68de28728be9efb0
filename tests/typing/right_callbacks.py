"""Callbacks, schedules, data sets."""

from typing import Any

import numpy as np

import lapis as keras


class Batches(keras.utils.PyDataset):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Any:
        return np.zeros((2, 3)), np.zeros((2, 1))


class Stop(keras.callbacks.Callback):
    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if epoch > 2:
            self.model.stop_training = True


schedule = keras.optimizers.schedules.ExponentialDecay(0.1, decay_steps=100, decay_rate=0.9)
model = keras.Sequential([keras.layers.Dense(1)])
model.compile(keras.optimizers.SGD(schedule, momentum=0.9, nesterov=True), "mse")
callbacks = [Stop(), keras.callbacks.EarlyStopping(monitor="loss", patience=2)]
history = model.fit(Batches(workers=2), epochs=3, callbacks=callbacks)
model.evaluate(Batches(), return_dict=True)
best = min(history.history["loss"])
