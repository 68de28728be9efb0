"""The layers that most models are made of."""

from lapis.layers.core.dense import Dense as Dense
from lapis.layers.core.einsum_dense import EinsumDense as EinsumDense
from lapis.layers.core.embedding import Embedding as Embedding
from lapis.layers.core.identity import Identity as Identity
from lapis.layers.core.lambda_layer import Lambda as Lambda
from lapis.layers.core.masking import Masking as Masking
from lapis.layers.core.reversible_embedding import ReversibleEmbedding as ReversibleEmbedding
from lapis.layers.core.wrapper import Wrapper as Wrapper
