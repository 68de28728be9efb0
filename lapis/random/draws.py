"""Random numbers. `seed` is everywhere an integer (the same numbers each time), a `SeedGenerator` (new ones each time)
or `None` (new ones from the global seed, which `lapis.utils.set_random_seed` sets)."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lapis.graph import op
from lapis.ops.arrays import Shape, Tensor, array_dtype, known_shape, to_array
from lapis.state import draw_seed


def _shape(shape: Shape) -> tuple:
    return (shape,) if isinstance(shape, int) else tuple(known_shape(shape, "A random function"))


@op
def normal(shape: Shape, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None) -> Tensor:
    """Numbers from the normal distribution.

    >>> normal((2, 3), seed=1).shape
    (2, 3)
    """
    return jax.random.normal(draw_seed(seed), _shape(shape), array_dtype(dtype)) * stddev + mean


@op
def truncated_normal(shape: Shape, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None) -> Tensor:
    """Numbers from the normal distribution within two standard deviations of the mean.

    >>> bool((abs(truncated_normal((100,), seed=1)) <= 2).all())
    True
    """
    return jax.random.truncated_normal(draw_seed(seed), -2.0, 2.0, _shape(shape), array_dtype(dtype)) * stddev + mean


@op
def uniform(shape: Shape, minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = None, seed: Any = None) -> Tensor:
    """Numbers evenly spread over `[minval, maxval)`.

    >>> uniform((2,), seed=1).shape
    (2,)
    """
    return jax.random.uniform(draw_seed(seed), _shape(shape), array_dtype(dtype), minval, maxval)


@op
def randint(shape: Shape, minval: Any, maxval: Any, dtype: Any = "int32", seed: Any = None) -> Tensor:
    """Whole numbers from `minval` up to but without `maxval`.

    >>> randint((2,), 0, 1, seed=1).tolist()
    [0, 0]
    """
    dtype = array_dtype(dtype)
    if "int" not in dtype:
        raise ValueError(f"randint gives whole numbers, and was asked for dtype {dtype!r}; use uniform for floats.")
    return jax.random.randint(draw_seed(seed), _shape(shape), minval, maxval, dtype)


@op
def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None) -> Tensor:
    """Class numbers drawn by their logits: `(batch, classes)` to `(batch, num_samples)`.

    >>> categorical([[0.0, 100.0]], 3, seed=1).tolist()
    [[1, 1, 1]]
    """
    logits = jnp.asarray(logits)
    if logits.ndim != 2:
        raise ValueError(f"categorical takes logits of shape (batch, classes), and got {logits.shape}.")
    shape = (logits.shape[0], num_samples)
    return jax.random.categorical(draw_seed(seed), logits[..., None], axis=1, shape=shape).astype(array_dtype(dtype))


@op
def gamma(shape: Shape, alpha: Any, dtype: Any = None, seed: Any = None) -> Tensor:
    """Numbers from the gamma distribution with shape parameter `alpha` and scale 1.

    >>> gamma((2,), 1.5, seed=1).shape
    (2,)
    """
    return jax.random.gamma(draw_seed(seed), to_array(alpha), _shape(shape), array_dtype(dtype))


@op
def beta(shape: Shape, alpha: Any, beta: Any, dtype: Any = None, seed: Any = None) -> Tensor:
    """Numbers between 0 and 1 from the beta distribution with parameters `alpha` and `beta`.

    >>> beta((2,), 1.0, 2.0, seed=1).shape
    (2,)
    """
    return jax.random.beta(draw_seed(seed), to_array(alpha), to_array(beta), _shape(shape), array_dtype(dtype))


@op
def binomial(shape: Shape, counts: Any, probabilities: Any, dtype: Any = None, seed: Any = None) -> Tensor:
    """How many of `counts` tries succeed, each with the given probability.

    >>> binomial((2,), 3.0, 1.0, seed=1).tolist()
    [3.0, 3.0]
    """
    counts, probabilities = to_array(counts), to_array(probabilities)
    return jax.random.binomial(draw_seed(seed), counts, probabilities, _shape(shape), array_dtype(dtype))


@op
def shuffle(x: Any, axis: int = 0, seed: Any = None) -> Tensor:
    """The elements of `x` in random order along `axis`, each line by itself.

    >>> sorted(shuffle([1, 2, 3], seed=1).tolist())
    [1, 2, 3]
    """
    return jax.random.permutation(draw_seed(seed), jnp.asarray(x), axis, independent=True)


@op
def dropout(inputs: Any, rate: float, noise_shape: Sequence[int | None] | None = None, seed: Any = None) -> Tensor:
    """A fraction `rate` of the elements set to 0, the others divided by `1 - rate`, so that the mean stays.

    Axes that are 1 in `noise_shape` are dropped or kept whole; `None` there means the size of the input.

    >>> dropout([1.0, 2.0], 0.0).tolist()
    [1.0, 2.0]
    """
    inputs = jnp.asarray(inputs)
    if rate == 0:
        return inputs
    if rate == 1:
        return jnp.zeros_like(inputs)
    shape = inputs.shape
    if noise_shape is not None:
        shape = tuple(own if size is None else size for own, size in zip(shape, noise_shape, strict=True))
    kept = jax.random.bernoulli(draw_seed(seed), 1.0 - rate, shape)
    return jnp.where(kept, inputs / (1.0 - rate), jnp.zeros_like(inputs))
