"""What calls inside of a model give, and the gradients of a number with respect to it."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lapis.core import nest
from lapis.graph import Place, get_mask, set_mask
from lapis.graph.node import producer
from lapis.graph.watching import watching

Values = dict[str, list[Any]]  # by path: what a call gives, flat


class _Probe:
    """Keeps what the calls at places give, and adds to it what has been given for them.

    A call is known by the calls of nested models that it lies in, and by its node.
    """

    def __init__(self, places: Sequence[Place], added: Values) -> None:
        self._paths = {tuple(id(node) for node in (*place.through, place.node)): place.path for place in places}
        self._tensors = {place.path: nest.flatten(place.node.outputs) for place in places if place.node is not None}
        self._added = added
        self._open: list[int] = []
        self.seen: Values = {}

    def begin(self, tensors: list[Any], values: list[Any]) -> list[Any]:
        return [self._at(producer(x), [x], [value])[0] for x, value in zip(tensors, values)]

    def enter(self, node: Any) -> None:
        self._open.append(id(node))

    def leave(self, node: Any, tensors: list[Any], values: list[Any]) -> list[Any]:
        self._open.pop()
        return self._at(node, tensors, values)

    def _at(self, node: Any, tensors: list[Any], values: list[Any]) -> list[Any]:
        path = self._paths.get((*self._open, id(node)))
        if path is None:
            return values
        wanted = self._tensors[path]
        seen = self.seen.setdefault(path, [None] * len(wanted))
        out = list(values)
        for place, (x, value) in enumerate(zip(tensors, values)):
            number = next((i for i, tensor in enumerate(wanted) if tensor is x), None)
            if number is None or value is None:
                continue
            seen[number] = value
            if path in self._added and self._added[path][number] is not None:
                out[place] = value + self._added[path][number].astype(value.dtype)
                set_mask(out[place], get_mask(value))
        return out


def probe(
    model: Any,
    places: Sequence[Place],
    x: Any,
    y: Any,
    sample_weight: Any,
    training: bool,
    of: Callable[..., Any] | None,
) -> tuple[Values, Values | None, float | None]:
    """Activations by path, the gradients with respect to them, and the number that was differentiated.

    That is `of(outputs)`, or the compiled loss where `y` is given; without either, the last two are `None`. The
    gradient with respect to an activation is that with respect to a zero added to it.
    """
    if getattr(model, "_host_part", None) is not None:
        x = model.host_outputs(x)
    state = tuple([v.value for v in group] for group in (model.trainable_variables, model.non_trainable_variables))
    metrics = [v.value for v in model.metrics_variables] if of is None and y is not None else []

    def run(added: Values, state: tuple, metrics: list[Any], x: Any, y: Any, sample_weight: Any) -> tuple[Any, Values]:
        watcher = _Probe(places, added)
        with watching(watcher):
            if of is None and y is not None:
                _, aux = model.compute_loss_and_updates(*state, metrics, x, y, sample_weight, training=training)
                value = aux[0]
            else:
                outputs, _ = model.stateless_call(*state, x, training=training)
                value = jnp.zeros(()) if of is None else jnp.asarray(of(outputs))
        if value.ndim or not jnp.issubdtype(value.dtype, jnp.floating):
            raise ValueError(
                "Gradients are those of one number of floating-point type; the function gave an array of shape "
                f"{value.shape} and type {value.dtype}. Take a sum or a mean of it."
            )
        return value, watcher.seen

    data = state, metrics, x, y, sample_weight
    _, shapes = jax.eval_shape(lambda *args: run({}, *args), *data)
    unseen = [place.path for place in places if place.path not in shapes]
    if unseen:
        raise ValueError(
            f"{unseen} run on the host, before what is compiled, or not at all in a call of the model. Look at what "
            "comes after them."
        )
    if of is None and y is None:
        _, seen = jax.jit(lambda *args: run({}, *args))(*data)
        return _as_numpy(seen), None, None
    zeros = {path: [_zeros(x) for x in found] for path, found in shapes.items()}
    (value, seen), gradients = jax.jit(jax.value_and_grad(run, has_aux=True))(zeros, *data)
    return _as_numpy(seen), _as_numpy(gradients), float(value)


def _zeros(x: Any) -> Any:
    """What is added to an activation to find its gradient; nothing to whole numbers, which have none."""
    return None if x is None or not jnp.issubdtype(x.dtype, jnp.floating) else jnp.zeros(x.shape, x.dtype)


def _as_numpy(values: Values) -> Values:
    return {path: [None if x is None else np.asarray(x) for x in found] for path, found in values.items()}
