"""A model as data: symbolic tensors, the calls recorded on them, shape inference, and plans."""

from lapis.graph.host import HostOutputs as HostOutputs
from lapis.graph.host import HostPart as HostPart
from lapis.graph.host import host_part as host_part
from lapis.graph.host import needs_host as needs_host
from lapis.graph.infer import infer as infer
from lapis.graph.infer import inferring as inferring
from lapis.graph.logits import get_logits as get_logits
from lapis.graph.logits import keeping_logits as keeping_logits
from lapis.graph.logits import remember_logits as remember_logits
from lapis.graph.logits import set_logits as set_logits
from lapis.graph.masks import get_mask as get_mask
from lapis.graph.masks import set_mask as set_mask
from lapis.graph.node import Node as Node
from lapis.graph.node import producer as producer
from lapis.graph.operation import FunctionOperation as FunctionOperation
from lapis.graph.operation import Operation as Operation
from lapis.graph.operation import infer_call as infer_call
from lapis.graph.operation import op as op
from lapis.graph.plan import InnerTensor as InnerTensor
from lapis.graph.plan import Plan as Plan
from lapis.graph.tensor import PLAIN as PLAIN
from lapis.graph.tensor import ArrayHolder as ArrayHolder
from lapis.graph.tensor import KerasHistory as KerasHistory
from lapis.graph.tensor import KerasTensor as KerasTensor
from lapis.graph.tensor import any_symbolic as any_symbolic
from lapis.graph.tensor import is_symbolic as is_symbolic
