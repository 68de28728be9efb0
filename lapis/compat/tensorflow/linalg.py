"""`tf.linalg`."""

from typing import Any

from lapis.compat.tensorflow.arithmetic import einsum as einsum
from lapis.compat.tensorflow.arithmetic import matmul as matmul
from lapis.compat.tensorflow.arithmetic import norm as norm
from lapis.compat.tensorflow.arithmetic import tensordot as tensordot
from lapis.compat.tensorflow.arrays import eye as eye
from lapis.compat.tensorflow.masks import band_part as band_part
from lapis.compat.tensorflow.refusals import refusal as _refusal
from lapis.ops.linalg import cholesky as cholesky
from lapis.ops.linalg import det as det
from lapis.ops.linalg import eigh as eigh
from lapis.ops.linalg import inv as inv
from lapis.ops.linalg import pinv as pinv
from lapis.ops.linalg import qr as qr
from lapis.ops.linalg import solve as solve
from lapis.ops.numpy.creation import diag as diag
from lapis.ops.numpy.indexing import trace as trace


def __getattr__(name: str) -> Any:
    raise _refusal("tf.linalg", name, globals())
