"""Layers that rearrange, pad, crop or repeat values."""

from lapis.layers.reshaping.cropping import Cropping1D as Cropping1D
from lapis.layers.reshaping.cropping import Cropping2D as Cropping2D
from lapis.layers.reshaping.cropping import Cropping3D as Cropping3D
from lapis.layers.reshaping.flatten import Flatten as Flatten
from lapis.layers.reshaping.permute import Permute as Permute
from lapis.layers.reshaping.repeat_vector import RepeatVector as RepeatVector
from lapis.layers.reshaping.reshape import Reshape as Reshape
from lapis.layers.reshaping.up_sampling import UpSampling1D as UpSampling1D
from lapis.layers.reshaping.up_sampling import UpSampling2D as UpSampling2D
from lapis.layers.reshaping.up_sampling import UpSampling3D as UpSampling3D
from lapis.layers.reshaping.zero_padding import ZeroPadding1D as ZeroPadding1D
from lapis.layers.reshaping.zero_padding import ZeroPadding2D as ZeroPadding2D
from lapis.layers.reshaping.zero_padding import ZeroPadding3D as ZeroPadding3D
