"""Products of matrices, and of all that can be read as such, as a primitive of JAX that is native on the CPU.

So it is in float32, and in bfloat16 where the processor multiplies in that.

The primitive is Einstein's sum of two arrays, `"btd,du->btu"`, where each letter stands in two of the three terms (an
axis of a matrix) or in all three (the product is repeated along it). Such a sum is linear in both arrays, its
derivatives are sums of the same kind, and an axis to map over is one more letter.
"""

import functools
import math
import string
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from lapis.graph import inferring
from lapis.kernels import library
from lapis.kernels.primitive import references

_HANDLERS = {"float32": "lapis_matmul_v1", "bfloat16": "lapis_product_bfloat16_v1"}
_LEAST_WORK = 3e5  # operations; below, the call costs more than XLA's own product
_LEAST_WORK_HALF = 1e6  # likewise for each of the matrices in bfloat16
# Each block of rows copies the right matrix once more; where that is large, XLA's product is as fast or faster, unless
# the left one lies by columns, which XLA turns first.
_BLOCK_ROWS, _MUCH_COPIED, _MUCH_WORK = 144, 2**20, 5e7


@functools.lru_cache(4096)
def _describe_half(layout: tuple[int, ...]) -> str:
    """The name of oneDNN's implementation in bfloat16."""
    return library.implementation("lapis_product_describe", layout, len(layout))


class _Layout(NamedTuple):
    """How the native function walks through the arrays; see matmul.cc."""

    swapped: bool  # the second array is the native function's first
    flat: tuple[int, ...]

    def pays(self, dtype: str) -> bool:
        """Whether the native product is faster than XLA's."""
        if dtype == "bfloat16":
            return 2 * math.prod(self.flat[:3]) >= _LEAST_WORK_HALF and "bf16" in _describe_half(self.flat)
        rows, columns, depth = self.flat[:3]
        repeats = math.prod(self.flat[8::4])
        work = 2 * rows * columns * depth
        least_rows = 8 if repeats > 1 else 32
        if rows < least_rows or min(columns, depth) < 8:
            return False
        by_rows, copied = self.flat[4] == 1, rows > _BLOCK_ROWS and columns * depth >= _MUCH_COPIED
        return work * repeats >= _LEAST_WORK and not (by_rows and copied and work > _MUCH_WORK)


def _terms(subscripts: str) -> list[str]:
    inputs, output = subscripts.split("->")
    return [*inputs.split(","), output]


def _steps(term: str, sizes: dict[str, int]) -> dict[str, int]:
    """How many elements lie between neighbours along each axis; 0 along axes that the term does not have."""
    steps, step = dict.fromkeys(sizes, 0), 1
    for letter in reversed(term):
        steps[letter] = step
        step *= sizes[letter]
    return steps


@functools.lru_cache(4096)
def _layout(subscripts: str, a_shape: tuple[int, ...], b_shape: tuple[int, ...]) -> _Layout | None:
    """The walk through arrays of these shapes, or `None` where there is none that the native function knows."""
    a, b, c = _terms(subscripts)
    sizes = dict(zip(a + b, a_shape + b_shape))
    if not all(sizes.values()):
        return None
    steps = [_steps(term, sizes) for term in (a, b, c)]

    def merged(letters: str) -> list[tuple[int, tuple[int, ...]]]:
        """Axes as (size, steps), those in one where they lie in one in all terms."""
        axes: list[tuple[int, tuple[int, ...]]] = []
        for letter in letters:
            size, step = sizes[letter], tuple(each[letter] for each in steps)
            if size == 1:
                continue
            if axes and axes[-1][1] == tuple(size * each for each in step):
                axes[-1] = axes[-1][0] * size, step
            else:
                axes.append((size, step))
        return axes

    rows = merged("".join(letter for letter in c if letter not in b))
    columns = merged("".join(letter for letter in c if letter not in a))
    repeats = merged("".join(letter for letter in c if letter in a and letter in b))
    depths = merged("".join(letter for letter in a if letter not in c))
    swapped = any(step[2] == 1 for _, step in rows)
    if swapped:
        rows, columns = columns, rows
    if len(depths) != 1 or not rows or not any(step[2] == 1 for _, step in columns):
        return None
    column = next(axis for axis in columns if axis[1][2] == 1)
    row = max(rows)
    repeats += [axis for axis in rows + columns if axis is not row and axis is not column]
    first, second = (1, 0) if swapped else (0, 1)
    (m, row_step), (n, column_step), (k, depth_step) = row, column, depths[0]
    along_a, along_b = (row_step[first], depth_step[first]), (depth_step[second], column_step[second])
    if 1 not in along_a or 1 not in along_b:
        return None
    flat = [m, n, k, *along_a, *along_b, row_step[2]]
    for size, step in repeats:
        flat += [size, step[first], step[second], step[2]]
    return _Layout(swapped, tuple(flat))


def native(a: Any, b: Any, subscripts: str) -> Any | None:
    """`einsum(subscripts, a, b)` where it is a product that is faster natively, else `None`."""
    if not _known(a, b):
        return None
    plain = find_subscripts(subscripts, tuple(a.shape), tuple(b.shape))
    return None if plain is None or not _pays(plain, a, b) else _product.bind(a, b, subscripts=plain)


def serves(terms: tuple[str, tuple[int, ...], tuple[int, ...]], dtype: str) -> bool:
    """Whether a product, as its subscripts and shapes, is faster natively in this process.

    >>> serves(("ij,jk->ik", (2, 3), (3, 1)), "float32")
    False
    """
    if dtype not in _HANDLERS or inferring() or not library.serves_here(_HANDLERS[dtype]):
        return False
    layout = _layout(*terms)
    return layout is not None and layout.pays(dtype)


