"""Event files, TensorBoard's format, written by tensorboardX."""

import itertools
import os
import struct
import time
import zlib
from typing import Any

import numpy as np

_MISSING = (
    "TensorBoard's files are written by tensorboardX, which is not installed: pip install 'lapis[tensorboard]', or "
    "tensorboardX by itself."
)
_BUCKETS = 30
_MOST_IMAGES = 3
_COLOURS = {1: 0, 3: 2, 4: 6}  # PNG's numbers for grey, RGB and RGBA, by channels
_numbers = itertools.count()


def _tensorboardx() -> Any:
    try:
        import tensorboardX
        import tensorboardX.event_file_writer
    except ImportError:
        raise ImportError(_MISSING) from None
    return tensorboardX


class EventWriter:
    """Writes summaries into an event file of its own in a folder, which is made with the first of them."""

    def __init__(self, folder: str) -> None:
        self._module = _tensorboardx()
        self._folder = folder
        self._file: Any = None

    def scalar(self, name: str, value: Any, step: int) -> None:
        """A number."""
        self._write(step, tag=name, simple_value=float(value))

    def histogram(self, name: str, values: Any, step: int) -> None:
        """How the finite values of an array are distributed, in 30 buckets of equal width."""
        values = np.asarray(values, np.float64)
        values = values[np.isfinite(values)]
        if values.size:
            counts, edges = np.histogram(values, _BUCKETS)
            rows = np.stack([edges[:-1], edges[1:], counts], axis=1)
            tensor = self._tensor("DT_DOUBLE", rows.shape, double_val=rows.ravel().tolist())
            self._write(step, tag=name, metadata=self._metadata("histograms"), tensor=tensor)

    def image(self, name: str, images: Any, step: int) -> None:
        """The first three images `(images, height, width, channels)`, with 1, 3 or 4 channels of values in 0…1."""
        pixels = (np.clip(np.asarray(images, np.float64), 0.0, 1.0) * 255).astype(np.uint8)
        _, height, width, _ = pixels.shape
        parts = [str(width).encode(), str(height).encode(), *map(png, pixels[:_MOST_IMAGES])]
        tensor = self._tensor("DT_STRING", (len(parts),), string_val=parts)
        self._write(step, tag=name, metadata=self._metadata("images"), tensor=tensor)

    def keras_model(self, name: str, config: str, step: int) -> None:
        """A model's config as JSON, which TensorBoard shows as a graph of layers."""
        tensor = self._tensor("DT_STRING", (), string_val=[config.encode()])
        self._write(step, tag=name, metadata=self._metadata("graph_keras_model", b"1"), tensor=tensor)

    def _write(self, step: int, **value: Any) -> None:
        if self._file is None:
            os.makedirs(self._folder, exist_ok=True)
            suffix = f".{os.getpid()}.{next(_numbers)}"  # two files begun within a second have one name otherwise
            self._file = self._module.event_file_writer.EventsWriter(os.path.join(self._folder, "events"), suffix)
        summary = self._module.proto.summary_pb2.Summary
        event = self._module.proto.event_pb2.Event
        content = summary(value=[summary.Value(**value)])
        self._file.write_event(event(wall_time=time.time(), step=int(step), summary=content))

    def _metadata(self, plugin: str, content: bytes = b"") -> Any:
        kind = self._module.proto.summary_pb2.SummaryMetadata
        return kind(plugin_data=kind.PluginData(plugin_name=plugin, content=content))

    def _tensor(self, dtype: str, shape: tuple, **values: Any) -> Any:
        proto = self._module.proto
        sizes = [proto.tensor_shape_pb2.TensorShapeProto.Dim(size=size) for size in shape]
        tensor_shape = proto.tensor_shape_pb2.TensorShapeProto(dim=sizes)
        return proto.tensor_pb2.TensorProto(dtype=dtype, tensor_shape=tensor_shape, **values)

    def flush(self) -> None:
        """Bring what was written to the disk."""
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """End the file; a later summary begins another."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __del__(self) -> None:
        if "_file" in self.__dict__:  # not where tensorboardX is missing
            self.close()


def png(pixels: np.ndarray) -> bytes:
    """An image `(height, width, channels)` of bytes as a PNG file."""
    height, width, channels = pixels.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1)  # each unfiltered
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOURS[channels], 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes())), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
