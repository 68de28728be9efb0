"""Callbacks that write for other programs: TensorBoard, a server, Orbax."""

import json
import pathlib
import struct
import threading
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import pytest

import lapis
from lapis import callbacks, layers
from lapis.callbacks import events

X, Y = np.arange(32).reshape(8, 4) % 7, np.ones((8, 1), "float32")


def _model() -> lapis.Model:
    inputs = lapis.Input((4,), dtype="int32")
    x = layers.Flatten()(layers.Embedding(7, 3, name="words")(inputs))
    model = lapis.Model(inputs, layers.Dense(1, name="out")(x))
    model.compile(lapis.optimizers.Adam(0.01), "mse")
    return model


# TensorBoard


def _events(folder: pathlib.Path) -> list[tuple[int, Any]]:
    """The step and value of every summary in the event files of a folder."""
    proto = pytest.importorskip("tensorboardX").proto.event_pb2
    found = []
    for path in sorted(folder.glob("events.out.tfevents.*")):
        data = path.read_bytes()
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            event = proto.Event.FromString(data[12 : 12 + length])
            found += [(event.step, value) for value in event.summary.value]
            data = data[16 + length :]
    return found


def _scalars(folder: pathlib.Path) -> dict[str, dict[int, float]]:
    found: dict[str, dict[int, float]] = {}
    for step, value in _events(folder):
        if value.HasField("simple_value"):
            found.setdefault(value.tag, {})[step] = value.simple_value
    return found


def test_tensorboard_writes_what_it_is_told(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("tensorboardX")
    model = _model()
    board = callbacks.TensorBoard(
        tmp_path,
        histogram_freq=2,
        write_images=True,
        write_steps_per_second=True,
        update_freq=2,
        profile_batch=(2, 3),
        embeddings_freq=1,
        embeddings_metadata={"words": "words.tsv"},
    )
    history = model.fit(X, Y, batch_size=2, epochs=2, validation_data=(X, Y), callbacks=[board], verbose=0).history
    train, validation = _scalars(tmp_path / "train"), _scalars(tmp_path / "validation")
    assert train["epoch_loss"] == pytest.approx(dict(enumerate(history["loss"])))
    assert train["epoch_learning_rate"] == pytest.approx({0: 0.01, 1: 0.01})
    assert list(train["batch_loss"]) == list(train["batch_steps_per_second"]) == [2, 4, 6, 8]
    assert train["batch_loss"][4] == pytest.approx(history["loss"][0])
    assert min(train["epoch_steps_per_second"].values()) > 0
    assert validation["epoch_loss"] == pytest.approx(dict(enumerate(history["val_loss"])))
    assert validation["evaluation_loss_vs_iterations"] == pytest.approx(dict(zip((4, 8), history["val_loss"])))

    others = {value.tag: (step, value) for step, value in _events(tmp_path / "train") if value.HasField("tensor")}
    names = ["words/embeddings", "out/kernel", "out/bias"]
    assert {*others} == {"keras", *(f"{n}/histogram" for n in names), "words/embeddings/image", "out/kernel/image"}
    step, value = others["out/kernel/histogram"]
    rows = np.reshape(value.tensor.double_val, (30, 3))
    assert (step, rows[:, 2].sum(), value.metadata.plugin_data.plugin_name) == (0, 12, "histograms")
    width, height, *images = others["words/embeddings/image"][1].tensor.string_val
    assert (width, height, len(images), images[0][:4]) == (b"7", b"3", 1, b"\x89PNG")
    assert json.loads(others["keras"][1].tensor.string_val[0])["class_name"] == "Functional"

    assert list((tmp_path / "train" / "plugins" / "profile").rglob("*.xplane.pb"))
    rows = np.loadtxt(tmp_path / "train" / "words.tsv")
    np.testing.assert_allclose(rows, model.get_layer("words").get_weights()[0], atol=1e-5)
    config = (tmp_path / "projector_config.pbtxt").read_text()
    assert 'tensor_path: "train/words.tsv"' in config and 'metadata_path: "words.tsv"' in config


def test_tensorboard_by_epoch_lets_batches_run_together(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("tensorboardX")
    board = callbacks.TensorBoard(tmp_path, write_graph=False)
    assert board.async_safe and not callbacks.TensorBoard(tmp_path, update_freq="batch").async_safe
    model = _model()
    model.fit(X, Y, batch_size=2, callbacks=[board], verbose=0)
    board.summary.scalar("own", 3, step=7)
    board.summary.histogram("nothing finite", [np.nan], step=7)
    board.summary.close()
    assert set(_scalars(tmp_path / "train")) == {"epoch_loss", "epoch_learning_rate", "own"}
    assert not (tmp_path / "validation").exists()


def test_tensorboard_refuses(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tensorboardX")
    for wrong in ("soon", -1, (3, 2), (1, 2, 3), 1.5):
        with pytest.raises(ValueError, match="profile_batch must be"):
            callbacks.TensorBoard(tmp_path, profile_batch=wrong)
    assert callbacks.TensorBoard(tmp_path, profile_batch="2,4")._profiled == (2, 4)
    board = callbacks.TensorBoard(tmp_path, embeddings_freq=1, embeddings_metadata={"sounds": "x.tsv"})
    with pytest.raises(ValueError, match=r"names \['sounds'\], which are no Embedding layers"):
        board.set_model(_model())
    monkeypatch.setitem(__import__("sys").modules, "tensorboardX", None)
    with pytest.raises(ImportError, match=r"pip install 'lapis\[tensorboard\]'"):
        callbacks.TensorBoard(tmp_path)


def test_png() -> None:
    pixels = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    data = events.png(pixels)
    start = data.index(b"IDAT") + 4
    (length,) = struct.unpack(">I", data[start - 8 : start - 4])
    assert zlib.decompress(data[start : start + length]) == bytes([0, *range(6), 0, *range(6, 12)])


# A server


class _Server(BaseHTTPRequestHandler):
    received: list[tuple[str, str, str]]
    status = 200

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.received.append((self.path, self.headers["Content-Type"], body))
        self.send_response(self.status)
        self.send_header("X-Token", self.headers.get("X-Token", ""))
        self.end_headers()

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, type[_Server]]]:
    monkeypatch.setenv("no_proxy", "*")
    handler: Any = type("Handler", (_Server,), {"received": []})
    with HTTPServer(("127.0.0.1", 0), handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}", handler
        listening.shutdown()
        thread.join()


def test_remote_monitor(server: tuple[str, type[_Server]]) -> None:
    root, handler = server
    logs = {"loss": 0.5, "parts": np.array([1.0, 2.0])}
    callbacks.RemoteMonitor(root, headers={"X-Token": "t"}).on_epoch_end(3, logs)
    callbacks.RemoteMonitor(root, path="/json", send_as_json=True).on_epoch_end(4)
    form, text = handler.received
    assert form[:2] == ("/publish/epoch/end/", "application/x-www-form-urlencoded")
    assert json.loads(parse_qs(form[2])["data"][0]) == {"epoch": 3, "loss": 0.5, "parts": [1.0, 2.0]}
    assert text == ("/json", "application/json", '{"epoch": 4}')
    handler.status = 500
    with pytest.warns(UserWarning, match="could not send epoch 5 to .*500"):
        callbacks.RemoteMonitor(root).on_epoch_end(5, logs)


def test_remote_monitor_goes_on_without_a_server() -> None:
    with pytest.warns(UserWarning, match="could not send epoch 0 to http://127.0.0.1:9"):
        callbacks.RemoteMonitor("http://127.0.0.1:9").on_epoch_end(0, {})
    with pytest.raises(ValueError, match="begins with http://"):
        callbacks.RemoteMonitor("file:///etc/passwd")


# Orbax


def _steps(folder: pathlib.Path) -> list[int]:
    return sorted(int(path.name) for path in folder.iterdir())


@pytest.mark.parametrize("background", [True, False])
def test_orbax_saves_and_is_read_back(tmp_path: pathlib.Path, background: bool) -> None:
    pytest.importorskip("orbax.checkpoint")
    model = _model()
    saver = callbacks.OrbaxCheckpoint(tmp_path, max_to_keep=2, save_on_background=background)
    weights: list[Any] = []
    keep = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: weights.append(model.get_weights()))
    model.fit(X, Y, batch_size=4, epochs=4, callbacks=[saver, keep], verbose=0)
    assert _steps(tmp_path) == [2, 3]
    loaded = lapis.saving.load_model(tmp_path)
    for mine, saved in zip(loaded.variables + loaded.optimizer.variables, model.variables + model.optimizer.variables):
        np.testing.assert_array_equal(mine.numpy(), saved.numpy())
    model.load_weights(tmp_path / "2")  # of an earlier epoch, in spite of what training did to the arrays
    for mine, saved in zip(model.get_weights(), weights[2]):
        np.testing.assert_array_equal(mine, saved)


