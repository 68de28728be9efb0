"""`lapis.random`: random numbers from a seed, a `SeedGenerator` or the global seed."""

from lapis.random.draws import beta as beta
from lapis.random.draws import binomial as binomial
from lapis.random.draws import categorical as categorical
from lapis.random.draws import dropout as dropout
from lapis.random.draws import gamma as gamma
from lapis.random.draws import normal as normal
from lapis.random.draws import randint as randint
from lapis.random.draws import shuffle as shuffle
from lapis.random.draws import truncated_normal as truncated_normal
from lapis.random.draws import uniform as uniform
from lapis.state import SeedGenerator as SeedGenerator
