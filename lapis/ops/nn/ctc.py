"""Connectionist temporal classification: sequences whose alignment with their labels is unknown.

Source: Graves and others, "Connectionist temporal classification", 2006.
"""

from typing import Any

import jax
import jax.numpy as jnp

from lapis.core.dtypes import result_type
from lapis.graph import op
from lapis.ops.arrays import Tensor

# The logarithm of zero, but far enough from infinity to add and subtract.
_NEVER = -1e5


@op
def ctc_loss(target: Any, output: Any, target_length: Any, output_length: Any, mask_index: int = 0) -> Tensor:
    """Minus the log-probability of the labels, summed over every way to stretch them over the steps: `(batch,)`.

    Args:
        target: class numbers, `(batch, labels)`, padded at the end.
        output: logits, `(batch, time, classes)`.
        target_length, output_length: how many labels and steps count, `(batch,)`.
        mask_index: the class that stands for "no label here".

    >>> ctc_loss([[1]], jnp.zeros((1, 1, 2)), [1], [1]).shape
    (1,)
    """
    target, output = jnp.asarray(target, "int32"), jnp.asarray(output)
    target_length, output_length = jnp.asarray(target_length, "int32"), jnp.asarray(output_length, "int32")
    output = output.astype(result_type(output.dtype, "float32"))
    labels, steps = target.shape[1], output.shape[1]
    log_p = jax.nn.log_softmax(output)
    # Blanks and labels in turn: blank, label 1, blank, ..., label n, blank.
    extended = jnp.stack([jnp.full_like(target, mask_index), target], axis=-1).reshape(target.shape[0], -1)
    extended = jnp.pad(extended, ((0, 0), (0, 1)), constant_values=mask_index)
    emit = jnp.take_along_axis(log_p, extended[:, None, :], axis=-1)
    # A label may follow the one before it without a blank between, unless both are the same.
    skips = jnp.pad(extended[:, 2:] != extended[:, :-2], ((0, 0), (2, 0))) & (jnp.arange(2 * labels + 1) % 2 == 1)
    start = jnp.full(extended.shape, _NEVER, output.dtype).at[:, 0].set(0.0)
    start = start.at[:, 1].set(0.0) if labels else start

    def shifted(alpha: Any, places: int) -> Any:
        return jnp.pad(alpha[:, :-places], ((0, 0), (places, 0)), constant_values=_NEVER)

    def step(alpha: Any, x: tuple) -> tuple[Any, None]:
        emitted, place = x
        one, two = shifted(alpha, 1), jnp.where(skips, shifted(alpha, 2), _NEVER)
        reached = jnp.logaddexp(jnp.logaddexp(alpha, one), two) if labels else alpha
        reached = jnp.where(place == 0, start, reached) + emitted
        return jnp.where((place < output_length)[:, None], reached, alpha), None

    alpha, _ = jax.lax.scan(step, start, (jnp.moveaxis(emit, 1, 0), jnp.arange(steps)))
    last = jnp.take_along_axis(alpha, (2 * target_length)[:, None], axis=1)[:, 0]
    before_last = jnp.take_along_axis(alpha, jnp.maximum(2 * target_length - 1, 0)[:, None], axis=1)[:, 0]
    return -jnp.where(target_length > 0, jnp.logaddexp(last, before_last), last)


@op
def ctc_decode(
    inputs: Any,
    sequence_lengths: Any,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int = 0,
) -> tuple[Tensor, Tensor]:
    """The likeliest labels of each sequence, and their scores.

    Args:
        inputs: logits, `(batch, time, classes)`.
        sequence_lengths: how many steps count, `(batch,)`.
        strategy: `"greedy"` takes the best class of each step, `"beam_search"` follows `beam_width` labellings.
        top_paths: how many labellings beam search gives.
        merge_repeated: whether repeated classes without a blank between are one label (greedy only).
        mask_index: the class that stands for "no label here".

    Returns:
        The labels `(paths, batch, time)`, -1 at the end of shorter ones, and the scores `(batch, paths)`: minus the
        sum of the logits for greedy, the log-probability for beam search.

    >>> labels, _ = ctc_decode([[[0.0, 9.0], [0.0, 9.0], [9.0, 0.0]]], [3])
    >>> labels.tolist()
    [[[1, -1, -1]]]
    """
    inputs, lengths = jnp.asarray(inputs), jnp.asarray(sequence_lengths, "int32")
    inputs = inputs.astype(result_type(inputs.dtype, "float32"))
    if strategy == "greedy":
        return _greedy(inputs, lengths, merge_repeated, mask_index)
    if strategy == "beam_search":
        search = jax.vmap(lambda x, n: _beam_search(jax.nn.log_softmax(x), n, beam_width, top_paths, mask_index))
        paths, scores = search(inputs, lengths)
        return jnp.swapaxes(paths, 0, 1), scores
    raise ValueError(f"ctc_decode got strategy={strategy!r}; expected 'greedy' or 'beam_search'.")


