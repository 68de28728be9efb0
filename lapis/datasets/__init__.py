"""Small real data sets, loaded as NumPy arrays and kept in the cache folder."""

from lapis.datasets import boston_housing as boston_housing
from lapis.datasets import california_housing as california_housing
from lapis.datasets import cifar10 as cifar10
from lapis.datasets import cifar100 as cifar100
from lapis.datasets import fashion_mnist as fashion_mnist
from lapis.datasets import imdb as imdb
from lapis.datasets import mnist as mnist
from lapis.datasets import reuters as reuters
