"""Numbers from inside of a model: activations and gradients by path."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from lapis.core import nest
from lapis.graph import Place
from lapis.surgery.finding import chosen, require_graph
from lapis.training.probing import probe


class Inspection(NamedTuple):
    """What was found inside of a model.

    Attributes:
        activations: by path, what the call gave, as NumPy arrays in its structure.
        gradients: by path, the gradients with respect to it, `None` in place of those of whole numbers; `None` if
            nothing was differentiated.
        value: the loss, or what the given function gave; `None` if neither.
    """

    activations: dict[str, Any]
    gradients: dict[str, Any] | None
    value: float | None


def inspect(
    model: Any,
    x: Any,
    paths: str | Sequence[str],
    y: Any = None,
    sample_weight: Any = None,
    of: Callable[..., Any] | None = None,
    training: bool = False,
) -> Inspection:
    """Activations, and gradients with respect to them, at any depth of nesting; the model stays as it is.

    Args:
        model: a built model that is a graph.
        x: a batch of inputs.
        paths: paths and patterns of paths, as in `find`.
        y: targets, for gradients of the compiled loss.
        sample_weight: weights of the samples in the loss.
        of: a function of the model's outputs that gives one number, for gradients of that.
        training: whether the model runs as in training, with dropout and the statistics of the batch.

    Raises:
        ValueError: for a path that leads nowhere; for `y` without a compiled loss, or together with `of`.

    >>> import lapis, numpy as np
    >>> i = lapis.Input((2,))
    >>> model = lapis.Model(i, lapis.layers.Dense(1, kernel_initializer="ones", name="out")(i * i))
    >>> found = inspect(model, np.array([[1.0, 3.0]]), ["multiply", "out"], of=lambda y: lapis.ops.sum(y * y))
    >>> found.activations["multiply"].tolist(), found.gradients["multiply"].tolist(), found.value
    ([[1.0, 9.0]], [[20.0, 20.0]], 100.0)
    """
    require_graph(model, "inspect")
    if y is not None and of is not None:
        raise ValueError("`inspect` takes gradients either of the loss, with `y=`, or of a function, with `of=`.")
    if y is not None and not model.compiled:
        raise ValueError(
            f"{model.name!r} is not compiled, so there is no loss for `y`; compile it, or give a function as `of=`."
        )
    found = chosen(model, paths)
    activations, gradients, value = probe(model, found, x, y, sample_weight, training, of)
    by_path = {place.path: place for place in found}
    return Inspection(
        {path: _packed(by_path[path], values) for path, values in activations.items()},
        None if gradients is None else {path: _packed(by_path[path], values) for path, values in gradients.items()},
        value,
    )


def _packed(place: Place, values: list[Any]) -> Any:
    assert place.node is not None
    return nest.pack_sequence_as(place.node.outputs, values)
