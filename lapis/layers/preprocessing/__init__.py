"""Layers that turn raw data into what others compute with."""

from lapis.layers.preprocessing.category_encoding import CategoryEncoding as CategoryEncoding
from lapis.layers.preprocessing.discretization import Discretization as Discretization
from lapis.layers.preprocessing.hashed_crossing import HashedCrossing as HashedCrossing
from lapis.layers.preprocessing.hashing import Hashing as Hashing
from lapis.layers.preprocessing.integer_lookup import IntegerLookup as IntegerLookup
from lapis.layers.preprocessing.normalization import Normalization as Normalization
from lapis.layers.preprocessing.pipeline import Pipeline as Pipeline
from lapis.layers.preprocessing.rescaling import Rescaling as Rescaling
from lapis.layers.preprocessing.string_lookup import StringLookup as StringLookup
from lapis.layers.preprocessing.text_vectorization import TextVectorization as TextVectorization
