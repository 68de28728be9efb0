"""Layers that prepare and vary images, with the labels, bounding boxes and masks that belong to them."""

from lapis.layers.preprocessing.image.aug_mix import AugMix as AugMix
from lapis.layers.preprocessing.image.auto_contrast import AutoContrast as AutoContrast
from lapis.layers.preprocessing.image.clahe import (
    ContrastLimitedAdaptiveHistogramEqualization as ContrastLimitedAdaptiveHistogramEqualization,
)
from lapis.layers.preprocessing.image.color import RandomColorDegeneration as RandomColorDegeneration
from lapis.layers.preprocessing.image.color import RandomGrayscale as RandomGrayscale
from lapis.layers.preprocessing.image.color import RandomHue as RandomHue
from lapis.layers.preprocessing.image.color import RandomSaturation as RandomSaturation
from lapis.layers.preprocessing.image.equalization import Equalization as Equalization
from lapis.layers.preprocessing.image.levels import RandomPosterization as RandomPosterization
from lapis.layers.preprocessing.image.levels import Solarization as Solarization
from lapis.layers.preprocessing.image.mixing import CutMix as CutMix
from lapis.layers.preprocessing.image.mixing import MixUp as MixUp
from lapis.layers.preprocessing.image.rand_augment import RandAugment as RandAugment
from lapis.layers.preprocessing.image.random_color_jitter import RandomColorJitter as RandomColorJitter
from lapis.layers.preprocessing.image.random_erasing import RandomErasing as RandomErasing
from lapis.layers.preprocessing.image.sharpness import RandomGaussianBlur as RandomGaussianBlur
from lapis.layers.preprocessing.image.sharpness import RandomSharpness as RandomSharpness
from lapis.layers.preprocessing.image.tone import RandomBrightness as RandomBrightness
from lapis.layers.preprocessing.image.tone import RandomContrast as RandomContrast
from lapis.layers.preprocessing.image.tone import RandomInvert as RandomInvert
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
