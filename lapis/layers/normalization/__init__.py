"""Normalization layers."""

from lapis.layers.normalization.batch_normalization import BatchNormalization as BatchNormalization
from lapis.layers.normalization.group_normalization import GroupNormalization as GroupNormalization
from lapis.layers.normalization.layer_normalization import LayerNormalization as LayerNormalization
from lapis.layers.normalization.rms_normalization import RMSNormalization as RMSNormalization
from lapis.layers.normalization.spectral_normalization import SpectralNormalization as SpectralNormalization
from lapis.layers.normalization.unit_normalization import UnitNormalization as UnitNormalization
