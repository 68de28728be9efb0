"""Helpers around models and data."""

from lapis.callbacks.progbar import Progbar as Progbar
from lapis.core.dtypes import standardize_dtype as standardize_dtype
from lapis.core.logging import disable_interactive_logging as disable_interactive_logging
from lapis.core.logging import enable_interactive_logging as enable_interactive_logging
from lapis.core.logging import is_interactive_logging_enabled as is_interactive_logging_enabled
from lapis.core.serialization import CustomObjectScope as CustomObjectScope
from lapis.core.serialization import deserialize_keras_object as deserialize_keras_object
from lapis.core.serialization import get_custom_objects as get_custom_objects
from lapis.core.serialization import get_registered_name as get_registered_name
from lapis.core.serialization import get_registered_object as get_registered_object
from lapis.core.serialization import register_keras_serializable as register_keras_serializable
from lapis.core.serialization import serialize_keras_object as serialize_keras_object
from lapis.data.download import get_file as get_file
from lapis.data.packing import pack_x_y_sample_weight as pack_x_y_sample_weight
from lapis.data.packing import unpack_x_y_sample_weight as unpack_x_y_sample_weight
from lapis.data.py_dataset import PyDataset as PyDataset
from lapis.utils import legacy as legacy
from lapis.utils import bounding_boxes as bounding_boxes
from lapis.utils.arrays import normalize as normalize
from lapis.utils.arrays import to_categorical as to_categorical
from lapis.utils.audio_dataset import audio_dataset_from_directory as audio_dataset_from_directory
from lapis.utils.config import Config as Config
from lapis.utils.feature_space import FeatureSpace as FeatureSpace
from lapis.utils.graphs import get_source_inputs as get_source_inputs
from lapis.utils.graphs import is_keras_tensor as is_keras_tensor
from lapis.utils.image_dataset import image_dataset_from_directory as image_dataset_from_directory
from lapis.utils.images import array_to_img as array_to_img
from lapis.utils.images import img_to_array as img_to_array
from lapis.utils.images import load_img as load_img
from lapis.utils.images import save_img as save_img
from lapis.utils.sequences import pad_sequences as pad_sequences
from lapis.utils.session import clear_session as clear_session
from lapis.utils.session import set_random_seed as set_random_seed
from lapis.utils.splitting import split_dataset as split_dataset
from lapis.utils.text_dataset import text_dataset_from_directory as text_dataset_from_directory
from lapis.utils.timeseries_dataset import timeseries_dataset_from_array as timeseries_dataset_from_array
from lapis.view.picture import model_to_dot as model_to_dot
from lapis.view.picture import plot_model as plot_model

custom_object_scope = CustomObjectScope
Sequence = PyDataset
