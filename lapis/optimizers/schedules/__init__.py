"""Learning rates that depend on the step."""

from lapis.optimizers.schedules.cosine_decay import CosineDecay as CosineDecay
from lapis.optimizers.schedules.cosine_decay_restarts import CosineDecayRestarts as CosineDecayRestarts
from lapis.optimizers.schedules.exponential_decay import ExponentialDecay as ExponentialDecay
from lapis.optimizers.schedules.inverse_time_decay import InverseTimeDecay as InverseTimeDecay
from lapis.optimizers.schedules.lookup import deserialize as deserialize
from lapis.optimizers.schedules.lookup import serialize as serialize
from lapis.optimizers.schedules.piecewise_constant_decay import PiecewiseConstantDecay as PiecewiseConstantDecay
from lapis.optimizers.schedules.polynomial_decay import PolynomialDecay as PolynomialDecay
from lapis.optimizers.schedules.schedule import LearningRateSchedule as LearningRateSchedule
