"""What is said about names of `tf` that are not here."""

import difflib
from collections.abc import Iterable

import lapis.ops as ops

_REASONS = {
    "GradientTape": "records operations while they run, which Lapis does not: override `train_step` of a Model, or "
    "differentiate a function with `jax.grad`.",
    "Session": "belongs to TensorFlow 1; operations run when they are called.",
    "autograph": "rewrites Python code, which Lapis does not; use lapis.ops.cond and lapis.ops.while_loop.",
    "compat": "holds TensorFlow's older versions.",
    "config": "sets up TensorFlow's devices; use jax.devices() and jax.config.",
    "data": "is TensorFlow's input pipeline; give `fit` arrays, a generator, or a lapis.utils.PyDataset.",
    "device": "chooses one of TensorFlow's devices; use jax.default_device.",
    "distribute": "is TensorFlow's distribution; use JAX's devices.",
    "estimator": "was dropped by TensorFlow itself.",
    "io": "reads and writes TensorFlow's formats; use NumPy or pathlib.",
    "placeholder": "belongs to TensorFlow 1; use lapis.Input.",
    "py_function": "runs Python within TensorFlow's graph; write a Layer.",
    "ragged": "holds tensors with rows of several lengths; pad them with lapis.utils.pad_sequences.",
    "RaggedTensor": "has rows of several lengths; pad them with lapis.utils.pad_sequences.",
    "saved_model": "is TensorFlow's own format; use model.save.",
    "sparse": "holds sparse tensors, which Lapis does not have.",
    "SparseTensor": "is a sparse tensor, which Lapis does not have.",
    "strings": "works on strings, which JAX does not have.",
    "summary": "writes TensorBoard's files.",
    "train": "holds TensorFlow's checkpoints; use model.save_weights and lapis.optimizers.",
}


def refusal(namespace: str, name: str, known: Iterable[str]) -> AttributeError:
    """The error for a name that is not here: what it is, or what could be meant."""
    full = f"{namespace}.{name}"
    if name in _REASONS and namespace == "tf":
        return AttributeError(f"{full} is not part of Lapis: it {_REASONS[name]}")
    text = f"{full} is not among the names of TensorFlow that Lapis stands in for."
    if callable(getattr(ops, name, None)):
        return AttributeError(f"{text} lapis.ops.{name} does the same or something close.")
    close = difflib.get_close_matches(name, [k for k in known if not k.startswith("_")], n=3)
    hint = f" Did you mean {', '.join(f'{namespace}.{c}' for c in close)}?" if close else ""
    return AttributeError(f"{text} Look for the function in lapis.ops.{hint}")
