"""State: variables, the scopes that make them pure inside a compiled program, and seeds."""

from lapis.state.devices import device as device
from lapis.state.rows import get_real_rows as get_real_rows
from lapis.state.rows import real_batch_size as real_batch_size
from lapis.state.rows import real_rows as real_rows
from lapis.state.rows import real_size as real_size
from lapis.state.rows import row_mask as row_mask
from lapis.state.rows import zero_padding as zero_padding
from lapis.state.scopes import AllocationBudget as AllocationBudget
from lapis.state.scopes import AutocastScope as AutocastScope
from lapis.state.scopes import StatelessScope as StatelessScope
from lapis.state.scopes import SymbolicScope as SymbolicScope
from lapis.state.scopes import get_stateless_scope as get_stateless_scope
from lapis.state.scopes import in_stateless_scope as in_stateless_scope
from lapis.state.scopes import name_scope as name_scope
from lapis.state.seeds import SeedGenerator as SeedGenerator
from lapis.state.seeds import draw_seed as draw_seed
from lapis.state.seeds import global_seed_generator as global_seed_generator
from lapis.state.seeds import global_seed_state as global_seed_state
from lapis.state.seeds import host_random_state as host_random_state
from lapis.state.seeds import make_default_seed as make_default_seed
from lapis.state.seeds import reset_global_seed_generator as reset_global_seed_generator
from lapis.state.seeds import set_global_seed_state as set_global_seed_state
from lapis.state.seeds import set_host_random_state as set_host_random_state
from lapis.state.variable import Variable as Variable
from lapis.state.variable import require_x64 as require_x64
