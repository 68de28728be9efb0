"""Images, Keras's `keras.preprocessing.image`."""

from lapis.utils.images import array_to_img as array_to_img
from lapis.utils.images import img_to_array as img_to_array
from lapis.utils.images import load_img as load_img
from lapis.utils.images import save_img as save_img
from lapis.utils.smart_resize import smart_resize as smart_resize
