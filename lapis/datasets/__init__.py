"""Small real data sets, loaded as NumPy arrays and kept in the cache folder."""

from lapis.datasets import cifar10 as cifar10
from lapis.datasets import fashion_mnist as fashion_mnist
from lapis.datasets import mnist as mnist
