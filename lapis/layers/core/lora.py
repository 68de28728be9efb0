"""Low-rank adaptation: train two thin matrices beside a frozen weight."""

from typing import Any

import lapis.ops as ops
from lapis.layers.layer import Layer
from lapis.state import Variable


class LowRankAdapted(Layer):
    """A layer whose main weight `w` can be frozen and used as `w + lora_alpha / lora_rank * a @ b`.

    From [Hu et al., 2021](https://arxiv.org/abs/2106.09685). A subclass keeps the weight as `_kernel` or `_embeddings`
    and names it in `_adapted_weight`.
    """

    _adapted_weight = "kernel"

    lora_rank: Any

    def _set_lora(self, rank: int | None, alpha: float | None) -> None:
        self.lora_rank = rank
        self.lora_alpha = rank if alpha is None else alpha
        self.lora_enabled = False

    def _start_lora(self) -> None:
        """Adapt from the start: called at the end of `build` where the constructor was given a rank."""
        self.built = True
        self.enable_lora(self.lora_rank, self.lora_alpha)

    def _lora_config(self) -> dict:
        return {"lora_rank": self.lora_rank, "lora_alpha": self.lora_alpha} if self.lora_rank else {}

    @property
    def _frozen(self) -> Variable:
        name = "_" + self._adapted_weight
        if name not in self.__dict__:
            raise AttributeError(
                f"{self.path!r} has no {self._adapted_weight} before it is built; build or call it first."
            )
        return self.__dict__[name]

    def _adapted(self, dtype: str | None = None) -> Any:
        """The weight to compute with, in the compute type unless told otherwise."""
        if not self.lora_enabled:
            return self._frozen
        delta = ops.matmul(self._lora_part("a"), self._lora_part("b"))
        return ops.cast(self._frozen + self._lora_scale * delta, dtype or self.compute_dtype)

    def _lora_part(self, side: str) -> Variable:
        return self.__dict__[f"lora_{self._adapted_weight}_{side}"]

    def enable_lora(
        self,
        rank: int,
        lora_alpha: float | None = None,
        a_initializer: Any = "he_uniform",
        b_initializer: Any = "zeros",
    ) -> None:
        """Freeze the weight and train `lora_alpha / rank * a @ b` beside it; `lora_alpha` defaults to `rank`.

        A `ValueError` before the layer is built, the second time, and where the weight has a constraint.
        """
        weight_name = self._adapted_weight
        if getattr(self, f"{weight_name}_constraint"):
            raise ValueError(f"enable_lora() does not go with a {weight_name}_constraint; make the layer without one.")
        if not self.built:
            raise ValueError(f"{self.name!r} is not built yet; build or call it before enable_lora().")
        if self.lora_enabled:
            raise ValueError(f"{self.name!r} has LoRA already; it can be enabled once.")
        *outer, last = self._frozen.shape
        was_locked, self.__dict__["_locked"] = self._locked, False
        for side, shape, initializer in (("a", (*outer, rank), a_initializer), ("b", (rank, last), b_initializer)):
            name = f"lora_{weight_name}_{side}"
            # In float32 whatever the layer's type: the changes are small.
            regularizer = getattr(self, f"{weight_name}_regularizer")
            part = self.add_weight(shape, initializer, "float32", regularizer=regularizer, name=name)
            setattr(self, name, part)
        self.__dict__["_locked"] = was_locked
        self._frozen.trainable = False
        self.lora_enabled = True
        self.lora_rank = rank
        self.lora_alpha = rank if lora_alpha is None else lora_alpha
        self._lora_scale = self.lora_alpha / rank

    def _saved_with_lora(self) -> list[Variable]:
        bias = getattr(self, "bias", None)
        return [self._frozen] if bias is None else [self._frozen, bias]

    def save_own_variables(self, store: Any) -> None:
        """Save the weights, with the adaptation merged in."""
        if not self.lora_enabled:
            super().save_own_variables(store)
            return
        for index, variable in enumerate(self._saved_with_lora()):
            store[str(index)] = variable.numpy()
        store["0"] = ops.convert_to_numpy(self._adapted(self._frozen.dtype))

    def load_own_variables(self, store: Any) -> None:
        """Load the weights; an adaptation starts from zero again."""
        if not self.lora_enabled:
            super().load_own_variables(store)
            return
        for index, variable in enumerate(self._saved_with_lora()):
            variable.assign(store[str(index)])
        for side in "ab":
            part = self._lora_part(side)
            part.assign(ops.zeros(part.shape, dtype=part.dtype))
