"""Limits on weights."""

from lapis.constraints.constraint import Constraint as Constraint
from lapis.constraints.lookup import deserialize as deserialize
from lapis.constraints.lookup import get as get
from lapis.constraints.lookup import serialize as serialize
from lapis.constraints.norms import MaxNorm as MaxNorm
from lapis.constraints.norms import MinMaxNorm as MinMaxNorm
from lapis.constraints.norms import NonNeg as NonNeg
from lapis.constraints.norms import UnitNorm as UnitNorm

max_norm = MaxNorm
min_max_norm = MinMaxNorm
non_neg = NonNeg
unit_norm = UnitNorm
