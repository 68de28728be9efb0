"""Distillation: a small model learns from a large one."""

from lapis.distillation.distiller import Distiller as Distiller
from lapis.distillation.losses import DistillationLoss as DistillationLoss
from lapis.distillation.losses import FeatureDistillation as FeatureDistillation
from lapis.distillation.losses import LogitsDistillation as LogitsDistillation
