"""Well-known networks for images."""

from lapis.applications import imagenet_utils as imagenet_utils
from lapis.applications import vgg16 as vgg16
from lapis.applications import vgg19 as vgg19
from lapis.applications.vgg16 import VGG16 as VGG16
from lapis.applications.vgg19 import VGG19 as VGG19
