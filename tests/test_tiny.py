"""The whole way in a few seconds: define, look, train, evaluate, draw, save, reload."""

import io

import numpy as np

import lapis
from lapis import layers


def _two_moons(n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, n)
    angle = rng.uniform(0, np.pi, n)
    x = np.where(label, 1 - np.cos(angle), np.cos(angle))
    y = np.where(label, 0.5 - np.sin(angle), np.sin(angle))
    points = np.stack([x, y], axis=1) + rng.normal(0, 0.1, (n, 2))
    return points.astype("float32"), label.astype("int32")


def test_functional_end_to_end(tmp_path) -> None:
    inputs = lapis.Input((2,), name="point")
    x = layers.Dense(16, activation="relu")(inputs)
    x = layers.add([x, layers.Dense(16, activation="relu")(x)])
    model = lapis.Model(inputs, layers.Dense(2, activation="softmax")(x), name="moons")
    text = io.StringIO()
    model.summary(print_fn=lambda line, **_: text.write(str(line)))
    assert "354 (1.38 KB)" in text.getvalue()

    points, label = _two_moons()
    model.compile(lapis.optimizers.Adam(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(points, label, epochs=15, batch_size=32, validation_split=0.2, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0] / 4
    loss, accuracy = model.evaluate(points, label, verbose=0)
    assert accuracy > 0.97

    lapis.utils.plot_model(model, tmp_path / "moons.png", show_shapes=True)
    assert (tmp_path / "moons.png").stat().st_size > 1000
    before = model.predict(points, verbose=0)
    model.save(tmp_path / "moons.keras")
    again = lapis.models.load_model(tmp_path / "moons.keras")
    np.testing.assert_array_equal(again.predict(points, verbose=0), before)
    assert again.evaluate(points, label, verbose=0) == [loss, accuracy]


def test_subclassed_model_trains() -> None:
    class Net(lapis.Model):
        def __init__(self) -> None:
            super().__init__()
            self.hidden = layers.Dense(16, activation="relu")
            self.drop = layers.Dropout(0.1)
            self.out = layers.Dense(1)

        def call(self, x, training=False):
            return self.out(self.drop(self.hidden(x), training=training))

    points, label = _two_moons()
    model = Net()
    model.compile("adam", lapis.losses.BinaryCrossentropy(from_logits=True))
    losses = model.fit(points, label[:, None].astype("float32"), epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert model.predict(points, verbose=0).shape == (400, 1)


def test_same_seed_same_numbers() -> None:
    def run() -> list[float]:
        lapis.utils.clear_session(free_memory=False)
        lapis.utils.set_random_seed(7)
        model = lapis.Sequential([lapis.Input((2,)), layers.Dense(8), layers.Dropout(0.3), layers.Dense(1)])
        model.compile("sgd", "mse")
        points, label = _two_moons()
        return model.fit(points, label, epochs=3, verbose=0).history["loss"]

    assert run() == run()
