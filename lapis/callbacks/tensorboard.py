"""Writes what TensorBoard shows."""

import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from lapis.callbacks.callback import Callback
from lapis.callbacks.events import EventWriter
from lapis.callbacks.logs import to_python
from lapis.core.config import image_data_format
from lapis.layers.core.embedding import Embedding
from lapis.state.profiler import start_trace, stop_trace

_PROFILE = "profile_batch must be a batch's number of 0 or more, or a pair of first and last batch; got {value!r}."
_CHANNELS = (1, 3, 4)


class TensorBoard(Callback):
    """Writes metrics, weights, the model's graph and profiles for `tensorboard --logdir=logs`.

    What belongs to training goes into the folder `train`, validation and evaluation into `validation`. It needs
    tensorboardX, which `pip install 'lapis[tensorboard]'` brings, and no TensorFlow.

    Args:
        log_dir: the folder, which no other callback should write to.
        histogram_freq: every so many epochs, histograms of the weights; 0 for none.
        write_graph: whether the layers of a functional or sequential model are shown as a graph.
        write_images: whether the weights' histograms come with pictures of them.
        write_steps_per_second: whether to tell how many steps a second made.
        update_freq: `"epoch"`, `"batch"`, or every how many batches the metrics are written, besides each epoch's.
        profile_batch: the number, from 1, of the batch to profile, or a pair of first and last batch; 0 for none.
        embeddings_freq: every so many epochs, the embeddings for the projector; 0 for none.
        embeddings_metadata: a file with labels for all embeddings, or a dict of files by layer name.

    Raises:
        ImportError: where tensorboardX is not installed.
        ValueError: for an unknown layer in `embeddings_metadata`, or another `profile_batch`.

    >>> TensorBoard("logs", update_freq="batch").update_freq
    1
    """

    def __init__(
        self,
        log_dir: Any = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: str | int = "epoch",
        profile_batch: Any = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: str | dict[str, str] | None = None,
    ) -> None:
        super().__init__()
        self.log_dir = str(log_dir)
        self.histogram_freq = histogram_freq
        self.write_graph = write_graph
        self.write_images = write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = 1 if update_freq == "batch" else update_freq
        self.embeddings_freq = embeddings_freq
        self.embeddings_metadata = embeddings_metadata
        self._profiled = _batches_to_profile(profile_batch)
        self._tracing = False
        self._writers = {name: EventWriter(str(Path(self.log_dir) / name)) for name in ("train", "validation")}
        self._train_batches = 0
        self._batch_began = self._epoch_began = 0.0
        self._iterations_before = 0
        self.async_safe = self.update_freq == "epoch" and not self._profiled  # its batch methods then do nothing

    @property
    def summary(self) -> EventWriter:
        """The writer of training's summaries, for further ones: `summary.scalar(name, value, step)`."""
        return self._writers["train"]

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        if self.embeddings_freq:
            self._write_projector_config()
        if self.write_graph and hasattr(model, "graph"):
            try:
                config = model.to_json()
            except (TypeError, NotImplementedError) as error:
                warnings.warn(
                    f"TensorBoard leaves out the model's graph, since it has no config: {error}", stacklevel=2
                )
            else:
                self.summary.keras_model("keras", config, 0)

    def get_training_state(self) -> dict[str, Any]:
        return {"train_batches": self._train_batches}

    def set_training_state(self, state: dict[str, Any]) -> None:
        self._train_batches = state["train_batches"]

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._train_batches = 0

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        self._train_batches += 1
        self._batch_began = time.perf_counter()
        if self._profiled and self._train_batches == self._profiled[0]:
            start_trace(str(Path(self.log_dir) / "train"))
            self._tracing = True

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if self.update_freq != "epoch" and self._train_batches % int(self.update_freq) == 0:
            values = to_python(logs)
            if self.write_steps_per_second:
                values["steps_per_second"] = 1 / (time.perf_counter() - self._batch_began)
            self._write_scalars("train", "batch_{}", values, self._train_batches)
        if self._tracing and self._profiled and self._train_batches >= self._profiled[1]:
            self._stop_tracing()

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        if self.write_steps_per_second:
            self._iterations_before, self._epoch_began = self._iterations(), time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        values = {name: value for name, value in (logs or {}).items() if not name.startswith("val_")}
        validation = {name.removeprefix("val_"): value for name, value in (logs or {}).items() if name not in values}
        if logs:
            values.update(_learning_rates(self.model.optimizer))
            if self.write_steps_per_second:
                seconds = time.perf_counter() - self._epoch_began
                values["steps_per_second"] = (self._iterations() - self._iterations_before) / seconds
        self._write_scalars("train", "epoch_{}", values, epoch)
        self._write_scalars("validation", "epoch_{}", validation, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)
        if self.embeddings_freq and epoch % self.embeddings_freq == 0:
            self._write_embeddings()

    def on_test_end(self, logs: dict | None = None) -> None:
        if self.model.optimizer is not None:
            self._write_scalars("validation", "evaluation_{}_vs_iterations", logs or {}, self._iterations())
        self._writers["validation"].flush()

    def on_train_end(self, logs: dict | None = None) -> None:
        if self._tracing:
            self._stop_tracing()
        for writer in self._writers.values():
            writer.close()

    def _iterations(self) -> int:
        iterations = self.model.optimizer.iterations
        return int(iterations.numpy() if hasattr(iterations, "numpy") else iterations)

    def _stop_tracing(self) -> None:
        self.model  # noqa: B018 - brings the variables up to date, so that the batch is over
        stop_trace()
        self._tracing = False

    def _write_scalars(self, writer: str, name: str, values: dict[str, Any], step: int) -> None:
        for key, value in values.items():
            if np.ndim(value) == 0:
                self._writers[writer].scalar(name.format(key), value, step)

    def _write_weights(self, epoch: int) -> None:
        for layer in self.model.layers:
            for weight in layer.weights:
                name, value = weight.path.replace(":", "_"), weight.numpy()
                self.summary.histogram(f"{name}/histogram", value, epoch)
                images = _as_images(value) if self.write_images else None
                if images is not None:
                    self.summary.image(f"{name}/image", images, epoch)
        self.summary.flush()

    # Embeddings

    def _embeddings(self) -> list[Embedding]:
        return [layer for layer in self._model.layers if isinstance(layer, Embedding)]

    def _write_projector_config(self) -> None:
        layers, labels = self._embeddings(), self.embeddings_metadata
        if isinstance(labels, dict):
            unknown = sorted(set(labels) - {layer.name for layer in layers})
            if unknown:
                raise ValueError(f"embeddings_metadata names {unknown}, which are no Embedding layers of the model.")
        entries = []
        for layer in layers:
            fields = {"tensor_name": f"{layer.name}/embeddings", "tensor_path": f"train/{layer.name}.tsv"}
            path = labels.get(layer.name) if isinstance(labels, dict) else labels
            if path is not None:
                fields["metadata_path"] = str(path)
            lines = "".join(f'  {key}: "{value}"\n' for key, value in fields.items())
            entries.append(f"embeddings {{\n{lines}}}\n")
        Path(self.log_dir).mkdir(parents=True, exist_ok=True)
        (Path(self.log_dir) / "projector_config.pbtxt").write_text("".join(entries), encoding="utf-8")

    def _write_embeddings(self) -> None:
        folder = Path(self.log_dir) / "train"
        folder.mkdir(parents=True, exist_ok=True)
        self.model  # noqa: B018 - brings the variables up to date
        for layer in self._embeddings():
            rows = np.asarray(layer.embeddings, np.float32)
            np.savetxt(folder / f"{layer.name}.tsv", rows, fmt="%.6g", delimiter="\t")


