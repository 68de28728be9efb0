"""Plans: what a step of a model will compute, move and hold, worked out without running it."""

from lapis.training.planning.memory import Memory as Memory
from lapis.training.planning.memory import compile_step as compile_step
from lapis.training.planning.report import LayerPlan as LayerPlan
from lapis.training.planning.report import layer_plans as layer_plans
from lapis.training.planning.report import total_of as total_of
from lapis.training.planning.solving import largest_batch as largest_batch
from lapis.training.planning.solving import parse_memory as parse_memory
from lapis.training.planning.tracing import trace_step as trace_step
