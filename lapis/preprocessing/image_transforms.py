"""Random changes of one image at a time in NumPy, as TensorFlow's Keras has them beside `ImageDataGenerator`."""

from typing import Any

import numpy as np

from lapis.utils.images import array_to_img, img_to_array, pillow_image


def _ndimage() -> Any:
    try:
        from scipy import ndimage
    except ImportError:
        raise ImportError("Turning, moving and zooming images needs SciPy: pip install scipy.") from None
    return ndimage


def apply_affine_transform(
    x: np.ndarray,
    theta: float = 0,
    tx: float = 0,
    ty: float = 0,
    shear: float = 0,
    zx: float = 1,
    zy: float = 1,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    order: int = 1,
) -> np.ndarray:
    """An image turned, moved, slanted and zoomed around its middle.

    `tx` and `zx` are along rows, as documented; Keras's own takes them along columns.

    Args:
        x: an image of rank 3.
        theta: degrees to turn it by.
        tx: pixels to move it by, along rows.
        ty: pixels to move it by, along columns.
        shear: degrees to slant it by.
        zx: zoom along rows; above 1 the image gets smaller.
        zy: zoom along columns.
        row_axis: the axis of rows.
        col_axis: the axis of columns.
        channel_axis: the axis of channels.
        fill_mode: what is outside: "nearest", "constant", "reflect" or "wrap".
        cval: the value outside with "constant".
        order: of the interpolation: 0 takes the nearest pixel, 1 is bilinear.

    >>> image = np.arange(6.0).reshape(3, 2, 1)
    >>> apply_affine_transform(image, tx=1, row_axis=0, col_axis=1, channel_axis=2)[..., 0].tolist()
    [[2.0, 3.0], [4.0, 5.0], [4.0, 5.0]]
    """
    if {row_axis, col_axis, channel_axis} != {0, 1, 2} or x.ndim != 3:
        raise ValueError(
            "An image has three axes, of rows, columns and channels; got the axes "
            f"{(row_axis, col_axis, channel_axis)} for an image of shape {x.shape}."
        )
    turn, slant = np.deg2rad(theta), np.deg2rad(shear)
    rotation = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    shift = np.array([[1, 0, tx], [0, 1, ty], [0, 0, 1]])
    shearing = np.array([[1, -np.sin(slant), 0], [0, np.cos(slant), 0], [0, 0, 1]])
    matrix = rotation @ shift @ shearing @ np.diag([zx, zy, 1])
    if np.array_equal(matrix, np.eye(3)):
        return x
    middle = np.array([x.shape[row_axis], x.shape[col_axis]]) / 2 - 0.5
    offset = matrix[:2, 2] + middle - matrix[:2, :2] @ middle
    channels = np.moveaxis(x, (channel_axis, row_axis, col_axis), (0, 1, 2))
    changed = np.stack(
        [
            _ndimage().affine_transform(channel, matrix[:2, :2], offset, order=order, mode=fill_mode, cval=cval)
            for channel in channels
        ]
    )
    return np.moveaxis(changed, (0, 1, 2), (channel_axis, row_axis, col_axis))


def apply_channel_shift(x: np.ndarray, intensity: float, channel_axis: int = 0) -> np.ndarray:
    """An image with a number added to all pixels, within the range that it had."""
    return np.clip(x + intensity, np.min(x), np.max(x)).astype(x.dtype)


def apply_brightness_shift(x: np.ndarray, brightness: float, scale: bool = True) -> np.ndarray:
    """An image multiplied by `brightness`, within 0 to 255; 1 leaves it as it is.

    With `scale` it is first stretched to 0 to 255; without, only where it reaches beyond, and then brought back.
    """
    pillow_image()
    from PIL import ImageEnhance

    low, high = np.min(x), np.max(x)
    beyond = bool(low < 0 or high > 255)
    image = array_to_img(x, scale=beyond or scale)
    x = img_to_array(ImageEnhance.Brightness(image).enhance(brightness))
    return x / 255 * (high - low) + low if beyond and not scale else x


def random_rotation(
    x: np.ndarray,
    rg: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> np.ndarray:
    """An image turned by up to `rg` degrees in either direction."""
    theta = np.random.uniform(-rg, rg)
    axes = (row_axis, col_axis, channel_axis)
    return apply_affine_transform(x, theta, 0, 0, 0, 1, 1, *axes, fill_mode, cval, interpolation_order)


def random_shift(
    x: np.ndarray,
    wrg: float,
    hrg: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> np.ndarray:
    """An image moved by up to the part `wrg` of its width and `hrg` of its height."""
    tx = np.random.uniform(-hrg, hrg) * x.shape[row_axis]
    ty = np.random.uniform(-wrg, wrg) * x.shape[col_axis]
    axes = (row_axis, col_axis, channel_axis)
    return apply_affine_transform(x, 0, tx, ty, 0, 1, 1, *axes, fill_mode, cval, interpolation_order)


def random_shear(
    x: np.ndarray,
    intensity: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> np.ndarray:
    """An image slanted by up to `intensity` degrees."""
    shear = np.random.uniform(-intensity, intensity)
    axes = (row_axis, col_axis, channel_axis)
    return apply_affine_transform(x, 0, 0, 0, shear, 1, 1, *axes, fill_mode, cval, interpolation_order)


def random_zoom(
    x: np.ndarray,
    zoom_range: tuple[float, float],
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> np.ndarray:
    """An image zoomed along rows and along columns, each by a number from a range."""
    if len(zoom_range) != 2:
        raise ValueError(f"`zoom_range` must be a pair of numbers; got {zoom_range!r}.")
    zx, zy = (1, 1) if tuple(zoom_range) == (1, 1) else np.random.uniform(*zoom_range, 2)
    axes = (row_axis, col_axis, channel_axis)
    return apply_affine_transform(x, 0, 0, 0, 0, zx, zy, *axes, fill_mode, cval, interpolation_order)


def random_channel_shift(x: np.ndarray, intensity_range: float, channel_axis: int = 0) -> np.ndarray:
    """An image with up to `intensity_range` added to, or taken from, all pixels."""
    return apply_channel_shift(x, np.random.uniform(-intensity_range, intensity_range), channel_axis)


def random_brightness(x: np.ndarray, brightness_range: tuple[float, float], scale: bool = True) -> np.ndarray:
    """An image multiplied by a number from a range."""
    if len(brightness_range) != 2:
        raise ValueError(f"`brightness_range` must be a pair of numbers; got {brightness_range!r}.")
    return apply_brightness_shift(x, np.random.uniform(*brightness_range), scale)
