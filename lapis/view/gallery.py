"""Many images side by side, through matplotlib."""

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from lapis.view.annotated import batch_of_images, draw_bounding_boxes, draw_segmentation_masks

NEEDS_EXTRA = 'Galleries of images need matplotlib: pip install "lapis[plot]".'


def _matplotlib() -> Any:
    """The matplotlib package, or one sentence that says how to get it."""
    try:
        import matplotlib.patches
        import matplotlib.pyplot
    except ImportError:
        raise ImportError(NEEDS_EXTRA) from None
    return matplotlib


def plot_image_gallery(
    images: Any,
    y_true: Any = None,
    y_pred: Any = None,
    label_map: Mapping[Any, str] | None = None,
    rows: int | None = None,
    cols: int | None = None,
    value_range: tuple[float, float] = (0, 255),
    scale: float = 2,
    path: Any = None,
    show: bool | None = None,
    transparent: bool = True,
    dpi: float = 60,
    legend_handles: Any = None,
    data_format: str | None = None,
) -> Any:
    """Show images in a grid, or write the grid into a file.

    Args:
        images: `(batch, height, width, channels)`.
        y_true: the label of each image, written above it.
        y_pred: the predicted label of each image, written above it.
        label_map: the name of each label; needed with `y_true` or `y_pred`.
        rows: how many rows; by default about as many as columns.
        cols: how many columns; by default as many as all images need.
        value_range: the least and the greatest value that a pixel may have.
        scale: the width of one image in inches.
        path: where to save the figure.
        show: whether to show the figure; by default unless `path` is given.
        transparent: whether a saved figure has no background.
        dpi: the resolution of a saved figure.
        legend_handles: what a legend below the images lists.
        data_format: "channels_last" or "channels_first"; by default the global setting.

    Returns:
        The figure when it is neither shown nor saved, else `None`.

    Raises:
        ImportError: without matplotlib.
        ValueError: when the images are no batch, `path` is given with `show`, or labels without `label_map`.
    """
    plt = _matplotlib().pyplot
    if path is not None and show:
        raise ValueError(f"A gallery is saved or shown, not both; got path={path!r} and show={show!r}.")
    if label_map is None and not (y_true is None and y_pred is None):
        raise ValueError("`label_map`, the name of each label, is needed with `y_true` or `y_pred`.")
    images = _to_bytes(batch_of_images("plot_image_gallery", images, data_format), value_range)
    rows = rows or math.ceil(math.sqrt(len(images)))
    cols = cols or math.ceil(len(images) / rows)
    tall = images.shape[1] / images.shape[2]
    figure, axes = plt.subplots(rows, cols, figsize=(cols * scale, rows * scale * tall), frameon=False, squeeze=False)
    figure.subplots_adjust(
        0, 0 if legend_handles is None else 0.15, 1, 1, wspace=0.02, hspace=0.02 if label_map is None else 0.2
    )
    if legend_handles is not None:
        figure.legend(handles=legend_handles, loc="lower center")
    for axis in axes.flat:
        axis.axis("off")
    for index, (axis, image) in enumerate(zip(axes.flat, images)):
        axis.imshow(image[..., 0] if image.shape[-1] == 1 else image, cmap="gray", vmin=0, vmax=255)
        words = [
            f"{title}: {(label_map or {}).get(np.asarray(labels)[index].item(), 'Unknown')}"
            for title, labels in (("Label", y_true), ("Pred", y_pred))
            if labels is not None and index < len(labels)
        ]
        if words:
            axis.set_title("  ".join(words), fontsize=8)
    if path is not None:
        figure.savefig(path, pad_inches=0, bbox_inches="tight", transparent=transparent, dpi=dpi)
    elif show or show is None:
        plt.show()
    else:
        return figure
    plt.close(figure)
    return None


def _to_bytes(images: np.ndarray, value_range: tuple[float, float]) -> np.ndarray:
    low, high = value_range
    return np.clip((images.astype("float32") - low) / (high - low) * 255, 0, 255).astype("uint8")


