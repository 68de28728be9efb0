"""Calls of a layer that change nothing: for shapes alone, or with the state as argument and result."""

from typing import Any

from lapis.core import nest
from lapis.layers.calling import signature_of
from lapis.layers.converting import spec_of_shape
from lapis.state import StatelessScope


class PureCalls:
    """Gives a layer `compute_output_shape` and `stateless_call`."""

    call: Any
    compute_dtype: str
    compute_output_spec: Any
    losses: list[Any]
    path: str
    built: bool
    trainable_variables: list[Any]
    non_trainable_variables: list[Any]
    _built: bool
    _overrides_build: bool
    from_config: Any
    get_config: Any

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """The shape that comes out for inputs of a shape (or of a nest of shapes), `None` for unknown sizes."""
        names = signature_of(type(self).call).names
        tensors = [spec_of_shape(shape, self.compute_dtype) for shape in args]
        named = {key.removesuffix("_shape"): spec_of_shape(shape, self.compute_dtype) for key, shape in kwargs.items()}
        if len(args) == 0 and len(named) == 1 and "input" in named and names:
            named = {names[0]: named["input"]}
        outputs = self._spec_without_record(tensors, named)
        return nest.map_structure(lambda x: None if x is None else x.shape, outputs)

    def _spec_without_record(self, args: list, kwargs: dict) -> Any:
        layer: Any = self
        if not self._built and self._overrides_build:  # asking for a shape makes no weights: a twin makes them
            layer = type(self).from_config(self.get_config())
            signature = signature_of(type(self).call)
            bound = signature.bind(tuple(args), kwargs, layer)
            layer._build_for(bound, bound, signature, next(iter(bound.values())))
        with StatelessScope():
            return layer.compute_output_spec(*args, **kwargs)

    def stateless_call(
        self,
        trainable_variables: Any,
        non_trainable_variables: Any,
        *args: Any,
        return_losses: bool = False,
        **kwargs: Any,
    ) -> tuple:
        """Call the layer with the given values of its variables; nothing in it changes.

        Returns:
            `(outputs, non_trainable_variables)`, the second with new values, and the losses as a third with
            `return_losses`.
        """
        if not self.built:
            raise ValueError(f"stateless_call needs a built layer; call {self.path!r} on data or `build` it first.")
        mapping = []
        for kind, mine, given in (
            ("trainable", self.trainable_variables, trainable_variables),
            ("non-trainable", self.non_trainable_variables, non_trainable_variables),
        ):
            given = list(given)
            if len(given) != len(mine):
                raise ValueError(
                    f"The layer {self.path!r} has {len(mine)} {kind} variables, but stateless_call got {len(given)}."
                )
            mapping += zip(mine, given)
        losses = None
        with StatelessScope(mapping, collect_losses=return_losses) as scope:
            outputs = self(*args, **kwargs)  # pyright: ignore[reportCallIssue]
            if return_losses:
                losses = self.losses
        new = [scope.get_current_value(v) for v in self.non_trainable_variables]
        return (outputs, new, losses) if return_losses else (outputs, new)
