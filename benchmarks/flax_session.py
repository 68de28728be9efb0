"""Flax NNX with Optax: a jitted step over split state, donated, the fast way of its own performance guide."""

import functools
import importlib.metadata
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from benchmarks.data import Data
from benchmarks.flax_models import MODELS
from benchmarks.works import BINARY, ONE_HOT, SPARSE, Work

LOSSES: dict[str, Any] = {
    SPARSE: optax.softmax_cross_entropy_with_integer_labels,
    ONE_HOT: optax.softmax_cross_entropy,
    BINARY: optax.sigmoid_binary_cross_entropy,
    "mean_squared_error": optax.squared_error,
}


def _right(output: jax.Array, target: jax.Array) -> jax.Array:
    """How many rows are told right."""
    if output.shape[-1] == 1:
        return ((output > 0) == (target > 0.5)).sum()
    return (output.argmax(1) == (target.argmax(1) if target.ndim > 1 else target)).sum()


def _loss(model: Any, inputs: list[Any], targets: list[Any], work: Work) -> tuple[jax.Array, jax.Array]:
    outputs = model(*inputs)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    outputs = [output.astype(jnp.float32) for output in outputs]
    terms = zip(work.losses.values(), outputs, targets)
    loss = sum(weight * LOSSES[kind](output, target).mean() for (kind, weight), output, target in terms)
    return jnp.asarray(loss), _right(outputs[0], targets[0]) if work.accuracy else jnp.zeros(())


class Session:
    """A model and what a user does with it."""

    def __init__(self, module: str, dtype: str, device: str, variant: str = "") -> None:
        self.version = importlib.metadata.version("flax")
        self.dtype = getattr(jnp, dtype)

    def _model(self, name: str, **sizes: Any) -> Any:
        make = {"rngs": nnx.Rngs(0), "dtype": self.dtype}
        return MODELS[name](make, **sizes)

    def build(self, work: Work) -> None:
        self.work = work
        name, rate = work.optimizer
        transform = {
            "rmsprop": lambda: optax.rmsprop(rate, decay=0.9, eps=1e-7),
            "adam": lambda: optax.adam(rate, eps=1e-7),
            "sgd": lambda: optax.sgd(rate, momentum=0.9),
        }[name]()
        model = self._model(work.name)
        model.eval()
        still, _ = nnx.split(model)
        model.train()
        graph, self.state = nnx.split((model, nnx.Optimizer(model, transform, wrt=nnx.Param)))

        @functools.partial(jax.jit, donate_argnums=(0, 1))
        def step(state: Any, totals: Any, inputs: Any, targets: Any) -> Any:
            model, optimizer = nnx.merge(graph, state)
            objective = nnx.value_and_grad(lambda model: _loss(model, inputs, targets, work), has_aux=True)
            (loss, right), gradients = objective(model)
            optimizer.update(model, gradients)
            totals = totals[0] + loss * len(inputs[0]), totals[1] + right
            return nnx.state((model, optimizer)), totals

        @functools.partial(jax.jit, donate_argnums=1)
        def measure(state: Any, totals: Any, inputs: Any, targets: Any) -> Any:
            loss, right = _loss(nnx.merge(still, state), inputs, targets, work)
            return totals[0] + loss * len(inputs[0]), totals[1] + right

        @jax.jit
        def forward(state: Any, inputs: Any) -> jax.Array:
            return jax.nn.softmax(nnx.merge(still, state)(*inputs).astype(jnp.float32))

        self._step, self._measure, self._forward = step, measure, forward

    def build_only(self, name: str, size: int, **sizes: Any) -> int:
        """Build with initialised weights and wait for them; how many parameters there are. Size is not needed."""
        parameters = jax.tree.leaves(nnx.state(self._model(name, **sizes), nnx.Param))
        jax.block_until_ready(parameters)
        return sum(parameter.size for parameter in parameters)

    def fit(self, data: Data, epochs: int) -> tuple[list[float], list[float]]:
        inputs, targets = list(data.x.values()), list(data.y.values())
        count, batch = len(inputs[0]), self.work.batch
        rng = np.random.default_rng(0)
        ends, losses = [], []
        for _ in range(epochs):
            order = rng.permutation(count)
            totals = jnp.zeros(()), jnp.zeros(())
            for start in range(0, count, batch):
                rows = order[start : start + batch]
                picked = [a[rows] for a in inputs], [a[rows] for a in targets]
                self.state, totals = self._step(self.state, totals, *picked)
            jax.block_until_ready(self.state)
            losses.append(float(totals[0]) / count)
            ends.append(time.perf_counter())
        return ends, losses

    def evaluate(self, data: Data) -> None:
        inputs, targets = list(data.x.values()), list(data.y.values())
        batch, totals, state = self.work.batch, (jnp.zeros(()), jnp.zeros(())), self.state[0]
        for start in range(0, len(inputs[0]), batch):
            rows = slice(start, start + batch)
            totals = self._measure(state, totals, [a[rows] for a in inputs], [a[rows] for a in targets])
        jax.device_get(totals)

    def predict(self, data: Data) -> Any:
        inputs, batch, state = list(data.x.values()), self.work.batch, self.state[0]
        outputs = [self._forward(state, [a[i : i + batch] for a in inputs]) for i in range(0, len(inputs[0]), batch)]
        return np.concatenate([np.asarray(output) for output in outputs])

    def call(self, data: Data) -> np.ndarray:
        return np.asarray(self._forward(self.state[0], list(data.x.values())))
