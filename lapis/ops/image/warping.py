"""Images bent: each pixel of the result is looked up somewhere in the input."""

import random
from typing import Any

import jax
import jax.numpy as jnp
from jax.scipy import ndimage

from lapis.graph import op
from lapis.ops.arrays import Tensor
from lapis.ops.image.filters import blur_planes
from lapis.ops.image.layout import FILL_MODES, INTERPOLATION_ORDER, images_array, one_of, over_planes


def _look_up(planes: Any, rows: Any, columns: Any, order: int, mode: str, fill_value: Any) -> Any:
    """`planes` `(batch, channels, height, width)` at the places `(batch, height, width)`."""

    def plane(image: Any, r: Any, c: Any) -> Any:
        return ndimage.map_coordinates(image, [r, c], order, mode, fill_value)

    return jax.vmap(jax.vmap(plane, in_axes=(0, None, None)))(planes, rows, columns)


@op
def map_coordinates(
    inputs: Any, coordinates: Any, order: int, fill_mode: str = "constant", fill_value: float = 0
) -> Tensor:
    """`inputs` at any places: `coordinates` holds one array of positions for each axis.

    `order` 0 takes the nearest element, 1 interpolates linearly; `fill_mode` says what lies outside.

    >>> map_coordinates([0.0, 10.0], [[0.5, 1.0]], order=1).tolist()
    [5.0, 10.0]
    """
    inputs, coordinates = jnp.asarray(inputs), jnp.asarray(coordinates)
    one_of("map_coordinates", "fill_mode", fill_mode, FILL_MODES)
    one_of("map_coordinates", "order", order, (0, 1))
    if coordinates.ndim < 2 or coordinates.shape[0] != inputs.ndim:
        raise ValueError(
            f"map_coordinates takes coordinates of shape ({inputs.ndim}, ...), one row for each axis of inputs, and "
            f"got {coordinates.shape}."
        )
    return ndimage.map_coordinates(inputs, coordinates, order, fill_mode, fill_value)


