"""Process-wide settings, Keras's `keras.config`."""

from lapis.core.config import backend as backend
from lapis.core.config import disable_flash_attention as disable_flash_attention
from lapis.core.config import enable_flash_attention as enable_flash_attention
from lapis.core.config import enable_unsafe_deserialization as enable_unsafe_deserialization
from lapis.core.config import epsilon as epsilon
from lapis.core.config import floatx as floatx
from lapis.core.config import image_data_format as image_data_format
from lapis.core.config import is_flash_attention_enabled as is_flash_attention_enabled
from lapis.core.config import is_nnx_enabled as is_nnx_enabled
from lapis.core.config import max_epochs as max_epochs
from lapis.core.config import max_steps_per_epoch as max_steps_per_epoch
from lapis.core.config import set_backend as set_backend
from lapis.core.config import set_epsilon as set_epsilon
from lapis.core.config import set_floatx as set_floatx
from lapis.core.config import set_image_data_format as set_image_data_format
from lapis.core.config import set_max_epochs as set_max_epochs
from lapis.core.config import set_max_steps_per_epoch as set_max_steps_per_epoch
from lapis.core.dtype_policies import set_dtype_policy as set_dtype_policy
from lapis.core.dtype_policy import dtype_policy as dtype_policy
from lapis.core.logging import disable_interactive_logging as disable_interactive_logging
from lapis.core.logging import enable_interactive_logging as enable_interactive_logging
from lapis.core.logging import is_interactive_logging_enabled as is_interactive_logging_enabled
from lapis.core.tracebacks import disable_traceback_filtering as disable_traceback_filtering
from lapis.core.tracebacks import enable_traceback_filtering as enable_traceback_filtering
from lapis.core.tracebacks import is_traceback_filtering_enabled as is_traceback_filtering_enabled
from lapis.training.disk_cache import set_compilation_cache as set_compilation_cache
