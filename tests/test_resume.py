"""Training that was broken off and begun again ends exactly as training that was not."""

import keras
import numpy as np
import pytest

import lapis
from lapis.callbacks import BackupAndRestore, Callback, EarlyStopping, ReduceLROnPlateau, SwapEMAWeights
from lapis.saving import backup
from tests.descriptors import f32

X, Y = f32(18, 3), f32(18, 1, seed=1)
EPOCHS = 4


def make_model(**options):
    lapis.utils.set_random_seed(5)
    layers = [lapis.layers.Dense(4, activation="relu"), lapis.layers.BatchNormalization(), lapis.layers.Dropout(0.3)]
    model = lapis.Sequential([lapis.Input((3,)), *layers, lapis.layers.Dense(1)])
    optimizer = lapis.optimizers.Adam(0.05, use_ema=True, ema_momentum=0.7)
    model.compile(optimizer, "mse", metrics=["mae"], **options)
    return model


class Batches(lapis.utils.PyDataset):
    """Draws from NumPy's own generator, as many data sets do."""

    def __init__(self):
        super().__init__()
        self.on_epoch_end()

    def __len__(self):
        return 5

    def __getitem__(self, index):
        rows = self.order[index * 3 : index * 3 + 3]
        return X[rows] + np.random.normal(size=(3, 3)).astype("float32"), Y[rows]

    def on_epoch_end(self):
        self.order = np.random.permutation(18)


def windows():
    found = lapis.utils.timeseries_dataset_from_array(X, Y, 1, shuffle=True, batch_size=4)
    return found.map(lambda x, y: (x[:, 0], y)).filter(lambda x, y: True).shuffle(3)


def generator():
    random = np.random.default_rng(3)
    while True:
        rows = random.integers(18, size=4)
        yield X[rows], Y[rows]


class Break(Callback):
    def __init__(self, epoch, batch):
        super().__init__()
        self.left = [epoch, batch]
        self.epoch = 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if [self.epoch, batch] == self.left:
            raise KeyboardInterrupt


KINDS = {
    "arrays": {"data": lambda: (X, Y), "batch_size": 4},
    "each batch shuffled": {"data": lambda: (X, Y), "batch_size": 4, "shuffle": "batch"},
    "epochs over parts of a pass": {"data": lambda: (X, Y), "batch_size": 2, "steps_per_epoch": 3},
    "eager": {"data": lambda: (X, Y), "batch_size": 6, "run_eagerly": True},
    "PyDataset": {"data": lambda: (Batches(),), "shuffle": True},
    "Dataset": {"data": lambda: (windows(),)},
    "generator": {"data": lambda: (generator(),), "steps_per_epoch": 4},
}


def train(data, folder=None, save_freq="epoch", breaks=None, run_eagerly=False, **options):
    """The model and its history, `None` where training broke off."""
    model = make_model(run_eagerly=run_eagerly)
    validation = lapis.utils.timeseries_dataset_from_array(X[:, None], Y, 1, batch_size=3).map(
        lambda x, y: (x[:, 0, 0], y)
    )
    options |= {"epochs": EPOCHS, "verbose": 0, "validation_data": validation, "validation_steps": 2}
    callbacks = [
        EarlyStopping("loss", patience=9, restore_best_weights=True),
        ReduceLROnPlateau("loss", patience=1, min_delta=0.5),
        lapis.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
        SwapEMAWeights(swap_on_epoch=True),
    ]
    if folder is not None:
        callbacks.insert(0, BackupAndRestore(folder, save_freq, double_checkpoint=save_freq == 2))
    if breaks is None:
        return model, model.fit(*data(), callbacks=callbacks, **options).history
    with pytest.raises(KeyboardInterrupt):
        model.fit(*data(), callbacks=[Break(*breaks), *callbacks], **options)
    return model, None


def assert_same(found, expected):
    (model, history), (whole, told) = found, expected
    assert history == told and list(history) == list(told)
    for mine, other in zip(model.variables, whole.variables, strict=True):
        np.testing.assert_array_equal(mine.numpy(), other.numpy(), err_msg=mine.path)
    for mine, other in zip(model.optimizer.variables, whole.optimizer.variables, strict=True):
        np.testing.assert_array_equal(mine.numpy(), other.numpy(), err_msg=mine.path)


