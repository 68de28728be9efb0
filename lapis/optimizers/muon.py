"""Momentum made orthogonal, for matrices."""

import re
from collections.abc import Sequence
from typing import Any, Unpack

import jax.numpy as jnp

from lapis.core.serialization import builtin
from lapis.optimizers.optimizer import LearningRate, OldOptions, Optimizer
from lapis.state import Variable


@builtin("keras.optimizers")
class Muon(Optimizer):
    """Steps of matrices along their momentum made orthogonal; other variables follow AdamW.

    For a matrix: `m ← momentum·m + g`, `u = g + momentum·m` (`m` without `nesterov`), then
    `w ← w - lr·rms_rate·sqrt(max(rows, columns))·orthogonal(u)`, where `ns_steps` Newton-Schulz iterations
    `x ← a·x + (b·xxᵀ + c·(xxᵀ)²)·x` with `muon_a`, `muon_b`, `muon_c` make `u / |u|` nearly orthogonal. A `rms_rate` of
    `None` leaves out that factor. Jordan et al., https://kellerjordan.github.io/posts/muon.

    AdamW serves variables that are no matrices, embeddings (by their path, unless `exclude_embeddings` is false) and
    those whose path matches a regular expression in `exclude_layers`; it has `adam_beta_1`, `adam_beta_2`, `epsilon`,
    `adam_weight_decay` and the learning rate times `adam_lr_ratio`. The other arguments are those of `Optimizer`.

    >>> import lapis
    >>> weight = lapis.Variable(lapis.ops.eye(2))
    >>> Muon(0.1).apply([lapis.ops.ones((2, 2))], [weight])
    >>> round(float(weight.value[0, 0]), 4)
    0.9898
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        exclude_layers: Sequence[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.775,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
        **kwargs: Unpack[OldOptions],
    ) -> None:
        super().__init__(
            learning_rate,
            weight_decay,
            clipnorm,
            clipvalue,
            global_clipnorm,
            use_ema,
            ema_momentum,
            ema_overwrite_frequency,
            loss_scale_factor,
            gradient_accumulation_steps,
            name,
            **kwargs,
        )
        self.adam_beta_1 = adam_beta_1
        self.adam_beta_2 = adam_beta_2
        self.adam_weight_decay = adam_weight_decay
        self.epsilon = epsilon
        self.exclude_layers = exclude_layers or []
        self.exclude_embeddings = exclude_embeddings
        self.muon_a = muon_a
        self.muon_b = muon_b
        self.muon_c = muon_c
        self.adam_lr_ratio = adam_lr_ratio
        self.momentum = momentum
        self.ns_steps = ns_steps
        self.nesterov = nesterov
        self.rms_rate = rms_rate

    def build(self, var_list: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(var_list)
        self._momentums: list[Any] = [None] * len(var_list)
        self._velocities: list[Any] = [None] * len(var_list)
        for index, variable in enumerate(var_list):
            if variable.overwrite_with_gradient:
                continue
            self._momentums[index] = self.add_variable_from_reference(variable, "momentum")
            if self._follows_adam(variable):
                self._velocities[index] = self.add_variable_from_reference(variable, "velocity")

    def _follows_adam(self, variable: Variable) -> bool:
        if len(variable.shape) != 2 or (self.exclude_embeddings and "embedding" in variable.path.lower()):
            return True
        return any(re.search(pattern, variable.path) for pattern in self.exclude_layers)

    def _decay_of(self, variable: Variable) -> float | None:
        if not self._may_decay(variable):
            return None
        return self.adam_weight_decay if self._follows_adam(variable) else self.weight_decay

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        if self._velocities[self._get_variable_index(variable)] is None:
            self._muon_step(gradient, variable, learning_rate)
        else:
            self._adam_step(gradient, variable, learning_rate * self.adam_lr_ratio)

    def _muon_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        g, lr = self._cast(variable, gradient, learning_rate)
        m = self._momentums[self._get_variable_index(variable)]
        self.assign(m, self.momentum * m.value + g)
        direction = g + self.momentum * m.value if self.nesterov else m.value
        step = lr * self.zeropower_via_newtonschulz5(direction, self.ns_steps)
        self.assign_sub(variable, self.lr_adjust(step))

    def _adam_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        g, lr, t = self._cast(variable, gradient, learning_rate, self.iterations + 1)
        index = self._get_variable_index(variable)
        m, v = self._momentums[index], self._velocities[index]
        rate = lr * jnp.sqrt(1 - self.adam_beta_2**t) / (1 - self.adam_beta_1**t)
        self.assign_add(m, (g - m.value) * (1 - self.adam_beta_1))
        self.assign_add(v, (jnp.square(g) - v.value) * (1 - self.adam_beta_2))
        self.assign_sub(variable, rate * m.value / (jnp.sqrt(v.value) + self.epsilon))

    def transpose_last_axis(self, X: Any) -> Any:
        """The matrices, one or a stack of them, transposed."""
        return jnp.swapaxes(X, -1, -2)

    def lr_adjust(self, x: Any) -> Any:
        """The step times `sqrt(max(rows, columns)) · rms_rate`, so that learning rates are those of Adam.

        Liu et al., https://arxiv.org/abs/2502.16982.
        """
        return x if self.rms_rate is None else x * max(x.shape[:2]) ** 0.5 * self.rms_rate

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        """The matrices with singular values near 1, by so many steps of a Newton-Schulz iteration of degree 5."""
        if x.ndim < 2:
            raise ValueError(f"Muon makes matrices orthogonal; got an array of shape {tuple(x.shape)}.")
        tall = x.shape[-2] > x.shape[-1]
        x = self.transpose_last_axis(x) if tall else x
        x = x / (jnp.linalg.norm(x, axis=(-2, -1), keepdims=True) + 1e-7)
        for _ in range(steps):
            gram = x @ self.transpose_last_axis(x)
            x = self.muon_a * x + (self.muon_b * gram + self.muon_c * gram @ gram) @ x
        return self.transpose_last_axis(x) if tall else x

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        return {
            **super().get_config(),
            "adam_beta_1": self.adam_beta_1,
            "adam_beta_2": self.adam_beta_2,
            "epsilon": self.epsilon,
            "exclude_layers": self.exclude_layers,
            "muon_a": self.muon_a,
            "muon_b": self.muon_b,
            "muon_c": self.muon_c,
            "adam_lr_ratio": self.adam_lr_ratio,
            "momentum": self.momentum,
            "ns_steps": self.ns_steps,
            "nesterov": self.nesterov,
            "exclude_embeddings": self.exclude_embeddings,
            "adam_weight_decay": self.adam_weight_decay,
            "rms_rate": self.rms_rate,
        }
