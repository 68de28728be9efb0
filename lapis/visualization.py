"""Images with boxes and masks drawn on them, and galleries of images."""

from lapis.view.annotated import draw_bounding_boxes as draw_bounding_boxes
from lapis.view.annotated import draw_segmentation_masks as draw_segmentation_masks
from lapis.view.gallery import plot_bounding_box_gallery as plot_bounding_box_gallery
from lapis.view.gallery import plot_image_gallery as plot_image_gallery
from lapis.view.gallery import plot_segmentation_mask_gallery as plot_segmentation_mask_gallery
