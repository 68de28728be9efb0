"""Penalties on weights and outputs."""

from lapis.regularizers.lookup import deserialize as deserialize
from lapis.regularizers.lookup import get as get
from lapis.regularizers.lookup import serialize as serialize
from lapis.regularizers.norms import L1 as L1
from lapis.regularizers.norms import L1L2 as L1L2
from lapis.regularizers.norms import L2 as L2
from lapis.regularizers.orthogonal import OrthogonalRegularizer as OrthogonalRegularizer
from lapis.regularizers.regularizer import Regularizer as Regularizer

l1 = L1
l2 = L2
l1_l2 = L1L2
orthogonal_regularizer = OrthogonalRegularizer
