"""Convolution layers."""

from lapis.layers.conv.conv import Conv1D as Conv1D
from lapis.layers.conv.conv import Conv2D as Conv2D
from lapis.layers.conv.conv import Conv3D as Conv3D
from lapis.layers.conv.conv_transpose import Conv1DTranspose as Conv1DTranspose
from lapis.layers.conv.conv_transpose import Conv2DTranspose as Conv2DTranspose
from lapis.layers.conv.conv_transpose import Conv3DTranspose as Conv3DTranspose
from lapis.layers.conv.depthwise import DepthwiseConv1D as DepthwiseConv1D
from lapis.layers.conv.depthwise import DepthwiseConv2D as DepthwiseConv2D
from lapis.layers.conv.separable import SeparableConv1D as SeparableConv1D
from lapis.layers.conv.separable import SeparableConv2D as SeparableConv2D

Convolution1D = Conv1D
Convolution2D = Conv2D
Convolution3D = Conv3D
Convolution1DTranspose = Conv1DTranspose
Convolution2DTranspose = Conv2DTranspose
Convolution3DTranspose = Conv3DTranspose
SeparableConvolution1D = SeparableConv1D
SeparableConvolution2D = SeparableConv2D
