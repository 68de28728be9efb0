"""`lapis.ops.image`: functions on images."""

from lapis.ops.image.color import rgb_to_grayscale as rgb_to_grayscale
from lapis.ops.image.color import rgb_to_hsv as rgb_to_hsv
from lapis.ops.image.color import hsv_to_rgb as hsv_to_rgb
from lapis.ops.image.filters import gaussian_blur as gaussian_blur
from lapis.ops.image.filters import sobel_edges as sobel_edges
from lapis.ops.image.filters import ssim as ssim
from lapis.ops.image.filters import extract_patches as extract_patches
from lapis.ops.image.filters import extract_patches_3d as extract_patches_3d
from lapis.ops.image.resizing import resize as resize
from lapis.ops.image.resizing import pad_images as pad_images
from lapis.ops.image.resizing import crop_images as crop_images
from lapis.ops.image.resizing import scale_and_translate as scale_and_translate
from lapis.ops.image.warping import map_coordinates as map_coordinates
from lapis.ops.image.warping import affine_transform as affine_transform
from lapis.ops.image.warping import perspective_transform as perspective_transform
from lapis.ops.image.warping import elastic_transform as elastic_transform
