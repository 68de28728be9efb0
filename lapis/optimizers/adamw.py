"""Adam with weight decay."""

from typing import Unpack

from lapis.core.serialization import builtin
from lapis.optimizers.adam import Adam
from lapis.optimizers.optimizer import LearningRate, OldOptions


@builtin("keras.optimizers")
class AdamW(Adam):
    """Adam where each step also shrinks the variable by `weight_decay·lr` of itself, apart from the gradient.

    Loshchilov and Hutter, https://arxiv.org/abs/1711.05101. The other arguments are those of `Adam`; a `weight_decay`
    of `None` is a `ValueError`.

    >>> import lapis
    >>> weight = lapis.Variable([1.0])
    >>> AdamW(0.1, weight_decay=0.5).apply([lapis.ops.zeros((1,))], [weight])
    >>> round(float(weight.value[0]), 4)
    0.95
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Unpack[OldOptions],
    ) -> None:
        if weight_decay is None:
            raise ValueError("AdamW needs a weight_decay; got None. Adam is the same without it.")
        super().__init__(
            learning_rate,
            beta_1,
            beta_2,
            epsilon,
            amsgrad,
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
