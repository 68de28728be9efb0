"""Models: from a graph, as a stack, or by subclassing."""

from lapis.models.cloning import clone_model as clone_model
from lapis.models.functional import Functional as Functional
from lapis.models.model import Model as Model
from lapis.models.model import model_from_json as model_from_json
from lapis.models.sequential import Sequential as Sequential
from lapis.saving import load_model as load_model
from lapis.saving import save_model as save_model
