"""Older names of helpers around data, Keras's `keras.preprocessing`; most are those of `lapis.utils`."""

from lapis.preprocessing import image as image
from lapis.preprocessing import sequence as sequence
from lapis.preprocessing import text as text
from lapis.utils.image_dataset import image_dataset_from_directory as image_dataset_from_directory
from lapis.utils.text_dataset import text_dataset_from_directory as text_dataset_from_directory
from lapis.utils.timeseries_dataset import timeseries_dataset_from_array as timeseries_dataset_from_array