@pytest.mark.parametrize("kind", KINDS)
def test_training_goes_on_exactly(kind, tmp_path):
    options = KINDS[kind]
    whole = train(**options)
    folder = tmp_path / "backup"
    # Broken off twice inside epochs, with backups at the last batch of an epoch too, then between two.
    for save_freq, breaks in ((2, (0, 2)), (2, (2, 0)), ("epoch", (3, 1))):
        train(folder=folder, save_freq=save_freq, breaks=breaks, **options)
    assert_same(train(folder=folder, **options), whole)
    assert not folder.exists()


def test_training_that_was_over_stays_over(tmp_path):
    class Stop(Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 1

    def run(*callbacks):
        model = make_model()
        return model, model.fit(X, Y, batch_size=6, epochs=3, verbose=0, callbacks=[*callbacks]).history

    class BreakAtEnd(Callback):
        def on_train_end(self, logs=None):
            raise KeyboardInterrupt

    whole = run(Stop())
    for save_freq in (2, "epoch"):  # before the epoch's end, and after it
        with pytest.raises(KeyboardInterrupt):
            run(Stop(), BreakAtEnd(), BackupAndRestore(tmp_path / "backup", save_freq))
        assert_same(run(BackupAndRestore(tmp_path / "backup")), whole)


def test_global_seed_is_kept(tmp_path):
    class Noise(Callback):
        def on_epoch_end(self, epoch, logs=None):
            kernel = self.model.layers[0].kernel
            kernel.assign_add(lapis.random.normal(kernel.shape))

    found = []
    for breaks in (None, (2, 1)):
        model = make_model()
        callbacks = [Noise(), BackupAndRestore(tmp_path / "backup", 2)]
        if breaks is not None:
            with pytest.raises(KeyboardInterrupt):
                model.fit(X, Y, batch_size=6, epochs=3, verbose=0, callbacks=[Break(*breaks), *callbacks])
            model = make_model()
        found.append((model, model.fit(X, Y, batch_size=6, epochs=3, verbose=0, callbacks=callbacks).history))
    assert_same(*found)


def test_csv_rows_do_not_come_twice(tmp_path):
    class BreakAtEnd(Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    whole, broken = tmp_path / "whole.csv", tmp_path / "broken.csv"

    def run(path, *callbacks):
        logger = lapis.callbacks.CSVLogger(path, append=True)
        try:
            make_model().fit(X, Y, batch_size=6, epochs=3, verbose=0, callbacks=[logger, *callbacks])
        finally:
            logger.csv_file.close()

    run(whole)
    with pytest.raises(KeyboardInterrupt):
        run(broken, BreakAtEnd(), BackupAndRestore(tmp_path / "backup", 2))
    assert len(broken.read_text().splitlines()) == 3
    run(broken, BackupAndRestore(tmp_path / "backup", 2))
    assert broken.read_text() == whole.read_text()


def test_backup_of_another_training_is_refused(tmp_path):
    folder = tmp_path / "backup"
    train(folder=folder, save_freq=2, breaks=(1, 2), **KINDS["arrays"])
    (folder / "older.backup").unlink()
    model = make_model()
    before = model.get_weights()

    def refused(message, model=model, **options):
        with pytest.raises(ValueError, match=message):
            model.fit(X, Y, verbose=0, callbacks=[BackupAndRestore(folder)], **options)

    refused("its epochs have 5 batches, not 9", batch_size=2)
    other = lapis.Sequential([lapis.Input((3,)), lapis.layers.Dense(1)])
    other.compile("sgd", "mse")
    refused(r"holds \d+ variables, not", other)
    content = (folder / "latest.backup").read_bytes()
    for damaged, message in (
        (content[:-1], "is damaged: an array"),
        (content[:40] + b"?" + content[41:], "is damaged: its header"),
        (b"", "is not a backup"),
    ):
        (folder / "latest.backup").write_bytes(damaged)
        refused(message, batch_size=4)
    for mine, other in zip(model.get_weights(), before):
        np.testing.assert_array_equal(mine, other)


def test_backup_file_gives_back_what_was_written(tmp_path):
    bfloat16 = np.asarray(lapis.ops.cast(X, "bfloat16"))
    value = {
        "a": [1, 2**100, 0.1, None, True, "ä"],
        "b": {"array": 3},
        "c": [bfloat16, np.float32(2), np.zeros((0, 2))],
    }
    backup.write(tmp_path / "file", value)
    found = backup.read(tmp_path / "file")
    assert found["a"] == value["a"] and found["b"] == value["b"]
    for mine, other in zip(found["c"], value["c"]):
        assert mine.dtype == other.dtype and mine.shape == other.shape and (mine == other).all()
    for wrong in ({1: 2}, object()):
        with pytest.raises(TypeError, match="A backup keeps dicts"):
            backup.write(tmp_path / "file", wrong)
    assert backup.read(tmp_path / "file")["a"] == value["a"]


class Noise(Callback):
    """Changes weights with numbers from the global seed, and the rate with what has been seen so far."""

    def __init__(self):
        super().__init__()
        self.seen = 0

    def get_training_state(self):
        return {"seen": self.seen}

    def set_training_state(self, state):
        self.seen = state["seen"]

    def on_train_batch_end(self, batch, logs=None):
        self.seen += 1
        self.model.layers[0].bias.assign_add(lapis.random.normal((4,)))

    def on_epoch_end(self, epoch, logs=None):
        self.model.optimizer.learning_rate = 0.05 / self.seen
        logs["seen"] = self.seen


@pytest.mark.parametrize(
    ("kind", "save_freq", "comes_first"),
    [
        ("arrays", "epoch", True),
        ("arrays", 3, False),
        ("Dataset", "epoch", False),
        ("PyDataset", 3, True),
        ("generator", 3, True),
    ],
)
def test_a_file_of_model_checkpoint_goes_on_exactly(kind, save_freq, comes_first, tmp_path):
    """Wherever it stands among the callbacks, whose work after it is made up for."""
    options = {"epochs": 4, "verbose": 0, "validation_data": (X, Y)} | KINDS[kind]
    data = options.pop("data")

    def run(model, saves, **more):
        checkpoint = [lapis.callbacks.ModelCheckpoint(saves, save_freq=save_freq, monitor="loss")]
        others = [
            Noise(),
            SwapEMAWeights(swap_on_epoch=True),
            EarlyStopping("loss", patience=9, restore_best_weights=True),
            ReduceLROnPlateau("loss", patience=1, min_delta=0.5),
        ]
        callbacks = [*checkpoint, *others] if comes_first else [*others, *checkpoint]
        return model, model.fit(*data(), callbacks=callbacks, **options, **more).history

    pattern = "{epoch}.keras" if save_freq == "epoch" else "{epoch}-{batch}.keras"
    whole = run(make_model(), f"{tmp_path}/{pattern}")
    files = sorted(tmp_path.iterdir())
    assert len(files) >= 4
    for file in files[1:-1:2]:
        again = lapis.saving.load_model(file) if file == files[1] else make_model()
        assert_same(run(again, f"{tmp_path}/again-{pattern}", initial_epoch=file), whole)


def test_a_file_without_the_place_of_training_is_refused(tmp_path):
    model = make_model()
    model.save(tmp_path / "a.keras")
    before = model.get_weights()
    with pytest.raises(ValueError, match="does not tell where training was"):
        model.fit(X, Y, verbose=0, initial_epoch=tmp_path / "a.keras")
    wide = make_model()
    wide.fit(X, Y, verbose=0, callbacks=[lapis.callbacks.ModelCheckpoint(tmp_path / "b.keras")])
    other = lapis.Sequential([lapis.Input((3,)), lapis.layers.Dense(2)])
    other.compile("sgd", "mse")
    with pytest.raises(ValueError, match="does not fit the model"):
        other.fit(X, Y, verbose=0, initial_epoch=tmp_path / "b.keras")
    for mine, other in zip(model.get_weights(), before):
        np.testing.assert_array_equal(mine, other)


def test_keras_reads_a_file_of_model_checkpoint(tmp_path):
    path = tmp_path / "a.keras"
    model = make_model()
    model.fit(X, Y, verbose=0, epochs=2, callbacks=[lapis.callbacks.ModelCheckpoint(path)])
    mine, theirs = lapis.saving.load_model(path), keras.saving.load_model(path)
    np.testing.assert_allclose(mine.predict(X, verbose=0), theirs.predict(X, verbose=0), atol=1e-6)


def test_checkpoint_of_a_model_goes_on_exactly(tmp_path):
    options = {"epochs": 3, "batch_size": 6, "shuffle": False, "verbose": 0}
    whole = make_model()
    whole.fit(X, Y, callbacks=[lapis.callbacks.ModelCheckpoint(f"{tmp_path}/{{epoch}}.keras")], **options)
    again = lapis.saving.load_model(tmp_path / "2.keras")
    again.fit(X, Y, initial_epoch=2, **options)
    for mine, other in zip(again.variables, whole.variables, strict=True):
        np.testing.assert_array_equal(mine.numpy(), other.numpy(), err_msg=mine.path)
    for mine, other in zip(again.optimizer.variables, whole.optimizer.variables, strict=True):
        np.testing.assert_array_equal(mine.numpy(), other.numpy(), err_msg=mine.path)
