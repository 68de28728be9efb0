"""Bounding boxes: their formats, how they are moved with their images, how much they overlap, and their coding."""

from lapis.layers.preprocessing.image.bounding_boxes import affine_transform as affine_transform
from lapis.layers.preprocessing.image.bounding_boxes import clip_to_image_size as clip_to_image_size
from lapis.layers.preprocessing.image.bounding_boxes import convert_format as convert_format
from lapis.layers.preprocessing.image.bounding_boxes import crop as crop
from lapis.layers.preprocessing.image.bounding_boxes import pad as pad
from lapis.utils.bounding_boxes.deltas import decode_deltas_to_boxes as decode_deltas_to_boxes
from lapis.utils.bounding_boxes.deltas import encode_box_to_deltas as encode_box_to_deltas
from lapis.utils.bounding_boxes.overlap import compute_ciou as compute_ciou
from lapis.utils.bounding_boxes.overlap import compute_iou as compute_iou
