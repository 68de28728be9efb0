"""Windows of a series as batches: `TimeseriesGenerator` of TensorFlow's Keras."""

from typing import Any

import numpy as np

from lapis.data.py_dataset import PyDataset


class TimeseriesGenerator(PyDataset):
    """Batches of windows `(batch, length / sampling_rate, ...)` and of the targets at the step after each.

    New programs use `timeseries_dataset_from_array`.

    Args:
        data: steps along the first axis.
        targets: a target for each step.
        length: steps in a window.
        sampling_rate: take each so manieth step of a window.
        stride: steps from one window to the next.
        start_index, end_index: the part of the data to use, both included; all by default.
        shuffle: whether to draw the windows at random from NumPy's global generator.
        reverse: whether the latest step of a window comes first.
        batch_size: windows in a batch; the last may have fewer.

    A `ValueError` where data and targets differ in length, or leave no window.

    >>> windows = TimeseriesGenerator(np.arange(6), np.arange(6), length=3, batch_size=2)
    >>> len(windows), windows[0][0].tolist(), windows[0][1].tolist()
    (2, [[0, 1, 2], [1, 2, 3]], [3, 4])
    """

    def __init__(
        self,
        data: Any,
        targets: Any,
        length: int,
        sampling_rate: int = 1,
        stride: int = 1,
        start_index: int = 0,
        end_index: int | None = None,
        shuffle: bool = False,
        reverse: bool = False,
        batch_size: int = 128,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if len(data) != len(targets):
            raise ValueError(f"data has {len(data)} steps and targets has {len(targets)}; give a target for each step.")
        self.data = data
        self.targets = targets
        self.length = length
        self.sampling_rate = sampling_rate
        self.stride = stride
        self.start_index = start_index + length
        self.end_index = len(data) - 1 if end_index is None else end_index
        self.shuffle = shuffle
        self.reverse = reverse
        self.batch_size = batch_size
        if self.start_index > self.end_index:
            raise ValueError(
                f"Steps {start_index} to {self.end_index} leave no window of length={length} with a target after it."
            )

    def __len__(self) -> int:
        return (self.end_index - self.start_index) // (self.batch_size * self.stride) + 1

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        if self.shuffle:
            rows = np.random.randint(self.start_index, self.end_index + 1, size=self.batch_size)
        else:
            first = self.start_index + self.batch_size * self.stride * index
            rows = range(first, min(first + self.batch_size * self.stride, self.end_index + 1), self.stride)
        windows = np.array([self.data[row - self.length : row : self.sampling_rate] for row in rows])
        return windows[:, ::-1] if self.reverse else windows, np.array([self.targets[row] for row in rows])
