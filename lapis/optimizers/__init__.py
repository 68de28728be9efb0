"""How variables change along gradients."""

from lapis.optimizers import schedules as schedules
from lapis.optimizers import legacy as legacy
from lapis.optimizers.adadelta import Adadelta as Adadelta
from lapis.optimizers.adafactor import Adafactor as Adafactor
from lapis.optimizers.adagrad import Adagrad as Adagrad
from lapis.optimizers.adam import Adam as Adam
from lapis.optimizers.adamax import Adamax as Adamax
from lapis.optimizers.adamw import AdamW as AdamW
from lapis.optimizers.ftrl import Ftrl as Ftrl
from lapis.optimizers.lamb import Lamb as Lamb
from lapis.optimizers.lion import Lion as Lion
from lapis.optimizers.lookup import deserialize as deserialize
from lapis.optimizers.lookup import get as get
from lapis.optimizers.lookup import serialize as serialize
from lapis.optimizers.loss_scale_optimizer import LossScaleOptimizer as LossScaleOptimizer
from lapis.optimizers.multi_optimizer import MultiOptimizer as MultiOptimizer
from lapis.optimizers.multi_optimizer import OptimizerMap as OptimizerMap
from lapis.optimizers.muon import Muon as Muon
from lapis.optimizers.nadam import Nadam as Nadam
from lapis.optimizers.optimizer import Optimizer as Optimizer
from lapis.optimizers.rmsprop import RMSprop as RMSprop
from lapis.optimizers.schedule_free_adamw import ScheduleFreeAdamW as ScheduleFreeAdamW
from lapis.optimizers.sgd import SGD as SGD
