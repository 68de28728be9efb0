"""Layers that prepare and vary images, with the labels, bounding boxes and masks that belong to them."""

from lapis.layers.preprocessing.image.cropping import CenterCrop as CenterCrop
from lapis.layers.preprocessing.image.cropping import RandomCrop as RandomCrop
from lapis.layers.preprocessing.image.max_num_bounding_boxes import MaxNumBoundingBoxes as MaxNumBoundingBoxes
from lapis.layers.preprocessing.image.random_elastic_transform import RandomElasticTransform as RandomElasticTransform
from lapis.layers.preprocessing.image.random_flip import RandomFlip as RandomFlip
from lapis.layers.preprocessing.image.random_perspective import RandomPerspective as RandomPerspective
from lapis.layers.preprocessing.image.random_rotation import RandomRotation as RandomRotation
from lapis.layers.preprocessing.image.random_shear import RandomShear as RandomShear
from lapis.layers.preprocessing.image.random_translation import RandomTranslation as RandomTranslation
from lapis.layers.preprocessing.image.random_zoom import RandomZoom as RandomZoom
from lapis.layers.preprocessing.image.resizing import Resizing as Resizing
