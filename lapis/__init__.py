"""Lapis: neural networks as data. `import lapis as keras` is all that a Keras user changes."""

from lapis.core.allocation import share_one_heap as _share_one_heap
from lapis.core.version import VERSION as __version__

from lapis import activations as activations
from lapis import applications as applications
from lapis import backend as backend
from lapis import config as config
from lapis import constraints as constraints
from lapis import dtype_policies as dtype_policies
from lapis import initializers as initializers
from lapis import layers as layers
from lapis import losses as losses
from lapis import metrics as metrics
from lapis import mixed_precision as mixed_precision
from lapis import models as models
from lapis import ops as ops
from lapis import optimizers as optimizers
from lapis import random as random
from lapis import regularizers as regularizers
from lapis import saving as saving
from lapis import surgery as surgery
from lapis import tree as tree
from lapis import callbacks as callbacks
from lapis import datasets as datasets
from lapis import legacy as legacy
from lapis import preprocessing as preprocessing
from lapis import quantizers as quantizers
from lapis import distillation as distillation
from lapis import utils as utils
from lapis import visualization as visualization
from lapis import wrappers as wrappers
from lapis.core.dtype_policy import DTypePolicy as DTypePolicy
from lapis.core.dtype_policy import FloatDTypePolicy as FloatDTypePolicy
from lapis.core.findings import CheckError as CheckError
from lapis.core.findings import CheckWarning as CheckWarning
from lapis.core.findings import Finding as Finding
from lapis.graph import Function as Function
from lapis.graph import KerasTensor as KerasTensor
from lapis.graph import Operation as Operation
from lapis.initializers import Initializer as Initializer
from lapis.layers import Input as Input
from lapis.layers import InputSpec as InputSpec
from lapis.layers import Layer as Layer
from lapis.losses import Loss as Loss
from lapis.metrics import Metric as Metric
from lapis.models import Model as Model
from lapis.models import Sequential as Sequential
from lapis.optimizers import Optimizer as Optimizer
from lapis.quantizers import Quantizer as Quantizer
from lapis.regularizers import Regularizer as Regularizer
from lapis.state import StatelessScope as StatelessScope
from lapis.state import SymbolicScope as SymbolicScope
from lapis.state import Variable as Variable
from lapis.state import device as device
from lapis.state import name_scope as name_scope
from lapis.state.remat import RematScope as RematScope
from lapis.state.remat import remat as remat
from lapis.training import disk_cache as _disk_cache

_share_one_heap()
_disk_cache.start()


def version() -> str:
    """The version of Lapis.

    >>> version() == __version__
    True
    """
    return __version__