def _greedy(inputs: Any, lengths: Any, merge_repeated: bool, blank: int) -> tuple[Any, Any]:
    inside = jnp.arange(inputs.shape[1]) < lengths[:, None]
    best = jnp.where(inside, jnp.argmax(inputs, axis=-1), blank)
    score = -jnp.sum(jnp.where(inside, jnp.max(inputs, axis=-1), 0.0), axis=1, keepdims=True)
    kept = best != blank
    if merge_repeated:
        kept = kept & jnp.pad(best[:, 1:] != best[:, :-1], ((0, 0), (1, 0)), constant_values=True)
    order = jnp.argsort(~kept, axis=-1, stable=True)
    return jnp.take_along_axis(jnp.where(kept, best, -1), order, axis=-1)[None], score


def _beam_search(log_p: Any, length: Any, width: int, top: int, blank: int) -> tuple[Any, Any]:
    """Labellings `(top, time)` and their log-probabilities for one sequence `(time, classes)`.

    Each beam keeps the probability of its labelling ending in a blank and ending in its last label, since only the
    first can take the same label again (Graves 2012, "Sequence transduction with recurrent neural networks").
    """
    steps, classes = log_p.shape
    never = -jnp.inf
    paths = jnp.full((width, steps), -1, "int32")
    ends_blank = jnp.full(width, never, log_p.dtype).at[0].set(0.0)
    ends_label = jnp.full(width, never, log_p.dtype)
    sizes = jnp.zeros(width, "int32")

    def step(state: tuple, x: tuple) -> tuple[tuple, None]:
        log_now, place = x
        paths, sizes, ends_blank, ends_label = state
        total = jnp.logaddexp(ends_blank, ends_label)
        last = jnp.where(sizes > 0, paths[jnp.arange(width), jnp.maximum(sizes - 1, 0)], -1)
        # Stay: another blank, or the last label once more.
        stay_blank = total + log_now[blank]
        stay_label = ends_label + jnp.where(last >= 0, log_now[jnp.maximum(last, 0)], never)
        # Grow by each class: from both ends, but from a blank only where the class repeats the last label.
        labels = jnp.arange(classes)
        grown = jnp.where(labels == last[:, None], ends_blank[:, None], total[:, None]) + log_now
        grown = jnp.where(labels == blank, never, grown)
        longer = jnp.repeat(paths, classes, axis=0)
        longer = longer.at[jnp.arange(width * classes), jnp.repeat(sizes, classes)].set(jnp.tile(labels, width))
        every_path = jnp.concatenate([paths, longer])
        every_size = jnp.concatenate([sizes, jnp.repeat(sizes + 1, classes)])
        every_blank = jnp.concatenate([stay_blank, jnp.full(width * classes, never)])
        every_label = jnp.concatenate([stay_label, grown.ravel()])
        # A beam may grow into another one's labelling: equal ones are merged.
        count = len(every_size)
        _, which = jnp.unique(every_path, axis=0, return_inverse=True, size=count, fill_value=-2)
        which = which.ravel()
        first = jnp.full(count, count).at[which].min(jnp.arange(count))
        merged = [_add_logs(values, which, count) for values in (every_blank, every_label)]
        alive = first < count
        scores = jnp.where(alive, jnp.logaddexp(*merged), never)
        best = jax.lax.top_k(scores, width)[1]
        chosen = jnp.minimum(first[best], count - 1)
        dead = scores[best] == never
        new = (
            jnp.where(dead[:, None], -1, every_path[chosen]),
            jnp.where(dead, 0, every_size[chosen]),
            jnp.where(dead, never, merged[0][best]),
            jnp.where(dead, never, merged[1][best]),
        )
        old = (paths, sizes, ends_blank, ends_label)
        return jax.tree.map(lambda a, b: jnp.where(place < length, a, b), new, old), None

    state = (paths, sizes, ends_blank, ends_label)
    (paths, _, ends_blank, ends_label), _ = jax.lax.scan(step, state, (log_p, jnp.arange(steps)))
    scores, best = jax.lax.top_k(jnp.logaddexp(ends_blank, ends_label), top)
    return paths[best], scores


def _add_logs(values: Any, groups: Any, count: int) -> Any:
    """`log(sum(exp(values)))` of each group."""
    peak = jnp.full(count, -jnp.inf).at[groups].max(values)
    safe = jnp.where(jnp.isfinite(peak), peak, 0.0)
    return jnp.log(jnp.zeros(count).at[groups].add(jnp.exp(values - safe[groups]))) + safe
