"""Processes killed at random moments: training goes on exactly, and no file is ever left in part.

`LAPIS_KILLS` says how often training is killed, and saving as often again; a few times unless given.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import lapis
from lapis.saving import backup

KILLS = int(os.environ.get("LAPIS_KILLS", "3"))
SECONDS = 0.5  # the longest that a process lives after it has begun to train or to save
# Every batch takes at least 10 ms, an epoch of 16 at least 0.16 s: no kill may come after the end of training.
EPOCHS = 5 + 4 * KILLS

TRAIN = """
import json, pathlib, sys, time
import numpy as np
import lapis as keras

folder, epochs, keeps = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
last = folder / "last.keras"
if keeps == "backup":
    keeper = keras.callbacks.BackupAndRestore(folder / "backup", save_freq=3, double_checkpoint=True)
else:
    keeper = keras.callbacks.ModelCheckpoint(last, save_freq=3)
keras.utils.set_random_seed(1)
draw = np.random.default_rng(0)
x, y = draw.random((320, 784), "float32"), draw.integers(10, size=320)
inputs = keras.Input((784,), name="img")
hidden = keras.layers.Dense(64, activation="relu")(inputs)
hidden = keras.layers.Dropout(0.2)(hidden)
hidden = keras.layers.Dense(64, activation="relu")(hidden)
model = keras.Model(inputs, keras.layers.Dense(10)(hidden), name="mnist_model")
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
optimizer = keras.optimizers.RMSprop(use_ema=True, ema_overwrite_frequency=7)
model.compile(optimizer, loss, metrics=["accuracy"])


class Ready(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        print("ready", flush=True)
        time.sleep(0.01)


history = model.fit(
    x, y, batch_size=16, epochs=epochs, validation_split=0.2, verbose=0,
    initial_epoch=last if last.exists() else 0,
    callbacks=[
        Ready(),
        keeper,
        keras.callbacks.ModelCheckpoint(f"{folder}/best.keras", save_best_only=True, monitor="loss"),
        keras.callbacks.ReduceLROnPlateau(patience=3),
        keras.callbacks.EarlyStopping(patience=1000, restore_best_weights=True),
    ],
)
values = [variable.numpy() for variable in (*model.variables, *model.optimizer.variables)]
np.savez(f"{folder}/end.npz", *values)
with open(f"{folder}/history.json", "w") as file:
    json.dump(history.history, file)
"""

# Every weight is the number of the round, so that a mixture of two files would show.
SAVE = """
import itertools, sys
import numpy as np
import lapis as keras

folder, start = sys.argv[1], int(sys.argv[2])
model = keras.Sequential([keras.Input((300,)), keras.layers.Dense(700), keras.layers.Dense(300)])
for number in itertools.count(start):
    model.set_weights([np.full(weight.shape, number, "float32") for weight in model.weights])
    model.save(f"{folder}/model.keras")
    model.save(f"{folder}/model.h5")
    model.save_weights(f"{folder}/model.weights.h5")
    print("ready", flush=True)
"""


def start(program, *args):
    return subprocess.Popen([sys.executable, "-c", program, *map(str, args)], stdout=subprocess.PIPE)


def kill_later(process):
    """Kill a process at a random moment after its first output; whether it was still at work."""
    assert process.stdout.readline() == b"ready\n", "the process has failed by itself"
    time.sleep(random.uniform(0, SECONDS))
    process.send_signal(signal.SIGKILL)
    process.stdout.close()
    return process.wait() == -signal.SIGKILL


def finish(process):
    with process.stdout:
        process.stdout.read()
    assert process.wait() == 0


@pytest.mark.slow
@pytest.mark.parametrize("keeps", ["backup", "checkpoint"])
def test_killed_training_ends_as_training_that_was_not(keeps, tmp_path):
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    killed.mkdir()
    whole.mkdir()
    finish(start(TRAIN, whole, EPOCHS, keeps))
    hits, inside = 0, 0
    for _ in range(KILLS):
        hits += kill_later(start(TRAIN, killed, EPOCHS, keeps))
        for file in (killed / "backup").glob("*.backup"):
            inside += bool(backup.read(file)["batch"])
        for file in killed.glob("*.keras"):
            lapis.saving.load_model(file)
    finish(start(TRAIN, killed, EPOCHS, keeps))
    assert not list(killed.glob(".last.keras.*"))
    print(f"{hits} of {KILLS} kills fell into training of {EPOCHS} epochs; {inside} backups lay inside an epoch")
    assert hits == KILLS
    assert json.loads((killed / "history.json").read_text()) == json.loads((whole / "history.json").read_text())
    with np.load(killed / "end.npz") as mine, np.load(whole / "end.npz") as other:
        assert mine.files == other.files
        for name in mine.files:
            assert mine[name].tobytes() == other[name].tobytes()


@pytest.mark.slow
def test_killed_saving_leaves_whole_files(tmp_path):
    for number in range(KILLS):
        assert kill_later(start(SAVE, tmp_path, 1000 * number + 1))
        model = lapis.saving.load_model(tmp_path / "model.keras")
        legacy = lapis.saving.load_model(tmp_path / "model.h5")
        weights = lapis.models.clone_model(model)
        weights.load_weights(tmp_path / "model.weights.h5")
        for found in (model, legacy, weights):
            values = {value for weight in found.get_weights() for value in np.unique(weight)}
            assert len(values) == 1 and values.pop() > 1000 * number
