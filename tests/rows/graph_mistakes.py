"""Mistakes in graphs and settings, each with its code and the layer that it is about."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import lapis
from lapis import callbacks, layers, ops
from lapis.training.checks import Subject, findings


class Mistake(NamedTuple):
    """`make()` gives what is checked; the finding has the code, and the path of the layer (`None` for about none)."""

    label: str
    code: str
    path: str | None
    make: Callable[[], Subject]


def ids(length: int = 6, **options: Any) -> Any:
    return lapis.Input((length,), dtype="int32", name="ids", **options)


def embedded(length: int = 6) -> tuple[Any, Any]:
    x = ids(length)
    return x, layers.Embedding(10, 8, mask_zero=True, name="embed")(x)


def about(inputs: Any, outputs: Any, method: str = "fit", loss: Any = "mse", **settings: Any) -> Subject:
    model = lapis.Model(inputs, outputs)
    return of(model, method, loss, **settings)


def of(model: Any, method: str = "fit", loss: Any = "mse", **settings: Any) -> Subject:
    compiling = {name: settings.pop(name) for name in ("metrics", "optimizer") if name in settings}
    model.compile(**{"optimizer": "sgd", "loss": loss, **compiling})
    return Subject(model, method, **settings)


def regression(**settings: Any) -> Subject:
    x = lapis.Input((4,), name="x")
    return about(x, layers.Dense(1, name="head")(x), **settings)


def data(samples: int, *shape: int) -> dict[str, Any]:
    """Arrays for `fit`, and their first batch."""
    size = min(samples, shape[0])
    whole = np.ones((samples, *shape[1:]), "float32"), np.ones((samples, 1), "float32"), None
    return {"whole": whole, "given": whole, "batch": (whole[0][:size], whole[1][:size], None)}


# Masks


def lost_in_transpose() -> Subject:
    i, x = embedded()
    x = ops.transpose(ops.transpose(x, (0, 2, 1)), (0, 2, 1))
    return about(i, layers.LSTM(3, name="lstm")(x), "check")


def lost_in_reshape() -> Subject:
    i, x = embedded()
    return about(i, layers.GlobalAveragePooling1D()(ops.reshape(x, (-1, 6, 8))), "check")


def lost_in_layer() -> Subject:
    i, x = embedded()
    return about(i, layers.GRU(3)(layers.Conv1D(4, 3, padding="same", name="conv")(x)), "check")


def lost_before_attention() -> Subject:
    i, x = embedded()
    memory = layers.Reshape((6, 8), name="reshape")(x)
    return about(i, layers.MultiHeadAttention(2, 4)(x, memory), "check")


def lost_before_the_loss() -> Subject:
    i, x = embedded()
    return about(i, layers.Dense(1)(ops.roll(x, 1, axis=1)))


# Callbacks


def watching(callback: Any, **settings: Any) -> Subject:
    return regression(callbacks=[callback], **{"validates": False, "metrics": ["mae"], **settings})


# Batches


def fixed_batch(stateful: bool = False, samples: int = 32, size: int = 32, **settings: Any) -> Subject:
    x = lapis.Input((3, 2), batch_size=8, name="x")
    h = layers.LSTM(2, stateful=stateful, name="lstm")(x)
    return about(x, layers.Dense(1)(h), **data(samples, size, 3, 2), batch_size=size, **settings)


# Batch normalization


def normalized(base: Any = None, **call: Any) -> Subject:
    x = lapis.Input((4, 4, 3))
    h = layers.Conv2D(2, 3, name="conv")(x) if base is None else base(x, **call)
    h = layers.BatchNormalization(name="bn")(h, **(call if base is None else {}))
    return about(x, layers.Dense(1)(layers.Flatten()(h)))


def base(trainable: bool) -> Any:
    x = lapis.Input((4, 4, 3))
    h = layers.Dropout(0.5)(layers.BatchNormalization()(layers.Conv2D(2, 3)(x)))
    model = lapis.Model(x, h, name="base")
    model.trainable = trainable
    return model


def fresh_frozen_normalization() -> Subject:
    subject = normalized()
    subject.model.get_layer("bn").trainable = False
    return subject


def frozen_between_fits() -> Subject:
    x = lapis.Input((4,))
    h = layers.BatchNormalization(center=False, scale=False, name="bn")(x)
    subject = about(x, layers.Dense(1)(h))
    subject.model.make_train_function()
    assert findings(subject) == []
    subject.model.get_layer("bn").trainable = False
    return subject


def one_sample_a_batch() -> Subject:
    x = lapis.Input((4,))
    h = layers.BatchNormalization(name="bn")(layers.Dense(3)(x))
    return about(x, layers.Dense(1)(h), **data(9, 1, 4), batch_size=1)


def all_frozen() -> Subject:
    subject = regression()
    subject.model.get_layer("head").trainable = False
    return subject


def frozen_above() -> Subject:
    x = lapis.Input((4,))
    model = lapis.Model(x, layers.Dense(1)(layers.Dense(3)(x)), name="frozen")
    model.trainable = False
    model.layers[-1].trainable = True
    return of(model)


# Types


def embedding_of(count: int, dtype: str) -> Subject:
    x = lapis.Input((3,), dtype=dtype)
    return about(x, layers.Dense(1)(layers.Flatten()(layers.Embedding(count, 1, "zeros", name="embed")(x))))


def ids_cast_to_half() -> Subject:
    x = ids()
    h = layers.Embedding(5000, 2, name="embed")(ops.cast(x, "float16"))
    return about(x, layers.Dense(1)(layers.Flatten()(h)))


def large_numbers(dtype: str = "float32") -> Subject:
    x = lapis.Input((1,), dtype=dtype, name="time")
    h = layers.Dense(1)(layers.Rescaling(1e-9)(x))
    times = np.array([[1700000001], [1700000002]])
    return about(x, h, given=(times, np.ones((2, 1)), None))


def float64_into_float32() -> Subject:
    x = lapis.Input((4,), dtype="float64")
    return about(x, layers.Dense(1, name="head")(x))


def mixed(name: str, head: str | None, **options: Any) -> Subject:
    x = lapis.Input((4,))
    lapis.config.set_dtype_policy(options.pop("policy", "mixed_float16"))
    try:
        h = layers.Dense(3, name="hidden", dtype=options.get("hidden"))(x)
        return about(x, layers.Dense(2, "softmax", dtype=head, name=name)(h))
    finally:
        lapis.config.set_dtype_policy("float32")


# Layers that do nothing


class Holding(lapis.Model):
    """A model that calls the first of its layers, and the second if it is told to."""

    def __init__(self, calls_both: bool) -> None:
        super().__init__(name="holding")
        self.calls_both = calls_both
        self.first = layers.Dense(1, name="first")
        self.second = layers.Dense(1, name="second")

    def call(self, x: Any) -> Any:
        return self.second(self.first(x)) if self.calls_both else self.first(x)


def holding(calls_both: bool) -> Subject:
    model = Holding(calls_both)
    model(np.ones((2, 4), "float32"))
    return of(model)


def dead_branch() -> Subject:
    x = lapis.Input((4,))
    h = layers.Dense(3)(x)
    layers.Dense(7, name="dead")(h)
    return about(x, layers.Dense(1)(h))


def unused_input() -> Subject:
    x, y = lapis.Input((4,), name="x"), lapis.Input((4,), name="unused")
    return about([x, y], layers.Dense(1)(x))


# Sharing


def repeated(between: Any = None) -> Subject:
    x = lapis.Input((4,))
    dense = layers.Dense(4, "relu", name="again")
    h = dense(x)
    h = dense(h if between is None else between(h))
    return about(x, layers.Dense(1)(h))


class InList(lapis.Model):
    """Three blocks, which are one."""

    def __init__(self, blocks: list) -> None:
        super().__init__(name="in_list")
        self.blocks = blocks

    def call(self, x: Any) -> Any:
        for block in self.blocks:
            x = block(x)
        return x


def in_list(blocks: list) -> Subject:
    model = InList(blocks)
    model(np.ones((2, 4), "float32"))
    return of(model)


def stacked(cells: list) -> Subject:
    x = lapis.Input((3, 4))
    return about(x, layers.RNN(cells)(x))


def initialized(first: Any, second: Any) -> Subject:
    x = lapis.Input((4,))
    h = layers.Dense(4, kernel_initializer=first, name="one")(x)
    h = layers.Dense(4, kernel_initializer=second, name="two")(h)
    return about(x, layers.Dense(1)(h))


# Gradients


def blocked(operation: Callable[[Any], Any]) -> Subject:
    x = lapis.Input((4,))
    h = layers.Dense(3, name="blocked")(x)
    other = layers.Dense(3)(x)
    return about(x, layers.Dense(1)(layers.Concatenate()([operation(h), other])))


def inside_nested() -> Subject:
    inner = lapis.Input((4,))
    h = layers.Dense(3, name="deep")(inner)
    nested = lapis.Model(inner, [layers.Dense(3)(inner), ops.stop_gradient(h)], name="nested")
    x = lapis.Input((4,))
    return about(x, layers.Dense(1)(layers.Add()(nested(x))))


class Stopping(layers.Layer):
    """A layer whose weight has no gradient."""

    def build(self, input_shape: Any) -> None:
        self.factor = self.add_weight(shape=(input_shape[-1],), name="factor")

    def call(self, x: Any) -> Any:
        return x * ops.stop_gradient(self.factor)


def stopping_inside() -> Subject:
    x = lapis.Input((4,))
    return about(x, layers.Dense(1)(Stopping(name="stopping")(x)), "check", **data(4, 4, 4))


def built_but_not_called() -> Subject:
    model = Holding(calls_both=True)
    model(np.ones((2, 4), "float32"))
    model.calls_both = False
    return of(model, "check", **data(4, 4, 4))


def embedding_of_floats() -> Subject:
    x = lapis.Input((4,))
    h = layers.Embedding(10, 3)(layers.Dense(4, "relu", name="before")(x))
    return about(x, layers.Dense(1)(layers.Flatten()(h)))


MISTAKES = [
    Mistake("a mask lost in an operation before an LSTM", "mask-lost", "transpose", lost_in_transpose),
    Mistake("a mask lost in a reshape before a mean", "mask-lost", "reshape", lost_in_reshape),
    Mistake("a mask lost in a convolution before a GRU", "mask-lost", "conv", lost_in_layer),
    Mistake("a mask lost in the memory of attention", "mask-lost", "reshape", lost_before_attention),
    Mistake("a mask lost before a loss of steps", "mask-lost", "roll", lost_before_the_loss),
    Mistake(
        "a misspelt monitor", "monitor-unknown", None, lambda: watching(callbacks.EarlyStopping("val_los", mode="min"))
    ),
    Mistake(
        "a metric's long name",
        "monitor-unknown",
        None,
        lambda: watching(callbacks.ReduceLROnPlateau("mean_absolute_error")),
    ),
    Mistake(
        "a metric that was not asked for",
        "monitor-unknown",
        None,
        lambda: watching(callbacks.ModelCheckpoint("best.keras", monitor="accuracy", save_best_only=True)),
    ),
    Mistake(
        "val_loss without validation", "monitor-without-validation", None, lambda: watching(callbacks.EarlyStopping())
    ),
    Mistake(
        "a field in a file's name that no log has",
        "filepath-unknown",
        None,
        lambda: watching(callbacks.ModelCheckpoint("{epoch}-{val_acc:.2f}.keras"), validates=True),
    ),
    Mistake(
        "a field of validation in a file's name",
        "filepath-unknown",
        None,
        lambda: watching(callbacks.ModelCheckpoint("{epoch}-{val_mae}.keras")),
    ),
    Mistake("another batch size than the Input's", "batch-size-fixed", "x", fixed_batch),
    Mistake("a last batch that is smaller", "batch-size-fixed", "x", lambda: fixed_batch(samples=20, size=8)),
    Mistake("another batch size than the states'", "batch-size-fixed", "x", lambda: fixed_batch(stateful=True)),
    Mistake(
        "validation in other batches",
        "batch-size-fixed",
        "x",
        lambda: fixed_batch(size=8, validation_batch=data(4, 4, 3, 2)["batch"]),
    ),
    Mistake(
        "states across shuffled batches",
        "stateful-shuffled",
        "lstm",
        lambda: fixed_batch(stateful=True, size=8, shuffle=True),
    ),
    Mistake(
        "more steps than batches",
        "steps-beyond-data",
        None,
        lambda: regression(**data(20, 8, 4), batch_size=8, steps_per_epoch=4),
    ),
    Mistake(
        "more validation steps than batches",
        "validation-steps-beyond-data",
        None,
        lambda: regression(
            validation_whole=data(20, 8, 4)["whole"], validation_batch=data(20, 8, 4)["batch"], validation_steps=9
        ),
    ),
    Mistake("no epochs", "no-epochs", None, lambda: regression(epochs=0)),
    Mistake("one sample a batch under normalization", "batch-of-one", "bn", one_sample_a_batch),
    Mistake("batch statistics in predictions", "training-written-in", "bn", lambda: normalized(training=True)),
    Mistake(
        "a frozen base with training=True",
        "training-written-in",
        "base",
        lambda: normalized(base(False), training=True),
    ),
    Mistake("a base with training=True", "training-written-in", "base", lambda: normalized(base(True), training=True)),
    Mistake("frozen before it saw data", "frozen-statistics", "bn", fresh_frozen_normalization),
    Mistake("normalization frozen between two fits", "trainable-changed", "bn", frozen_between_fits),
    Mistake("all layers frozen", "nothing-trains", "functional", all_frozen),
    Mistake("a layer thawed in a frozen model", "nothing-trains", "frozen", frozen_above),
    Mistake("more ids than float32 tells apart", "ids-rounded", "embed", lambda: embedding_of(2**24 + 8, "float32")),
    Mistake("more ids than bfloat16 tells apart", "ids-rounded", "embed", lambda: embedding_of(1000, "bfloat16")),
    Mistake("ids cast to float16", "ids-rounded", "embed", ids_cast_to_half),
    Mistake("times in seconds as float32", "values-rounded", "time", large_numbers),
    Mistake("float64 into float32", "float64-cut", "head", float64_into_float32),
    Mistake("a softmax in float16", "half-precision-output", "head", lambda: mixed("head", None)),
    Mistake(
        "weights in bfloat16",
        "half-precision-weights",
        "hidden",
        lambda: mixed("head", "float32", policy="float32", hidden="bfloat16"),
    ),
    Mistake(
        "a layer in float16 without loss scaling",
        "no-loss-scaling",
        "hidden",
        lambda: mixed("head", "float32", policy="float32", hidden="mixed_float16"),
    ),
    Mistake("a layer that is held but not called", "layer-never-called", "second", lambda: holding(False)),
    Mistake("a branch that leads nowhere", "branch-unused", "dead", dead_branch),
    Mistake("an input without use", "input-unused", "unused", unused_input),
    Mistake("a layer on its own output", "layer-on-own-output", "again", repeated),
    Mistake(
        "a layer on its own output after dropout", "layer-on-own-output", "again", lambda: repeated(layers.Dropout(0.1))
    ),
    Mistake(
        "a list of one layer three times",
        "layer-repeated",
        "in_list/d",
        lambda: in_list([layers.Dense(4, name="d")] * 3),
    ),
    Mistake(
        "a stack of one cell twice",
        "layer-repeated",
        "rnn/stacked_rnn_cells/c",
        lambda: stacked([layers.LSTMCell(4, name="c")] * 2),
    ),
    Mistake(
        "one initializer for two layers",
        "initializer-shared",
        "two",
        lambda: initialized(*[lapis.initializers.HeNormal()] * 2),
    ),
    Mistake("a gradient stopped", "no-gradient", "blocked", lambda: blocked(ops.stop_gradient)),
    Mistake("a gradient lost in rounding", "no-gradient", "blocked", lambda: blocked(ops.round)),
    Mistake(
        "a gradient lost in an argmax",
        "no-gradient",
        "blocked",
        lambda: blocked(lambda h: ops.one_hot(ops.argmax(h, axis=-1), 3)),
    ),
    Mistake(
        "a gradient lost in whole numbers",
        "no-gradient",
        "blocked",
        lambda: blocked(lambda h: ops.cast(ops.cast(h, "int32"), "float32")),
    ),
    Mistake(
        "a gradient lost in a comparison",
        "no-gradient",
        "blocked",
        lambda: blocked(lambda h: ops.cast(h > 0, "float32")),
    ),
    Mistake("a gradient stopped in a nested model", "no-gradient", "deep", inside_nested),
    Mistake("an embedding of a layer's output", "no-gradient", "before", embedding_of_floats),
    Mistake("a gradient stopped inside a layer", "no-gradient", "stopping", stopping_inside),
    Mistake("a layer that has weights but is not called", "no-gradient", "holding/second", built_but_not_called),
]