@op
def affine_transform(
    images: Any,
    transform: Any,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Tensor:
    """Images moved, turned, scaled or sheared.

    `transform` is `(8,)` or `(batch, 8)`, the numbers `a0, a1, a2, b0, b1, b2` and two more that must be 0: pixel
    `(x, y)` of the result comes from `(a0 x + a1 y + a2, b0 x + b1 y + b2)`.

    >>> affine_transform(jnp.ones((1, 4, 4, 3)), jnp.array([1.0, 0, 1, 0, 1, 0, 0, 0])).shape
    (1, 4, 4, 3)
    """
    images, last = images_array("affine_transform", images, data_format)
    order = INTERPOLATION_ORDER[one_of("affine_transform", "interpolation", interpolation, INTERPOLATION_ORDER)]
    one_of("affine_transform", "fill_mode", fill_mode, FILL_MODES)
    transform = jnp.asarray(transform)
    if transform.ndim not in (1, 2) or transform.shape[-1] != 8:
        raise ValueError(f"affine_transform takes a transform of shape (8,) or (batch, 8), and got {transform.shape}.")

    def warp(planes: Any) -> Any:
        y, x = jnp.meshgrid(*map(jnp.arange, planes.shape[2:]), indexing="ij")
        numbers = jnp.broadcast_to(transform, (planes.shape[0], 8)).T[:6, :, None, None]
        a0, a1, a2, b0, b1, b2 = numbers
        return _look_up(planes, b0 * x + b1 * y + b2, a0 * x + a1 * y + a2, order, fill_mode, fill_value)

    return over_planes(warp, images, last)


def homography(start: Any, end: Any) -> Any:
    """The eight numbers `h`, `(..., 8)`, for which each of four end points `(x, y)`, `(..., 4, 2)`, comes from its
    start point: `((h0 x + h1 y + h2) / (h6 x + h7 y + 1), (h3 x + h4 y + h5) / (h6 x + h7 y + 1))`."""
    x, y = end[..., 0], end[..., 1]
    one, nil = jnp.ones_like(x), jnp.zeros_like(x)
    from_x, from_y = start[..., 0], start[..., 1]
    for_x = jnp.stack([x, y, one, nil, nil, nil, -from_x * x, -from_x * y], axis=-1)
    for_y = jnp.stack([nil, nil, nil, x, y, one, -from_y * x, -from_y * y], axis=-1)
    targets = jnp.concatenate([from_x, from_y], axis=-1)[..., None]
    return jnp.linalg.solve(jnp.concatenate([for_x, for_y], axis=-2), targets)[..., 0]


@op
def perspective_transform(
    images: Any,
    start_points: Any,
    end_points: Any,
    interpolation: str = "bilinear",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Tensor:
    """Images seen from another side: the four `start_points` go to the four `end_points`.

    Points are `(x, y)`, four to an image: `(4, 2)`, or `(batch, 4, 2)`.

    >>> corners = jnp.array([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0], [3.0, 3.0]])
    >>> perspective_transform(jnp.ones((1, 4, 4, 3)), corners, corners).shape
    (1, 4, 4, 3)
    """
    images, last = images_array("perspective_transform", images, data_format)
    order = INTERPOLATION_ORDER[one_of("perspective_transform", "interpolation", interpolation, INTERPOLATION_ORDER)]
    start, end = jnp.asarray(start_points, "float32"), jnp.asarray(end_points, "float32")
    if start.shape != end.shape or start.shape[-2:] != (4, 2) or start.ndim not in (2, 3):
        raise ValueError(
            f"perspective_transform takes points of shape (4, 2) or (batch, 4, 2), and got {start.shape} and "
            f"{end.shape}."
        )

    def warp(planes: Any) -> Any:
        y, x = jnp.meshgrid(*map(jnp.arange, planes.shape[2:]), indexing="ij")
        h = jnp.broadcast_to(homography(start, end), (planes.shape[0], 8)).T[:, :, None, None]
        depth = h[6] * x + h[7] * y + 1.0
        rows, columns = (h[3] * x + h[4] * y + h[5]) / depth, (h[0] * x + h[1] * y + h[2]) / depth
        return _look_up(planes, rows, columns, order, "constant", fill_value)

    return over_planes(warp, images, last)


def _key(seed: Any) -> Any:
    """A key from a number, a generator of keys, a key, or (`None`) Python's own random numbers."""
    if hasattr(seed, "next"):
        return seed.next()
    if hasattr(seed, "shape"):
        return seed
    return jnp.array([random.randint(1, 10**9) if seed is None else seed, 0], "uint32")


def displace(
    images: Any, field: Any, interpolation: str, fill_mode: str, fill_value: float, data_format: str | None
) -> Any:
    """Images whose pixel at `(x, y)` is looked up at that place plus `field`, `(batch, height, width, 2)`."""
    images, last = images_array("displace", images, data_format)

    def warp(planes: Any) -> Any:
        y, x = jnp.meshgrid(*map(jnp.arange, planes.shape[2:]), indexing="ij")
        order = INTERPOLATION_ORDER[interpolation]
        return _look_up(planes, y + field[..., 1], x + field[..., 0], order, fill_mode, fill_value)

    return over_planes(warp, images, last).astype(images.dtype)


@op
def elastic_transform(
    images: Any,
    alpha: float = 20.0,
    sigma: float = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
    seed: Any = None,
    data_format: str | None = None,
) -> Tensor:
    """Images whose pixels are displaced by smooth random fields, `alpha` times noise blurred with width `sigma`.

    Source: Simard and others, "Best practices for convolutional neural networks", 2003.

    >>> elastic_transform(jnp.ones((1, 8, 8, 3)), sigma=1.0, seed=1).shape
    (1, 8, 8, 3)
    """
    images, last = images_array("elastic_transform", images, data_format)
    one_of("elastic_transform", "interpolation", interpolation, INTERPOLATION_ORDER)
    one_of("elastic_transform", "fill_mode", fill_mode, FILL_MODES)
    width = int(6 * sigma) | 1

    single = images.ndim == 3
    shape = images.shape if last else (*images.shape[:-3], *images.shape[-2:], 1)
    noise = jax.random.normal(_key(seed), (1 if single else shape[0], 2, *shape[-3:-1]), images.dtype) * sigma
    field = alpha * blur_planes(noise, (width, width), (sigma, sigma))
    return displace(images, jnp.moveaxis(field, 1, -1), interpolation, fill_mode, fill_value, data_format)
