"""Training: compiled steps, their state, and the loops that drive them."""

from lapis.training.compile_loss import CompileLoss as CompileLoss
from lapis.training.compile_metrics import CompileMetrics as CompileMetrics
from lapis.training.state import LiveState as LiveState
from lapis.training.trainer import Trainer as Trainer