def test_orbax_by_batches_and_best_only(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("orbax.checkpoint")
    model = _model()
    by_batch = callbacks.OrbaxCheckpoint(tmp_path / "a", save_freq=3, max_to_keep=None, save_weights_only=True)
    best = callbacks.OrbaxCheckpoint(tmp_path / "b", "loss", save_best_only=True, initial_value_threshold=0.0)
    model.fit(X, Y, batch_size=2, epochs=2, callbacks=[by_batch, best], verbose=0)
    assert _steps(tmp_path / "a") == [3, 6]
    assert not (tmp_path / "b").exists() or _steps(tmp_path / "b") == []
    with pytest.raises(ValueError, match="holds weights alone"):
        lapis.saving.load_model(tmp_path / "a")
    before = model.get_weights()
    model.load_weights(tmp_path / "a")
    assert any((mine != old).any() for mine, old in zip(model.get_weights(), before))
    x = lapis.Input((4,))
    other = lapis.Model(x, layers.Dense(2, name="out")(x))
    with pytest.raises(ValueError, match=r"out/kernel has shape \(12, 1\) in the checkpoint, \(4, 2\) in the model"):
        other.load_weights(tmp_path / "a")
    with pytest.raises(ValueError, match="do not go with a checkpoint"):
        model.load_weights(tmp_path / "a", skip_mismatch=True)
    with pytest.raises(ValueError, match="expected 'epoch' or a number"):
        callbacks.OrbaxCheckpoint(tmp_path, save_freq="week")
    assert (best.is_multihost_enabled(), best.is_primary_host()) == (False, True)