def plot_bounding_box_gallery(
    images: Any,
    bounding_box_format: str,
    y_true: Any = None,
    y_pred: Any = None,
    value_range: tuple[float, float] = (0, 255),
    true_color: tuple[int, int, int] = (0, 188, 212),
    pred_color: tuple[int, int, int] = (255, 235, 59),
    line_thickness: int = 2,
    font_scale: float = 1.0,
    text_thickness: int | None = None,
    class_mapping: Mapping[int, str] | None = None,
    ground_truth_mapping: Mapping[int, str] | None = None,
    prediction_mapping: Mapping[int, str] | None = None,
    legend: bool = False,
    legend_handles: Any = None,
    rows: int | None = None,
    cols: int | None = None,
    data_format: str | None = None,
    **kwargs: Any,
) -> Any:
    """`plot_image_gallery` of images with their true and predicted boxes, as `draw_bounding_boxes` draws them.

    Args:
        images: `(batch, height, width, channels)`.
        bounding_box_format: how the four numbers of a box are meant, such as "xyxy".
        y_true: the true boxes: a dict with "boxes" `(batch, boxes, 4)` and "labels" `(batch, boxes)`.
        y_pred: the predicted boxes; with "confidences" `(batch, boxes)` these are written too.
        value_range: the least and the greatest value that a pixel may have.
        true_color: the colour of true boxes.
        pred_color: the colour of predicted boxes.
        line_thickness: the thickness of lines.
        font_scale: the size of text.
        text_thickness: the thickness of the text's strokes; by default that of the lines.
        class_mapping: the name of each label.
        ground_truth_mapping: the names for true boxes; by default `class_mapping`.
        prediction_mapping: the names for predicted boxes; by default `class_mapping`.
        legend: whether to explain the two colours below the images.
        legend_handles: another legend than that.
        rows: as in `plot_image_gallery`.
        cols: as in `plot_image_gallery`.
        data_format: "channels_last" or "channels_first"; by default the global setting.
        **kwargs: as in `plot_image_gallery`.

    Raises:
        ImportError: without matplotlib.
        ValueError: when both `legend` and `legend_handles` are given.
    """
    patch = _matplotlib().patches.Patch
    if legend and legend_handles:
        raise ValueError("Pass `legend` or `legend_handles`, not both.")
    if legend:
        named = ((true_color, "Ground Truth"), (pred_color, "Prediction"))
        legend_handles = [patch(color=np.array(color) / 255, label=label) for color, label in named]
    drawn = _to_bytes(batch_of_images("plot_bounding_box_gallery", images, data_format), value_range)
    draw = partial(
        draw_bounding_boxes,
        bounding_box_format=bounding_box_format,
        line_thickness=line_thickness,
        text_thickness=text_thickness,
        font_scale=font_scale,
        data_format="channels_last",
    )
    if y_true is not None:
        drawn = draw(drawn, y_true, color=true_color, class_mapping=ground_truth_mapping or class_mapping)
    if y_pred is not None:
        drawn = draw(drawn, y_pred, color=pred_color, class_mapping=prediction_mapping or class_mapping)
    return plot_image_gallery(
        drawn, legend_handles=legend_handles, rows=rows, cols=cols, data_format="channels_last", **kwargs
    )


def plot_segmentation_mask_gallery(
    images: Any,
    num_classes: int,
    value_range: tuple[float, float] = (0, 255),
    y_true: Any = None,
    y_pred: Any = None,
    color_mapping: Any = None,
    blend: bool = True,
    alpha: float = 0.8,
    ignore_index: int = -1,
    data_format: str | None = None,
    **kwargs: Any,
) -> Any:
    """`plot_image_gallery` with a row for each image: itself, with its true, and with its predicted mask.

    Args:
        images: `(batch, height, width, 3)`.
        num_classes: how many classes have a colour.
        value_range: the least and the greatest value that a pixel may have.
        y_true: the true masks, `(batch, height, width, 1)`.
        y_pred: the predicted masks.
        color_mapping: as in `draw_segmentation_masks`.
        blend: as in `draw_segmentation_masks`.
        alpha: as in `draw_segmentation_masks`.
        ignore_index: as in `draw_segmentation_masks`.
        data_format: "channels_last" or "channels_first", of all arrays; by default the global setting.
        **kwargs: as in `plot_image_gallery`.

    Raises:
        ImportError: without matplotlib.
    """
    images = _to_bytes(batch_of_images("plot_segmentation_mask_gallery", images, data_format), value_range)
    columns = [images]
    for masks in (y_true, y_pred):
        if masks is not None:
            masks = batch_of_images("plot_segmentation_mask_gallery", masks, data_format).astype("int32")
            columns.append(
                draw_segmentation_masks(
                    images, masks, num_classes, color_mapping, alpha, blend, ignore_index, "channels_last"
                )
            )
    grid = np.stack(columns, axis=1).reshape(-1, *images.shape[1:])
    return plot_image_gallery(grid, rows=len(images), cols=len(columns), data_format="channels_last", **kwargs)
