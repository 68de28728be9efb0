"""Looking into a model by path, changing its graph, and writing it as code."""

from lapis.surgery.editor import Editor as Editor
from lapis.surgery.editor import edit as edit
from lapis.surgery.finding import features as features
from lapis.surgery.finding import find as find
from lapis.surgery.finding import inside as inside
from lapis.surgery.report import EditReport as EditReport
from lapis.surgery.activating import replace_activations as replace_activations
from lapis.surgery.adapting import add_lora as add_lora
from lapis.surgery.adapting import freeze as freeze
from lapis.surgery.adapting import unfreeze as unfreeze
from lapis.surgery.folding import fold_batch_normalization as fold_batch_normalization
from lapis.surgery.code import to_code as to_code
from lapis.surgery.hashing import graph_hash as graph_hash
from lapis.surgery.inspecting import Inspection as Inspection
from lapis.surgery.inspecting import inspect as inspect
