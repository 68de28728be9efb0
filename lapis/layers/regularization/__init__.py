"""Layers that act in training only, against overfitting."""

from lapis.layers.regularization.activity_regularization import ActivityRegularization as ActivityRegularization
from lapis.layers.regularization.alpha_dropout import AlphaDropout as AlphaDropout
from lapis.layers.regularization.dropout import Dropout as Dropout
from lapis.layers.regularization.gaussian import GaussianDropout as GaussianDropout
from lapis.layers.regularization.gaussian import GaussianNoise as GaussianNoise
from lapis.layers.regularization.spatial_dropout import SpatialDropout1D as SpatialDropout1D
from lapis.layers.regularization.spatial_dropout import SpatialDropout2D as SpatialDropout2D
from lapis.layers.regularization.spatial_dropout import SpatialDropout3D as SpatialDropout3D
