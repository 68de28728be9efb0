"""Every operation with arguments to try it on: what `tests/test_ops.py` compares with real Keras."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

_random = np.random.default_rng(0)


@dataclass
class OpRow:
    """One call: `lapis.ops.<name>(*args, **kwargs)`.

    `grad`: whether the gradient by the first argument is compared. `symbolic`: whether it works on symbolic tensors.
    `tolerance`: absolute. `free`: how many leading array arguments get an unknown first size.
    """

    name: str
    args: tuple
    kwargs: dict = field(default_factory=dict)
    grad: bool = False
    symbolic: bool = True
    tolerance: float = 1e-5
    values: bool = True
    free: bool = True

    def __str__(self) -> str:
        options = [f"{key}={describe(value)}" for key, value in self.kwargs.items()]
        return "-".join([self.name, *map(describe, self.args), *options])


def find(namespace: Any, name: str) -> Any:
    """What the namespace has by a name with dots."""
    for part in name.split("."):
        namespace = getattr(namespace, part)
    return namespace


def describe(value: Any) -> str:
    """A short name for an argument, arrays by their shapes."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{list(value.shape)}"
    if isinstance(value, (list, tuple)):
        return f"({','.join(map(describe, value))})"
    return str(value)


def f(*shape: int) -> np.ndarray:
    """Floats around zero."""
    return _random.normal(size=shape).astype("float32")


def u(*shape: int) -> np.ndarray:
    """Floats between 0.1 and 0.9."""
    return _random.uniform(0.1, 0.9, size=shape).astype("float32")


def i(*shape: int, high: int = 10) -> np.ndarray:
    """Whole numbers from 1 up to `high`."""
    return _random.integers(1, high, size=shape).astype("int32")


def b(*shape: int) -> np.ndarray:
    """Booleans."""
    return _random.random(size=shape) > 0.5


def positive(n: int) -> np.ndarray:
    """A positive definite matrix."""
    m = _random.normal(size=(n, n))
    return (m @ m.T + n * np.eye(n)).astype("float32")


def row(name: str, *args: Any, **kwargs: Any) -> OpRow:
    """A row without a gradient."""
    return OpRow(name, args, kwargs)


def grad(name: str, *args: Any, **kwargs: Any) -> OpRow:
    """A row whose gradient is compared too."""
    return OpRow(name, args, kwargs, grad=True)


def eager(name: str, *args: Any, **kwargs: Any) -> OpRow:
    """A row of a function whose result's shape depends on values."""
    return OpRow(name, args, kwargs, symbolic=False)


UNARY = """
    absolute abs angle arcsinh arctan cbrt ceil conj conjugate copy cos cosh deg2rad exp exp2 expm1 fabs floor
    i0 imag isfinite isinf isnan isneginf isposinf isreal logical_not negative rad2deg real relu relu6 round
    sigmoid sign signbit silu sin sinc sinh softplus softsign square tan tanh trunc celu elu gelu glu
    hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu log_sigmoid log_softmax selu soft_shrink
    softmax sparse_plus sparse_sigmoid squareplus swish tanh_shrink erf erfc nan_to_num stop_gradient ones_like
    zeros_like fliplr flipud flip ravel normalize logsumexp
    """.split()  # noqa: SIM905
SMOOTH = set(
    """
    absolute arcsinh arctan cos cosh exp exp2 expm1 sigmoid silu sin sinh softplus softsign square tan tanh celu
    elu gelu glu hard_sigmoid hard_silu hard_tanh leaky_relu log_sigmoid log_softmax relu relu6 selu softmax
    squareplus erf normalize logsumexp negative
    """.split()  # noqa: SIM905
)
POSITIVE = ["log", "log10", "log1p", "log2", "sqrt", "rsqrt", "reciprocal", "arccos", "arcsin", "arctanh", "erfinv"]
BINARY = """
    add subtract multiply divide true_divide divide_no_nan maximum minimum fmax fmin mod fmod floor_divide
    arctan2 logaddexp logaddexp2 hypot heaviside nextafter equal not_equal less less_equal greater greater_equal
    """.split()  # noqa: SIM905