def _known(a: Any, b: Any) -> bool:
    """Whether there are native functions for arrays of these types, all sizes of which are known."""
    dtype = str(getattr(a, "dtype", None))
    if dtype not in _HANDLERS or getattr(b, "dtype", None) != dtype:
        return False
    return all(isinstance(size, int) for size in (*a.shape, *b.shape))


def _pays(subscripts: str, a: Any, b: Any) -> bool:
    return serves((subscripts, tuple(a.shape), tuple(b.shape)), str(a.dtype))


def reference(a: Any, b: Any, subscripts: str) -> Any:
    """The sum as XLA computes it."""
    a_term, b_term, c_term = _terms(subscripts)
    both = [letter for letter in a_term if letter in b_term]
    batch, summed = ([x for x in both if x in c_term], [x for x in both if x not in c_term])
    axes = [(tuple(map(a_term.index, letters)), tuple(map(b_term.index, letters))) for letters in (summed, batch)]
    found = [*batch, *(x for x in a_term if x not in both), *(x for x in b_term if x not in both)]
    c = lax.dot_general(a, b, (axes[0], axes[1]))
    return lax.transpose(c, [found.index(letter) for letter in c_term])


def multiply(a: Any, b: Any, subscripts: str) -> Any:
    """The sum, natively where that is faster; `subscripts` as the primitive has them.

    >>> multiply(jnp.ones((2, 3)), jnp.ones((3, 1)), "ij,jk->ik").tolist()
    [[3.0], [3.0]]
    """
    if _known(a, b) and _pays(subscripts, a, b):
        return _product.bind(a, b, subscripts=subscripts)
    return reference(a, b, subscripts)


@functools.lru_cache(4096)
def find_subscripts(subscripts: str, a_shape: tuple[int, ...], b_shape: tuple[int, ...]) -> str | None:
    """Einstein's notation as the primitive has it, or `None` for what is no product of its kind.

    >>> find_subscripts("...i,ij->...j", (5, 2, 3), (3, 4))
    'abi,ij->abj'
    """
    text = subscripts.replace(" ", "")
    if text.count(",") != 1 or text.count("->") != 1:
        return None
    free = "".join(letter for letter in string.ascii_letters if letter not in text)
    a, b, c = _terms(text)
    ranks = [len(shape) - len(term) + 3 if "..." in term else 0 for term, shape in zip((a, b), (a_shape, b_shape))]
    most = max(ranks)
    if min(ranks) < 0 or most > len(free):
        return None
    dots = [free[most - rank : most] for rank in (*ranks, most)]
    a, b, c = (term.replace("...", letters) for term, letters in zip((a, b, c), dots))
    letters = a + b + c
    # A size that differs is an axis of one element that is repeated, or a mistake.
    fits = len(a) == len(a_shape) and len(b) == len(b_shape) and letters.isalpha()
    pairs = {*zip(a, a_shape), *zip(b, b_shape)}
    if not fits or len(pairs) != len(set(a + b)) or any(len(set(term)) != len(term) for term in (a, b, c)):
        return None
    return f"{a},{b}->{c}" if all(letters.count(letter) >= 2 for letter in letters) else None


_product = Primitive("lapis_product")


@functools.partial(jax.jit, static_argnames="subscripts")
def _run(a: Any, b: Any, subscripts: str) -> Any:
    return _product.bind(a, b, subscripts=subscripts)


def _abstract(a: Any, b: Any, subscripts: str) -> Any:
    a_term, b_term, c_term = _terms(subscripts)
    sizes = dict(zip(a_term + b_term, (*a.shape, *b.shape)))
    return jax.core.ShapedArray(tuple(sizes[letter] for letter in c_term), a.dtype)


def _lower(context: Any, a: Any, b: Any, subscripts: str) -> Any:
    layout = _layout(subscripts, *(aval.shape for aval in context.avals_in))
    handler = _HANDLERS[str(context.avals_in[0].dtype)]
    library.handler(handler)
    if layout is None:
        return mlir.lower_fun(reference, multiple_results=False)(context, a, b, subscripts=subscripts)
    flat = np.array(layout.flat, np.int64)
    if layout.swapped:
        a, b = b, a
        context = context.replace(avals_in=context.avals_in[::-1])
    return jax.ffi.ffi_lowering(handler)(context, a, b, layout=flat)


def _batch(arguments: Any, axes: Any, subscripts: str) -> Any:
    a, b, c = _terms(subscripts)
    letter = next(letter for letter in string.ascii_letters if letter not in subscripts)
    x, y = (array if axis is None else jnp.moveaxis(array, axis, 0) for array, axis in zip(arguments, axes))
    a, b = (term if axis is None else letter + term for term, axis in zip((a, b), axes))
    return multiply(x, y, f"{a},{b}->{letter}{c}"), 0


def _a_gradient(cotangent: Any, a: Any, b: Any, subscripts: str) -> Any:
    a_term, b_term, c_term = _terms(subscripts)
    return multiply(cotangent, b, f"{c_term},{b_term}->{a_term}")


def _b_gradient(cotangent: Any, a: Any, b: Any, subscripts: str) -> Any:
    a_term, b_term, c_term = _terms(subscripts)
    return multiply(a, cotangent, f"{a_term},{c_term}->{b_term}")


_product.def_impl(lambda a, b, subscripts: _run(a, b, subscripts=subscripts))
_product.def_abstract_eval(_abstract)
mlir.register_lowering(_product, mlir.lower_fun(reference, multiple_results=False))
mlir.register_lowering(_product, _lower, platform="cpu")
batching.primitive_batchers[_product] = _batch
references[_product] = reference
ad.defbilinear(_product, _a_gradient, _b_gradient)
