"""Looking into a model by path, changing its graph, and writing it as code."""

from lapis.surgery.editor import Editor as Editor
from lapis.surgery.editor import edit as edit
from lapis.surgery.finding import features as features
from lapis.surgery.finding import find as find
from lapis.surgery.report import EditReport as EditReport
