"""Saving and loading."""

from lapis.core.serialization import CustomObjectScope as CustomObjectScope
from lapis.core.serialization import custom_object_scope as custom_object_scope
from lapis.core.serialization import deserialize_keras_object as deserialize_keras_object
from lapis.core.serialization import get_custom_objects as get_custom_objects
from lapis.core.serialization import get_registered_name as get_registered_name
from lapis.core.serialization import get_registered_object as get_registered_object
from lapis.core.serialization import register_keras_serializable as register_keras_serializable
from lapis.core.serialization import serialize_keras_object as serialize_keras_object
from lapis.saving.api import load_model as load_model
from lapis.saving.api import load_weights as load_weights
from lapis.saving.api import pack as pack
from lapis.saving.api import save_model as save_model
from lapis.saving.api import save_weights as save_weights
from lapis.saving.api import unpack as unpack
from lapis.saving.file_editor import KerasFileEditor as KerasFileEditor
from lapis.saving.inspection import inspect as inspect
from lapis.saving.limits import Limits as Limits
from lapis.saving.report import LoadReport as LoadReport
