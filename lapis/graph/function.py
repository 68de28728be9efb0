"""A graph of operations as one operation."""

from typing import Any

from lapis.core import nest
from lapis.graph.infer import infer
from lapis.graph.operation import Operation
from lapis.graph.plan import Plan
from lapis.graph.tensor import KerasTensor


class Function(Operation):
    """What leads from symbolic inputs to symbolic outputs, to be computed again from other inputs.

    Like a functional model, but without layers' state of its own, training or saving.

    Args:
        inputs: symbolic tensors in any nesting.
        outputs: symbolic tensors made from them, in any nesting.
        name: a name.

    >>> import lapis
    >>> a, b = lapis.KerasTensor((None, 2)), lapis.KerasTensor((None, 2))
    >>> add = Function([a, b], lapis.ops.relu(a + b))
    >>> add([lapis.ops.ones((1, 2)), lapis.ops.ones((1, 2))]).tolist()
    [[2.0, 2.0]]
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None) -> None:
        super().__init__(name)
        for what, structure in (("inputs", inputs), ("outputs", outputs)):
            leaves = nest.flatten(structure)
            if not leaves or not all(isinstance(x, KerasTensor) for x in leaves):
                raise ValueError(
                    f"A Function's `{what}` must be symbolic tensors, at least one; got {structure!r:.100}."
                )
        self._plan = Plan(nest.flatten(inputs), nest.flatten(outputs))
        self._inputs_structure = nest.map_structure(lambda x: x, inputs)
        self._outputs_structure = nest.pack_sequence_as(outputs, self._plan.outputs)

    @property
    def operations(self) -> list[Any]:
        """The layers and operations inside, deepest from the outputs first."""
        return list(self._plan.operations)

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic inputs, flat."""
        return self._plan.inputs

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic outputs, flat."""
        return self._plan.outputs

    def call(self, inputs: Any) -> Any:
        """The outputs for arrays in the structure of the symbolic inputs."""
        self._check(inputs)
        return nest.pack_sequence_as(self._outputs_structure, self._plan.run(nest.flatten(inputs)))

    def compute_output_spec(self, inputs: Any) -> Any:
        """Symbolic outputs, without history, for inputs of other shapes."""
        self._check(inputs)
        outputs = infer(lambda *arrays: self._plan.run(list(arrays)), nest.flatten(inputs))
        return nest.pack_sequence_as(self._outputs_structure, outputs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The outputs' shapes for inputs of a shape, or of a nest of shapes."""
        shapes: list[Any] = []
        nest.map_shape_structure(shapes.append, input_shape)
        if len(shapes) != len(self.inputs):
            raise ValueError(f"The function {self.name!r} has {len(self.inputs)} inputs; got {len(shapes)} shapes.")
        specs = [KerasTensor(shape, x.dtype) for shape, x in zip(shapes, self.inputs)]
        outputs = self.compute_output_spec(nest.pack_sequence_as(self._inputs_structure, specs))
        return nest.map_structure(lambda x: x.shape, outputs)

    def _check(self, inputs: Any) -> None:
        try:
            nest.assert_same_structure(inputs, self._inputs_structure)
        except ValueError as error:
            raise ValueError(
                f"The function {self.name!r} got inputs in another structure than its own. {error}"
            ) from None
        for x, wanted in zip(nest.flatten(inputs), self.inputs):
            same = zip(x.shape, wanted.shape)
            if len(x.shape) != len(wanted.shape) or any(None not in pair and pair[0] != pair[1] for pair in same):
                raise ValueError(
                    f"The function {self.name!r} expects the shape {wanted.shape} for its input {wanted.name!r}; got "
                    f"{tuple(x.shape)}."
                )
