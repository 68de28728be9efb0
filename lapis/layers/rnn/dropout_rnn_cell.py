"""Dropout for recurrent cells: the same values are dropped at every time step of a call."""

from typing import Any

import lapis.ops as ops
import lapis.random as random
from lapis.state import SeedGenerator


class DropoutRNNCell:
    """What a cell needs for `dropout` (on its inputs) and `recurrent_dropout` (on its state).

    The masks are drawn at the first step and kept until they are reset; the RNN layer resets them around each call. A
    cell sets `dropout`, `recurrent_dropout`, `seed_generator`, and `dropout_mask_count` where each gate has a mask of
    its own. From [Gal and Ghahramani, 2016](https://arxiv.org/abs/1512.05287).
    """

    dropout: float = 0.0
    recurrent_dropout: float = 0.0
    dropout_mask_count: int | None = None
    seed_generator: SeedGenerator | None = None
    _dropout_mask: Any = None
    _recurrent_dropout_mask: Any = None

    def get_dropout_mask(self, step_input: Any) -> Any:
        """The factors for the inputs of one step, or a tuple of one for each gate; `None` where nothing is dropped."""
        if self._dropout_mask is None:
            self._dropout_mask = self._draw_mask(step_input, self.dropout)
        return self._dropout_mask

    def get_recurrent_dropout_mask(self, step_input: Any) -> Any:
        """The factors for the state, as those for the inputs."""
        if self._recurrent_dropout_mask is None:
            self._recurrent_dropout_mask = self._draw_mask(step_input, self.recurrent_dropout)
        return self._recurrent_dropout_mask

    def reset_dropout_mask(self) -> None:
        """Forget the factors for the inputs, so that the next step draws new ones."""
        self._dropout_mask = None

    def reset_recurrent_dropout_mask(self) -> None:
        """Forget the factors for the state, so that the next step draws new ones."""
        self._recurrent_dropout_mask = None

    def _draw_mask(self, like: Any, rate: float) -> Any:
        if not 0 < rate < 1:
            return None
        ones = ops.ones_like(like)
        if self.dropout_mask_count is None:
            return random.dropout(ones, rate, seed=self.seed_generator)
        return tuple(random.dropout(ones, rate, seed=self.seed_generator) for _ in range(self.dropout_mask_count))
