"""Models and trainings to look at: tables, pictures, curves."""

from lapis.view.curve import plot_history as plot_history
from lapis.view.picture import Picture as Picture
from lapis.view.picture import layout as layout
from lapis.view.picture import model_to_dot as model_to_dot
from lapis.view.picture import plot_model as plot_model
from lapis.view.plan import plan_table as plan_table
from lapis.view.plan import plot_plan as plot_plan
from lapis.view.drawing import Drawing as Drawing
from lapis.view.summary import summary as summary
