"""Mixed precision, Keras's `keras.mixed_precision`."""

from lapis.core.dtype_policies import set_dtype_policy as set_dtype_policy
from lapis.core.dtype_policies import set_dtype_policy as set_global_policy
from lapis.core.dtype_policy import DTypePolicy as DTypePolicy
from lapis.core.dtype_policy import DTypePolicy as Policy
from lapis.core.dtype_policy import dtype_policy as dtype_policy
from lapis.core.dtype_policy import dtype_policy as global_policy
from lapis.optimizers.loss_scale_optimizer import LossScaleOptimizer as LossScaleOptimizer

__all__ = [
    "DTypePolicy",
    "LossScaleOptimizer",
    "Policy",
    "dtype_policy",
    "global_policy",
    "set_dtype_policy",
    "set_global_policy",
]
