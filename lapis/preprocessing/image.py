"""Images, Keras's `keras.preprocessing.image`, with what only TensorFlow's `tensorflow.keras` has there."""

from lapis.preprocessing.image_data_generator import ImageDataGenerator as ImageDataGenerator
from lapis.preprocessing.image_iterators import DataFrameIterator as DataFrameIterator
from lapis.preprocessing.image_iterators import DirectoryIterator as DirectoryIterator
from lapis.preprocessing.image_iterators import Iterator as Iterator
from lapis.preprocessing.image_iterators import NumpyArrayIterator as NumpyArrayIterator
from lapis.preprocessing.image_transforms import apply_affine_transform as apply_affine_transform
from lapis.preprocessing.image_transforms import apply_brightness_shift as apply_brightness_shift
from lapis.preprocessing.image_transforms import apply_channel_shift as apply_channel_shift
from lapis.preprocessing.image_transforms import random_brightness as random_brightness
from lapis.preprocessing.image_transforms import random_channel_shift as random_channel_shift
from lapis.preprocessing.image_transforms import random_rotation as random_rotation
from lapis.preprocessing.image_transforms import random_shear as random_shear
from lapis.preprocessing.image_transforms import random_shift as random_shift
from lapis.preprocessing.image_transforms import random_zoom as random_zoom
from lapis.utils.images import array_to_img as array_to_img
from lapis.utils.images import img_to_array as img_to_array
from lapis.utils.images import load_img as load_img
from lapis.utils.images import save_img as save_img
from lapis.utils.smart_resize import smart_resize as smart_resize