LOGICAL = ["logical_and", "logical_or", "logical_xor"]
BITS = """
    bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift left_shift right_shift gcd lcm
    """.split()  # noqa: SIM905
REDUCTIONS = ["sum", "mean", "max", "min", "amax", "amin", "prod", "std", "var", "ptp", "median", "any", "all"]
NAN_REDUCTIONS = ["nansum", "nanmean", "nanmax", "nanmin", "nanprod", "nanstd", "nanvar", "nanmedian"]

METHODS = [("bilinear", False), ("bilinear", True), ("nearest", False), ("bicubic", False), ("lanczos3", True)]
TRANSFORM = np.array([[1, 0.1, 1, 0, 1, 0.5, 0, 0], [0.8, 0, -1, 0.2, 1, 0, 0, 0]], "float32")
CORNERS = np.tile(np.array([[0, 0], [6, 0], [0, 4], [6, 4]], "float32"), (2, 1, 1))
SEGMENT = ["sum", "max", "min", "prod"]

_nan = f(4, 6)
_nan[1, 2] = _nan[3, 0] = np.nan

ROWS: list[OpRow] = [
    *(OpRow(n, (f(4, 6),), grad=n in SMOOTH) for n in UNARY),
    *(grad(n, u(4, 6)) for n in POSITIVE),
    row("arccosh", u(4, 6) + 1),
    *(OpRow(n, (f(4, 6), f(4, 6)), grad=n in ("add", "multiply", "divide", "maximum")) for n in BINARY),
    *(row(n, f(4, 6), f(6)) for n in BINARY),
    row("power", u(4, 6), f(4, 6)),
    row("power", i(4, 6), 2),
    row("add", f(4, 6), 2),
    row("add", i(4, 6), 2.5),
    row("subtract", 1, f(4, 6)),
    row("multiply", i(4), b(4)),
    row("divide", i(4), i(4)),
    *(row(n, b(4, 6), b(4, 6)) for n in LOGICAL),
    *(row(n, i(4, 6), i(4, 6)) for n in BITS),
    row("bitwise_invert", i(4)),
    row("bitwise_not", i(4)),
    row("ldexp", f(4), i(4)),
    grad("clip", f(4, 6), -0.5, 0.5),
    grad("clip", np.array([-1.0, -0.5, 0.0, 0.5, 1.0], "float32"), -0.5, 0.5),
    row("clip", i(4), 2, 5),
    row("round", f(4, 6), decimals=2),
    row("round", i(4, high=900), decimals=-1),
    row("isclose", f(4), f(4)),
    row("allclose", f(4), f(4)),
    row("isin", i(4, 6), i(5)),
    row("isin", i(4), i(3), invert=True),
    *(
        OpRow(n, (f(4, 6),), {"axis": axis, "keepdims": keep}, grad=n in ("sum", "mean", "var") and axis == 1)
        for n in REDUCTIONS
        for axis, keep in ((None, False), (1, False), ((0, 1), True), (-1, True))
    ),
    *(row(n, _nan, axis=axis) for n in NAN_REDUCTIONS for axis in (None, 1)),
    row("max", f(4, 6), axis=1, initial=2.0),
    row("count_nonzero", i(4, 6) % 3, axis=1),
    row("average", f(4, 6), axis=1, weights=u(6)),
    row("average", i(4, 6)),
    row("cumsum", f(4, 6), axis=1),
    row("cumsum", i(4, 6)),
    row("cumprod", f(4, 6), axis=0),
    row("nancumsum", _nan, axis=1),
    row("nancumprod", _nan, axis=1),
    row("nanargmax", _nan, axis=1),
    row("nanargmin", _nan, axis=1),
    row("diff", f(4, 6)),
    row("diff", f(4, 6), n=2, axis=1),
    row("trapezoid", f(4, 6)),
    row("trapezoid", f(4, 6), x=np.sort(f(6))),
    row("quantile", f(4, 6), 0.3, axis=1),
    row("quantile", f(4, 6), np.array([0.2, 0.7], "float32"), axis=1, keepdims=True),
    row("quantile", f(4, 6), 0.3, method="nearest"),
    row("percentile", f(4, 6), 30, axis=1),
    row("nanquantile", _nan, 0.3, axis=1),
    row("nanpercentile", _nan, 30, axis=1),
    eager("bincount", i(8)),
    eager("bincount", i(3, 8), minlength=20),
    eager("bincount", i(8), weights=u(8)),
    eager("histogram", f(20), bins=5),
    eager("histogram", f(20), bins=5, range=(-1.0, 1.0)),
    row("corrcoef", f(4, 6)),
    row("reshape", f(4, 6), (-1, 3)),
    row("reshape", f(4, 6), (4, 2, 3)),
    row("reshape", f(4, 6), -1),
    grad("transpose", f(4, 6, 2)),
    row("transpose", f(4, 6, 2), axes=(0, 2, 1)),
    row("swapaxes", f(4, 6, 2), 1, 2),
    row("moveaxis", f(4, 6, 2), 1, -1),
    row("moveaxis", f(4, 6, 2), [0, 1], [1, 2]),
    row("expand_dims", f(4, 6), 1),
    row("expand_dims", f(4, 6), (0, -1)),
    row("squeeze", f(4, 1, 6), 1),
    row("squeeze", f(4, 1, 6, 1)),
    row("broadcast_to", f(6), (4, 6)),
    row("flip", f(4, 6), axis=1),
    row("rot90", f(4, 6)),
    row("rot90", f(4, 6, 2), k=3, axes=(1, 2)),
    row("roll", f(4, 6), 2),
    row("roll", f(4, 6), 2, axis=1),
    row("repeat", f(4, 6), 2, axis=1),
    row("repeat", f(4, 6), 3),
    row("tile", f(4, 6), (2, 3)),
    row("tile", f(4, 6), 2),
    grad("pad", f(4, 6), ((0, 0), (1, 2))),
    row("pad", f(4, 6), 1, constant_values=5.0),
    row("pad", f(4, 6), ((1, 1), (2, 2)), mode="reflect"),
    row("pad", f(4, 6), ((1, 1), (2, 2)), mode="edge"),
    row("view", f(4, 6), "int32"),
    row("concatenate", [f(4, 6), f(4, 2)], axis=1),
    row("concatenate", [f(4, 6), i(4, 6)], axis=-1),
    row("stack", [f(4, 6), f(4, 6)], axis=1),
    row("hstack", [f(4, 6), f(4, 2)]),
    row("vstack", [f(4, 6), f(4, 6)]),
    row("dstack", [f(4, 6), f(4, 6)]),
    row("append", f(4, 6), f(4, 2), axis=1),
    row("append", f(4, 6), f(3)),
    row("split", f(4, 6), 3, axis=1),
    row("split", f(4, 6), [1, 4], axis=1),
    row("array_split", f(4, 7), 3, axis=1),
    row("hsplit", f(4, 6), 2),
    row("vsplit", f(4, 6), 2),
    row("dsplit", f(4, 6, 2), 2),
    row("meshgrid", f(4), f(3)),
    row("meshgrid", f(4), f(3), indexing="ij"),
    row("unstack", f(4, 3), axis=1),
    row("full_like", f(4, 6), 2),
    row("full_like", f(4, 6), 2, dtype="int32"),
    row("ones_like", i(4, 6)),
    row("zeros_like", f(4, 6), dtype="bool"),
    row("empty_like", f(4, 6)),
    row("full", (2, 3), 7),
    row("full", (2, 3), 7, dtype="int32"),
    row("zeros", (2, 3)),
    row("zeros", 3),
    row("ones", (2, 3), dtype="int32"),
    row("empty", (2, 3)),
    row("array", [1.0, 2.0]),
    row("arange", 5),
    row("arange", 1, 2, 0.25),
    row("arange", 1, 8, 2, dtype="float32"),
    row("linspace", 0.0, 1.0, 5),
    row("linspace", f(4), f(4), 3, endpoint=False, axis=1),
    row("linspace", 0.0, 1.0, 5, retstep=True),
    row("logspace", 0.0, 2.0, 5),
    row("geomspace", 1.0, 100.0, 5),
    row("eye", 3),
    row("eye", 3, 4, 1),
    row("identity", 3),
    row("tri", 3, 4, 1),
    row("tril", f(4, 6), k=1),
    row("triu", f(3, 4, 6)),
    row("diag", f(4)),
    row("diag", f(4, 4), k=1),
    row("diagflat", f(2, 2)),
    row("diagonal", f(4, 6)),
    row("diagonal", f(4, 6, 2), offset=1, axis1=1, axis2=2),
    row("trace", f(4, 6)),
    row("vander", f(4), 3),
    row("vander", f(4), increasing=True),
    *(row(n, 5) for n in ("bartlett", "blackman", "hamming", "hanning")),
    row("kaiser", 5, 2.0),
    row("get_item", f(4, 6), (slice(None), 2)),
    row("get_item", f(4, 6), (Ellipsis, None)),
    row("get_item", f(4, 6, 2), (slice(None), slice(1, 5, 2), -1)),
    grad("take", f(4, 6), np.array([0, 3, 5]), axis=1),
    row("take", f(4, 6), np.array([0, 3])),
    row("take_along_axis", f(4, 6), i(4, 2, high=6), axis=1),
    row("where", b(4, 6), f(4, 6), f(4, 6)),
    row("where", b(4, 6), f(4, 6), 0),
    eager("where", b(4, 6)),
    row("select", [b(4), b(4)], [f(4), f(4)], 2.0),
    eager("nonzero", i(4, 6) % 2),
    row("argmax", f(4, 6), axis=1),
    row("argmax", f(4, 6), axis=1, keepdims=True),
    row("argmax", f(4, 6)),
    row("argmin", i(4, 6), axis=0),
    row("sort", f(4, 6)),
    row("sort", f(4, 6), axis=0),
    row("argsort", f(4, 6), axis=1),
    eager("argpartition", f(6), 2),
    row("searchsorted", np.sort(f(6)), f(4)),
    row("digitize", f(4, 6), np.array([-1.0, 0.0, 1.0], "float32")),
    row("unravel_index", i(4), (4, 6)),
    eager("unique", i(8)),
    eager("unique", i(8), return_counts=True, return_inverse=True),
    row("unique", i(8), size=4),
    row("size", f(4, 6)),
    grad("matmul", f(4, 6), f(6, 3)),
    row("matmul", f(2, 4, 6), f(2, 6, 3)),
    row("matmul", i(4, 6).astype("int8"), i(6, 3).astype("int8")),
    grad("dot", f(4, 6), f(6, 3)),
    row("dot", f(4, 6), 2.0),
    row("vdot", f(6), f(6)),
    row("inner", f(4, 6), f(3, 6)),
    row("outer", f(4), f(3)),
    row("kron", f(2, 2), f(3, 2)),
    row("cross", f(4, 3), f(4, 3)),
    grad("tensordot", f(4, 6, 2), f(6, 2, 3)),
    row("tensordot", f(4, 6), f(6, 3), axes=1),
    row("tensordot", f(4, 6, 2), f(6, 3), axes=((1,), (0,))),
    grad("einsum", "ij,jk->ik", f(4, 6), f(6, 3)),
    row("einsum", "bij,bjk->bik", f(2, 4, 6), f(2, 6, 3)),
    row("einsum", "...i->...", f(4, 6)),
    row("correlate", f(6), f(3)),
    row("correlate", f(6), f(3), mode="full"),
    row("cast", f(4, 6), "int32"),
    row("cast", i(4, 6), "float16"),
    row("saturate_cast", f(4, 6) * 400, "uint8"),
    row("saturate_cast", f(4, 6), "float16"),
    row("slice", f(4, 6), (0, 1), (4, 3)),
    row("slice_update", f(4, 6), (1, 2), f(2, 2)),
    row("scatter", np.array([[0, 1], [2, 3]]), f(2), (4, 6)),
    *(
        row("scatter_update", f(4, 6), np.array([[0, 1], [2, 3]]), f(2), reduction=r)
        for r in (None, "add", "max", "min", "mul")
    ),
    row("leaky_relu", f(4, 6), negative_slope=0.4),
    row("elu", f(4, 6), alpha=0.5),
    row("gelu", f(4, 6), approximate=False),
    row("glu", f(4, 6), axis=0),
    row("softmax", f(4, 6), axis=0),
    row("softmax", f(4, 6, 2), axis=(1, 2)),
    row("log_softmax", f(4, 6, 2), axis=(0, 2)),
    row("threshold", f(4, 6), 0.2, -1.0),
    row("nn.relu", i(4)),
    row("one_hot", i(4, 6), 10),
    row("one_hot", i(4, 6), 10, axis=1, dtype="int32"),
    row("multi_hot", i(4, 6), 10),
    row("multi_hot", i(6), 10),
    *(grad("binary_crossentropy", u(4, 6), u(4, 6), from_logits=logits) for logits in (False, True)),
    *(grad("categorical_crossentropy", u(4, 6), u(4, 6), from_logits=logits) for logits in (False, True)),
    *(row("sparse_categorical_crossentropy", i(4, high=6), u(4, 6), from_logits=logits) for logits in (False, True)),
    row("sparse_categorical_crossentropy", i(4, 1, high=6), u(4, 6)),
    row("psnr", f(4, 6), f(4, 6), 2.0),
    row("moments", f(4, 6, 2), axes=(0, 1)),
    row("moments", f(4, 6, 2).astype("float16"), axes=[1], keepdims=True),
    grad("batch_normalization", f(4, 6), f(6), u(6), -1, f(6), u(6)),
    row("batch_normalization", f(4, 3, 6), f(3), u(3), 1),
    grad("layer_normalization", f(4, 6), u(6), f(6)),
    row("layer_normalization", f(4, 3, 6), u(3, 6), f(3, 6), axis=(1, 2), epsilon=1e-3),
    row("layer_normalization", f(4, 3, 6), u(3), f(3), axis=1),
    row("layer_normalization", f(4, 6).astype("float16")),
    grad("rms_normalization", f(4, 6), u(6)),
    row("rms_normalization", f(4, 3, 6), axis=(1, 2)),
    row("normalize", f(4, 6), order=3, axis=0),
    row("normalize", f(6)),
    grad("dot_product_attention", f(2, 4, 3, 8), f(2, 5, 3, 8), f(2, 5, 3, 8)),
    row("dot_product_attention", f(2, 4, 3, 8), f(2, 4, 3, 8), f(2, 4, 3, 8), is_causal=True, scale=0.3),
    row(
        "dot_product_attention",
        f(2, 4, 3, 8),
        f(2, 5, 3, 8),
        f(2, 5, 3, 8),
        mask=b(2, 1, 4, 5) | True,
        bias=f(2, 3, 4, 5),
    ),
    row("dot_product_attention", f(2, 4, 6, 8), f(2, 5, 2, 8), f(2, 5, 2, 8), mask=b(2, 6, 4, 5) | b(1, 1, 4, 5)),
    row("dot_product_attention", f(2, 4, 4, 8), f(2, 4, 1, 8), f(2, 4, 1, 8), is_causal=True, bias=f(4, 1, 4)),
    row("dot_product_attention", f(2, 4, 3, 8), f(2, 5, 3, 8), f(2, 5, 3, 8), mask=b(2, 1, 4, 5) & False),
    row("unfold", f(2, 3, 5, 6), 2),
    row("unfold", f(2, 3, 7, 6), (3, 2), dilation=2, padding=1, stride=(1, 2)),
    row("fold", f(2, 12, 20), (5, 6), 2),
    row("fold", f(2, 12, 6), (5, 6), 2, padding=1, stride=3),
    row("depth_to_space", f(2, 3, 4, 12), 2),
    row("depth_to_space", f(2, 12, 3, 4), 2, data_format="channels_first"),
    row("space_to_depth", f(2, 4, 6, 3), 2),
    row("space_to_depth", f(2, 3, 4, 6), 2, data_format="channels_first"),
    row("polar", u(4), f(4)),
    *(
        row(f"segment_{n}", f(6, 2), np.array([0, 0, 1, 2, 2, 2]), num_segments=4)
        for n in ("sum", "max", "min", "prod")
    ),
    row("top_k", f(4, 6), 3),
    row("in_top_k", i(4, high=6), f(4, 6), 2),
    row("logsumexp", f(4, 6), axis=1, keepdims=True),
    row("cdist", f(4, 6), f(3, 6)),
    row("logdet", positive(3)),
    row("fft", (f(4, 6), f(4, 6))),
    row("fft2", (f(4, 6), f(4, 6))),
    row("ifft2", (f(4, 6), f(4, 6))),
    row("rfft", f(4, 6)),
    row("rfft", f(4, 6), fft_length=8),
    row("irfft", (f(4, 6), f(4, 6))),
    row("irfft", (f(4, 6), f(4, 6)), fft_length=9),
    row("extract_sequences", f(4, 20), 5, 3),
    row("stft", f(4, 20), 6, 3, 8),
    row("stft", f(4, 20), 6, 3, 6, window="hamming", center=False),
    row("stft", f(4, 20), 6, 3, 8, window=None),
    row("istft", (f(4, 7, 5), f(4, 7, 5)), 6, 3, 8),
    row("istft", (f(4, 7, 5), f(4, 7, 5)), 6, 3, 8, length=15),
    row("view_as_complex", f(4, 2)),
    row("view_as_real", (f(4) + 1j * f(4)).astype("complex64")),
    row("cholesky", positive(3)),
    row("cholesky", positive(3), upper=True),
    row("cholesky_inverse", np.linalg.cholesky(positive(3)).astype("float32")),
    row("det", positive(3)),
    row("slogdet", positive(3)),
    row("inv", positive(3)),
    row("pinv", f(4, 3)),
    row("matrix_rank", positive(3)),
    OpRow("eig", (positive(3),), values=False),
    OpRow("eigh", (positive(3),), values=False),
    row("lu_factor", positive(3)),
    *(
        row("norm", f(4, 6), ord=o, axis=a, keepdims=k)
        for o, a, k in ((None, None, False), (2, 1, True), (1, 0, False), ("fro", (0, 1), False), (np.inf, 1, False))
    ),
    row("norm", i(4, 6)),
    row("qr", f(4, 3)),
    row("qr", f(4, 3), mode="complete"),
    row("solve", positive(3), f(3, 2)),
    row("solve", positive(3), f(3)),
    row("solve_triangular", np.tril(positive(3)), f(3, 2), lower=True),
    row("svd", f(4, 3), compute_uv=False),
    OpRow("svd", (f(4, 3),), {"full_matrices": False}, values=False),
    row("lstsq", f(4, 3), f(4)),
    row("rearrange", f(4, 6, 3), "b (h w) c -> b c h w", h=2),
    row("rearrange", f(4, 6, 3), "b h c -> b (h c)"),
    *(row("image.resize", u(2, 5, 7, 3), (4, 9), interpolation=m, antialias=a) for m, a in METHODS),
    row("image.resize", (u(2, 5, 7, 3) * 255).astype("uint8"), (4, 9)),
    row("image.resize", u(3, 5, 7), (10, 9), data_format="channels_first"),
    row("image.resize", u(2, 5, 8, 3), (4, 4), crop_to_aspect_ratio=True),
    row("image.resize", u(2, 4, 9, 3), (4, 4), pad_to_aspect_ratio=True, fill_value=0.5),
    row("image.resize", u(9, 4, 3), (4, 4), pad_to_aspect_ratio=True),
    row("image.pad_images", u(2, 5, 7, 3), 1, 2, 3, None, None, 12),
    row("image.pad_images", u(3, 5, 7), 1, 2, 3, 4, data_format="channels_first"),
    row("image.crop_images", u(2, 5, 7, 3), 1, 2, 1, None, None, 3),
    row("image.crop_images", u(3, 5, 7), 1, 2, 1, 1, data_format="channels_first"),
    row("image.rgb_to_grayscale", u(2, 5, 7, 3)),
    row("image.rgb_to_grayscale", u(2, 3, 5, 7), data_format="channels_first"),
    row("image.rgb_to_hsv", u(2, 5, 7, 3)),
    row("image.hsv_to_rgb", u(2, 5, 7, 3)),
    row("image.hsv_to_rgb", u(2, 3, 5, 7), data_format="channels_first"),
    *(
        row("image.affine_transform", u(2, 5, 7, 3), TRANSFORM, interpolation=m, fill_mode=fill)
        for m in ("bilinear", "nearest")
        for fill in ("constant", "reflect", "wrap")
    ),
    row("image.affine_transform", u(3, 5, 7), TRANSFORM[0], data_format="channels_first"),
    row("image.perspective_transform", u(2, 5, 7, 3), CORNERS, CORNERS + 0.3 * u(2, 4, 2)),
    row("image.perspective_transform", u(5, 7, 3), CORNERS[0], CORNERS[0] + 1, interpolation="nearest"),
    row("image.map_coordinates", u(5, 7), 5 * u(2, 4), 1),
    row("image.map_coordinates", u(5, 7), 9 * u(2, 4), 0, fill_mode="nearest"),
    row("image.gaussian_blur", u(2, 5, 7, 3), (3, 5), (1.0, 2.0), data_format="channels_last"),
    row("image.gaussian_blur", u(3, 5, 7), data_format="channels_first"),
    row("image.sobel_edges", u(2, 5, 7, 3)),
    row("image.sobel_edges", u(2, 3, 5, 7), data_format="channels_first"),
    row("image.ssim", u(2, 12, 13, 3), u(2, 12, 13, 3)),
    row("image.ssim", u(8, 9, 1), u(8, 9, 1), filter_size=5),
    OpRow("image.scale_and_translate", (u(1, 4, 4, 1), (1, 8, 8, 1), 2 * u(2), f(2), (1, 2), "linear"), free=False),
    row("image.extract_patches", u(2, 6, 7, 3), 2),
    row("image.extract_patches", u(6, 7, 3), (3, 2), strides=1, padding="same", dilation_rate=2),
    row("image.extract_patches", u(2, 3, 6, 7), 3, data_format="channels_first"),
    row("image.extract_patches_3d", u(2, 4, 6, 5, 2), 2),
    grad("ctc_loss", i(3, 4), f(3, 8, 12), np.array([4, 3, 2]), np.array([8, 8, 7])),
    row("ctc_decode", f(3, 8, 5), np.array([8, 8, 5])),
    row("ctc_decode", f(3, 8, 5), np.array([8, 8, 5]), merge_repeated=False, mask_index=4),
    row("ctc_decode", f(3, 8, 5), np.array([8, 8, 5]), strategy="beam_search", beam_width=8, top_paths=2),
]
