"""Pooling layers."""

from lapis.layers.pooling.adaptive_pooling import AdaptiveAveragePooling1D as AdaptiveAveragePooling1D
from lapis.layers.pooling.adaptive_pooling import AdaptiveAveragePooling2D as AdaptiveAveragePooling2D
from lapis.layers.pooling.adaptive_pooling import AdaptiveAveragePooling3D as AdaptiveAveragePooling3D
from lapis.layers.pooling.adaptive_pooling import AdaptiveMaxPooling1D as AdaptiveMaxPooling1D
from lapis.layers.pooling.adaptive_pooling import AdaptiveMaxPooling2D as AdaptiveMaxPooling2D
from lapis.layers.pooling.adaptive_pooling import AdaptiveMaxPooling3D as AdaptiveMaxPooling3D
from lapis.layers.pooling.average_pooling import AveragePooling1D as AveragePooling1D
from lapis.layers.pooling.average_pooling import AveragePooling2D as AveragePooling2D
from lapis.layers.pooling.average_pooling import AveragePooling3D as AveragePooling3D
from lapis.layers.pooling.global_average_pooling import GlobalAveragePooling1D as GlobalAveragePooling1D
from lapis.layers.pooling.global_average_pooling import GlobalAveragePooling2D as GlobalAveragePooling2D
from lapis.layers.pooling.global_average_pooling import GlobalAveragePooling3D as GlobalAveragePooling3D
from lapis.layers.pooling.global_max_pooling import GlobalMaxPooling1D as GlobalMaxPooling1D
from lapis.layers.pooling.global_max_pooling import GlobalMaxPooling2D as GlobalMaxPooling2D
from lapis.layers.pooling.global_max_pooling import GlobalMaxPooling3D as GlobalMaxPooling3D
from lapis.layers.pooling.max_pooling import MaxPooling1D as MaxPooling1D
from lapis.layers.pooling.max_pooling import MaxPooling2D as MaxPooling2D
from lapis.layers.pooling.max_pooling import MaxPooling3D as MaxPooling3D

AvgPool1D = AveragePooling1D
AvgPool2D = AveragePooling2D
AvgPool3D = AveragePooling3D
GlobalAvgPool1D = GlobalAveragePooling1D
GlobalAvgPool2D = GlobalAveragePooling2D
GlobalAvgPool3D = GlobalAveragePooling3D
GlobalMaxPool1D = GlobalMaxPooling1D
GlobalMaxPool2D = GlobalMaxPooling2D
GlobalMaxPool3D = GlobalMaxPooling3D
MaxPool1D = MaxPooling1D
MaxPool2D = MaxPooling2D
MaxPool3D = MaxPooling3D
