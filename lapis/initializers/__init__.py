"""First values for weights."""

from lapis.initializers.constant import Constant as Constant
from lapis.initializers.constant import Identity as Identity
from lapis.initializers.constant import Ones as Ones
from lapis.initializers.constant import Zeros as Zeros
from lapis.initializers.initializer import Initializer as Initializer
from lapis.initializers.lookup import deserialize as deserialize
from lapis.initializers.lookup import get as get
from lapis.initializers.lookup import serialize as serialize
from lapis.initializers.orthogonal import Orthogonal as Orthogonal
from lapis.initializers.random import RandomNormal as RandomNormal
from lapis.initializers.random import RandomUniform as RandomUniform
from lapis.initializers.random import TruncatedNormal as TruncatedNormal
from lapis.initializers.stft import STFT as STFT
from lapis.initializers.variance_scaling import GlorotNormal as GlorotNormal
from lapis.initializers.variance_scaling import GlorotUniform as GlorotUniform
from lapis.initializers.variance_scaling import HeNormal as HeNormal
from lapis.initializers.variance_scaling import HeUniform as HeUniform
from lapis.initializers.variance_scaling import LecunNormal as LecunNormal
from lapis.initializers.variance_scaling import LecunUniform as LecunUniform
from lapis.initializers.variance_scaling import VarianceScaling as VarianceScaling
from lapis.initializers.variance_scaling import compute_fans as compute_fans

IdentityInitializer = identity = Identity
OrthogonalInitializer = orthogonal = Orthogonal
STFTInitializer = stft = STFT
constant = Constant
glorot_normal = GlorotNormal
glorot_uniform = GlorotUniform
he_normal = HeNormal
he_uniform = HeUniform
lecun_normal = LecunNormal
lecun_uniform = LecunUniform
ones = Ones
random_normal = RandomNormal
random_uniform = RandomUniform
truncated_normal = TruncatedNormal
variance_scaling = VarianceScaling
zeros = Zeros
