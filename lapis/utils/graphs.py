"""Questions about symbolic tensors."""

from typing import Any

from lapis.graph import KerasTensor, producer


def is_keras_tensor(x: Any) -> bool:
    """Whether a value is a symbolic tensor.

    >>> import lapis
    >>> is_keras_tensor(lapis.Input((2,))), is_keras_tensor([1, 2])
    (True, False)
    """
    return isinstance(x, KerasTensor)


def get_source_inputs(tensor: Any) -> Any:
    """The inputs that a symbolic tensor depends on, each once, in the order in which they are met.

    >>> import lapis
    >>> a, b = lapis.Input((2,)), lapis.Input((2,))
    >>> [x is y for x, y in zip(get_source_inputs(lapis.ops.add(a, b)), (a, b))]
    [True, True]
    """
    if not isinstance(tensor, KerasTensor):
        return tensor
    found: dict[int, KerasTensor] = {}
    seen: set[int] = set()
    stack = [tensor]
    while stack:
        x = stack.pop()
        node = producer(x)
        if node is None or node.is_input:
            for source in [x] if node is None else node.output_tensors:
                found.setdefault(id(source), source)
        elif id(node) not in seen:
            seen.add(id(node))
            stack.extend(reversed(node.input_tensors))
    return list(found.values())
