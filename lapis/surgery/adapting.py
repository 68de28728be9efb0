"""Which layers train: frozen by path, or adapted with low-rank matrices."""

from collections.abc import Callable
from typing import Any

from lapis.core.changes import changed
from lapis.graph import Place, no_place, places
from lapis.layers import Layer
from lapis.layers.core.lora import LowRankAdapted
from lapis.surgery.editor import Editor
from lapis.surgery.finding import find


def freeze(model: Any, pattern: str | type | Callable[..., Any]) -> list[str]:
    """Keep layers from being trained, in the model itself; compile it afterwards if it was compiled.

    Args:
        model: the model.
        pattern: which layers, as for `find`: a path or pattern of paths, a class, or a condition.

    Returns:
        The paths of the layers.

    Raises:
        ValueError: where no layer is meant.

    >>> import lapis
    >>> model = lapis.Sequential([lapis.Input((4,)), lapis.layers.Dense(3, name="a"), lapis.layers.Dense(2, name="b")])
    >>> freeze(model, "a"), len(model.trainable_weights)
    (['a'], 2)
    """
    found = _layers(model, pattern)
    for place in found:
        place.layer.trainable = False
    return [place.path for place in found]


def unfreeze(model: Any, pattern: str | type | Callable[..., Any]) -> list[str]:
    """Let layers be trained, in the model itself: the undoing of `freeze`, with the same arguments.

    Layers around them, if frozen, are made to train too, but not what else these hold.
    """
    found = _layers(model, pattern)
    _open_the_way(model, found)
    for place in found:
        place.layer.trainable = True
    return [place.path for place in found]


def add_lora(
    model: Any,
    pattern: str | type | Callable[..., Any],
    rank: int = 4,
    alpha: float | None = None,
    freeze_others: bool = True,
) -> Any:
    """A model whose layers train two thin matrices in place of a large weight, `w + alpha / rank * a @ b`.

    From [Hu et al., 2021](https://arxiv.org/abs/2106.09685). `b` begins as zeros, so that predictions are unchanged.

    Args:
        model: a built model that is a graph; it stays as it is.
        pattern: which layers, as for `find`; those among them that cannot be adapted are passed over.
        rank: the thin size of the matrices.
        alpha: the scale; `rank` when not given, so that the scale is 1.
        freeze_others: whether nothing else is trained.

    Returns:
        A new model, not compiled.

    Raises:
        ValueError: where no layer that can be adapted is meant.

    >>> import lapis
    >>> model = lapis.Sequential([lapis.Input((64,)), lapis.layers.Dense(32, name="a"), lapis.layers.Dense(2)])
    >>> adapted = add_lora(model, "a", rank=2)
    >>> [weight.path for weight in adapted.trainable_weights]
    ['a/lora_kernel_a', 'a/lora_kernel_b']
    """
    new = Editor(model).build()
    meant = _layers(new, pattern)
    found = [p for p in meant if isinstance(p.layer, LowRankAdapted) and not p.layer.lora_enabled]
    if not found:
        kinds = sorted({place.layer.type_name for place in meant})
        raise ValueError(
            f"No layer at {pattern!r} can be adapted: there are {', '.join(kinds)}. Dense, EinsumDense, Embedding and "
            "convolutional layers without LoRA can."
        )
    if freeze_others:
        new.trainable = False
        _open_the_way(new, found)
    for place in found:
        if freeze_others:
            place.layer.__dict__["_trainable"] = True
        place.layer.enable_lora(rank, lora_alpha=alpha)
    changed()
    return new


def _layers(model: Any, pattern: Any) -> list[Place]:
    """The layers that are meant, each once."""
    found = {id(p.layer): p for p in reversed(find(model, pattern)) if isinstance(p.layer, Layer)}
    if not found:
        if isinstance(pattern, str):
            raise ValueError(no_place(pattern, [place.path for place in places(model)]))
        raise ValueError(f"The model {model.name!r} has no layer that fits {pattern!r}.")
    return list(reversed(found.values()))


def _open_the_way(model: Any, found: list[Place]) -> None:
    """Let the model, and layers around those found, train, without letting all that they hold."""
    model.__dict__["_trainable"] = True
    for place in places(model):
        if any(inside.path.startswith(f"{place.path}/") for inside in found) and isinstance(place.layer, Layer):
            place.layer.__dict__["_trainable"] = True
    changed()