def _batches_to_profile(value: Any) -> tuple[int, int] | None:
    if isinstance(value, str):
        parts = value.split(",")
        value = tuple(map(int, parts)) if all(part.strip().isdigit() for part in parts) else value
        value = value[0] if len(parts) == 1 and isinstance(value, tuple) else value
    pair = (value, value) if isinstance(value, int) else value
    if not isinstance(pair, (tuple, list)) or len(pair) != 2 or not all(isinstance(one, int) for one in pair):
        raise ValueError(_PROFILE.format(value=value))
    first, last = pair
    if first < 0 or last < first:
        raise ValueError(_PROFILE.format(value=value))
    return (first, last) if last else None


def _learning_rates(optimizer: Any) -> dict[str, float]:
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    several = getattr(optimizer, "optimizers", None)
    if several is not None:
        return {f"learning_rate_{one.name}": float(np.asarray(one.learning_rate)) for one in several}
    return {} if optimizer is None else {"learning_rate": float(np.asarray(optimizer.learning_rate))}


def _as_images(value: np.ndarray) -> np.ndarray | None:
    """A weight as `(images, height, width, channels)`; `None` where it is no picture."""
    value = np.squeeze(value)
    if value.ndim == 1:
        value = value.reshape(1, -1, 1, 1)
    elif value.ndim == 2:
        value = value.T if value.shape[0] > value.shape[1] else value
        value = value[None, :, :, None]
    elif value.ndim == 3:  # each kernel as a picture
        value = np.moveaxis(value, -1, 0) if image_data_format() == "channels_last" else value
        value = value[..., None]
    return value if value.ndim == 4 and value.shape[-1] in _CHANNELS else None
