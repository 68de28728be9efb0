"""PyTorch as its users write a loop; rows lie in tensors and are picked by index, kinder than a `DataLoader`."""

import contextlib
import time
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.data import Data
from benchmarks.torch_models import MODELS
from benchmarks.works import BINARY, ONE_HOT, SPARSE, Work

LOSSES: dict[str, Any] = {
    SPARSE: F.cross_entropy,
    ONE_HOT: F.cross_entropy,
    BINARY: F.binary_cross_entropy_with_logits,
    "mean_squared_error": F.mse_loss,
}


def _right(output: Tensor, target: Tensor) -> Tensor:
    """How many rows are told right."""
    if output.shape[-1] == 1:
        return ((output > 0) == (target > 0.5)).sum()
    return (output.argmax(1) == (target.argmax(1) if target.ndim > 1 else target)).sum()


class Session:
    """A model and what a user does with it; the variant is eager, `channels_last` or `compile`."""

    def __init__(self, module: str, dtype: str, device: str, variant: str = "") -> None:
        self.version = torch.__version__
        self.dtype = dtype
        self.device = "cuda" if device == "gpu" else "cpu"
        self.variant = variant

    def build(self, work: Work) -> None:
        self.work = work
        model = MODELS[work.name]().to(self.device)
        if self.variant == "channels_last":
            model = model.to(memory_format=torch.channels_last)
        self.model: Any = torch.compile(model) if self.variant == "compile" else model
        name, rate = work.optimizer
        parameters = self.model.parameters()
        if name == "rmsprop":
            self.optimizer: Any = torch.optim.RMSprop(parameters, rate, alpha=0.9, eps=1e-7)
        elif name == "adam":
            self.optimizer = torch.optim.Adam(parameters, rate, eps=1e-7)
        else:
            self.optimizer = torch.optim.SGD(parameters, rate, momentum=0.9)

    def build_only(self, name: str, size: int, **sizes: Any) -> int:
        """Build with initialised weights; how many parameters there are. Size is not needed."""
        model = MODELS[name](**sizes).to(self.device)
        return sum(parameter.numel() for parameter in model.parameters())

    def _tensors(self, arrays: dict[str, np.ndarray]) -> list[Tensor]:
        """The arrays on the device, pictures channel first, class numbers as torch wants them."""
        tensors = [torch.from_numpy(array).to(self.device) for array in arrays.values()]
        tensors = [t.permute(0, 3, 1, 2).contiguous() if t.ndim == 4 else t for t in tensors]
        if self.variant == "channels_last":
            tensors = [t.contiguous(memory_format=torch.channels_last) if t.ndim == 4 else t for t in tensors]
        return tensors

    def _targets(self, arrays: dict[str, np.ndarray]) -> list[Tensor]:
        return [t.long() if t.dtype == torch.int32 else t for t in self._tensors(arrays)]

    def _precision(self) -> Any:
        if self.dtype == "float32":
            return contextlib.nullcontext()
        return torch.autocast(self.device, dtype=getattr(torch, self.dtype))

    def _loss(self, inputs: list[Tensor], targets: list[Tensor]) -> tuple[Tensor, Tensor]:
        with self._precision():
            outputs = self.model(*inputs)
            outputs = outputs if isinstance(outputs, tuple) else (outputs,)
            terms = zip(self.work.losses.values(), outputs, targets)
            loss = sum(weight * LOSSES[kind](output, target) for (kind, weight), output, target in terms)
        right = _right(outputs[0], targets[0]) if self.work.accuracy else torch.zeros(())
        return loss, right  # pyright: ignore[reportReturnType]

    def fit(self, data: Data, epochs: int) -> tuple[list[float], list[float]]:
        inputs, targets = self._tensors(data.x), self._targets(data.y)
        count, batch = len(inputs[0]), self.work.batch
        ends, losses = [], []
        self.model.train()
        for _ in range(epochs):
            order = torch.randperm(count, device=self.device)
            total, right = torch.zeros((), device=self.device), torch.zeros((), device=self.device)
            for start in range(0, count, batch):
                rows = order[start : start + batch]
                loss, told = self._loss([t[rows] for t in inputs], [t[rows] for t in targets])
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                total += loss.detach() * len(rows)
                right += told
            losses.append(float(total) / count)
            ends.append(time.perf_counter())
        return ends, losses

    def evaluate(self, data: Data) -> None:
        inputs, targets = self._tensors(data.x), self._targets(data.y)
        batch = self.work.batch
        self.model.eval()
        total, right = torch.zeros((), device=self.device), torch.zeros((), device=self.device)
        with torch.inference_mode():
            for start in range(0, len(inputs[0]), batch):
                rows = slice(start, start + batch)
                loss, told = self._loss([t[rows] for t in inputs], [t[rows] for t in targets])
                total += loss * len(inputs[0][rows])
                right += told
        total.item()
        right.item()

    def predict(self, data: Data) -> Any:
        inputs = self._tensors(data.x)
        batch = self.work.batch
        self.model.eval()
        with torch.inference_mode(), self._precision():
            outputs = [self.model(*(t[i : i + batch] for t in inputs)) for i in range(0, len(inputs[0]), batch)]
            return torch.cat(outputs).softmax(1).float().cpu().numpy()

    def call(self, data: Data) -> np.ndarray:
        self.model.eval()
        with torch.inference_mode(), self._precision():
            return self.model(*self._tensors(data.x)).float().cpu().numpy()
