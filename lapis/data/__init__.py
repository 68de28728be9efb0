"""What `fit`, `evaluate` and `predict` read: one adapter per kind of input."""

from lapis.data.adapter import DataAdapter as DataAdapter
from lapis.data.arrays import ArrayAdapter as ArrayAdapter
from lapis.data.arrays import split_arrays as split_arrays
from lapis.data.epochs import Epochs as Epochs
from lapis.data.iterables import IterableAdapter as IterableAdapter
from lapis.data.lookup import get_data_adapter as get_data_adapter
from lapis.data.packing import OutputClassWeights as OutputClassWeights
from lapis.data.packing import class_weight_to_sample_weight as class_weight_to_sample_weight
from lapis.data.packing import pack_x_y_sample_weight as pack_x_y_sample_weight
from lapis.data.packing import unpack_x_y_sample_weight as unpack_x_y_sample_weight
from lapis.data.py_dataset import PyDataset as PyDataset
from lapis.data.py_dataset import PyDatasetAdapter as PyDatasetAdapter
