"""Programs for texts, sequences, tables and graphs as users write them, each run with Lapis and with real Keras.

A program takes the library, `keras` or `lapis`, and a folder, and gives what it saw: curves, outputs, names.
"""

import numpy as np
import pytest

from tests.descriptors import f32, i32
from tests.user_programs import assert_sees_the_same, marked, start

pytestmark = [
    pytest.mark.usefixtures("quick_compilation"),
    pytest.mark.filterwarnings("ignore:__array__ implementation"),  # Keras's own, with NumPy 2
    pytest.mark.filterwarnings("ignore:.*was called on layer:UserWarning:keras"),  # of layers without `build`
    pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64"),  # Keras's own
]


def fit(model, *data, **options):
    return model.fit(*data, **{"epochs": 2, "batch_size": 8, "shuffle": False, "verbose": 0, **options}).history


def rows(model):
    """The names and shapes in a summary."""
    lines = []
    model.summary(print_fn=lambda line, **_: lines.append(line), line_length=120)
    return [part.strip() for line in lines[0].split("\n") for part in line.split("│")[1:4]]


def token_embedding(k):
    """Embeddings of tokens and of their places, which make the mask of the padding."""

    @k.saving.register_keras_serializable("sequences")
    class TokenAndPositionEmbedding(k.layers.Layer):
        def __init__(self, length, vocabulary, width, **kwargs):
            super().__init__(**kwargs)
            self.length, self.vocabulary, self.width = length, vocabulary, width
            self.tokens = k.layers.Embedding(vocabulary, width)
            self.positions = k.layers.Embedding(length, width)

        def call(self, ids):
            return self.tokens(ids) + self.positions(k.ops.arange(k.ops.shape(ids)[-1]))

        def compute_mask(self, ids, mask=None):
            return k.ops.not_equal(ids, 0)

        def get_config(self):
            own = {"length": self.length, "vocabulary": self.vocabulary, "width": self.width}
            return {**super().get_config(), **own}

    return TokenAndPositionEmbedding


def transformer_blocks(k):
    """Attention of a sequence to itself; and, to what came before only, to itself and then to another sequence."""

    class Block(k.layers.Layer):
        def __init__(self, width, heads, **kwargs):
            super().__init__(**kwargs)
            self.width, self.heads, self.supports_masking = width, heads, True
            self.attention = k.layers.MultiHeadAttention(heads, width)
            self.feed = k.Sequential([k.layers.Dense(width, activation="relu"), k.layers.Dense(width)])
            self.first_norm, self.last_norm = (k.layers.LayerNormalization(epsilon=1e-6) for _ in range(2))

        def get_config(self):
            return {**super().get_config(), "width": self.width, "heads": self.heads}

    @k.saving.register_keras_serializable("sequences")
    class EncoderBlock(Block):
        def call(self, x, mask=None):
            sources = None if mask is None else k.ops.cast(mask[:, None, :], "int32")
            x = self.first_norm(x + self.attention(x, x, attention_mask=sources))
            return self.last_norm(x + self.feed(x))

    @k.saving.register_keras_serializable("sequences")
    class DecoderBlock(Block):
        def __init__(self, width, heads, **kwargs):
            super().__init__(width, heads, **kwargs)
            self.memory_attention = k.layers.MultiHeadAttention(heads, width)
            self.memory_norm = k.layers.LayerNormalization(epsilon=1e-6)

        def call(self, inputs, mask=None):
            x, memory = inputs
            x = self.first_norm(x + self.attention(x, x, use_causal_mask=True))
            x = self.memory_norm(x + self.memory_attention(x, memory))
            return self.last_norm(x + self.feed(x))

    return EncoderBlock, DecoderBlock


# Texts


def classification(k, folder):
    """A transformer that tells kinds of texts apart; features from its middle; a copy from its JSON."""
    tokens, (block, _) = token_embedding(k), transformer_blocks(k)
    draw = np.random.default_rng(0)
    texts = [list(draw.integers(1, 30, length)) for length in draw.integers(2, 14, 32)]
    x, y = k.utils.pad_sequences(texts, maxlen=10, padding="post"), i32(32, high=2)

    inputs = k.Input((10,), dtype="int32", name="ids")
    embedded = tokens(10, 30, 8, name="embedded")(inputs)
    pooled = k.layers.GlobalAveragePooling1D(name="pooled")(block(8, 2, name="block")(embedded))
    model = start(k.Model(inputs, k.layers.Dense(2, activation="softmax", name="kind")(pooled), name="texts"))
    model.compile(k.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = fit(model, x, y, validation_split=0.25)
    features = k.Model(model.input, model.get_layer("pooled").output)
    copy = k.models.model_from_json(model.to_json())
    copy.set_weights(model.get_weights())
    model.save(folder / "texts.keras")
    loaded = k.saving.load_model(folder / "texts.keras")
    return {
        "history": history,
        "evaluated": loaded.evaluate(x, y, verbose=0, return_dict=True),
        "features": features.predict(x[:3], verbose=0),
        "copied": copy.predict(x, verbose=0),
        "weights": [weight.path for weight in model.weights],
    }


def sentiment(k, folder):
    """Two recurrent layers, one read both ways, with masked padding, weighted classes and early stopping."""
    x = i32(40, 9, low=1, high=20)
    x[np.arange(9) >= i32(40, low=2, high=10, seed=1)[:, None]] = 0
    inputs = k.Input((None,), dtype="int32")
    h = k.layers.Embedding(20, 6, mask_zero=True, embeddings_regularizer=k.regularizers.L2(1e-3))(inputs)
    h = k.layers.Bidirectional(k.layers.GRU(4), merge_mode="sum")(k.layers.LSTM(4, return_sequences=True)(h))
    model = start(k.Model(inputs, k.layers.Dense(1, activation="sigmoid")(h)))
    model.compile(
        k.optimizers.Adam(0.05, clipnorm=1.0),
        "binary_crossentropy",
        metrics=["accuracy", k.metrics.AUC(name="auc"), k.metrics.Precision(), k.metrics.Recall()],
    )
    y = f32(40, 1, low=0).round()
    stop = k.callbacks.EarlyStopping(monitor="loss", patience=1, restore_best_weights=True)
    history = fit(model, x, y, validation_split=0.25, class_weight={0: 1.0, 1: 2.0}, callbacks=[stop], epochs=3)
    return {
        "history": history,
        "padded more": model.predict(np.pad(x, ((0, 0), (0, 3))), verbose=0),
        "weights": [weight.path for weight in model.weights],
    }


def translation_by_states(k, folder):
    """An encoder whose states begin a decoder; loaded again, taken apart into two models, and run step by step."""
    source, target = k.Input((None, 7), name="source"), k.Input((None, 9), name="target")
    _, *states = k.layers.LSTM(6, return_state=True, name="encoder")(source)
    decoder = k.layers.LSTM(6, return_sequences=True, return_state=True, name="decoder")
    decoded, *_ = decoder(target, initial_state=states)
    model = start(k.Model([source, target], k.layers.Dense(9, activation="softmax", name="letters")(decoded)))
    model.compile("rmsprop", "categorical_crossentropy", metrics=["accuracy"])
    x, letters = np.eye(7)[i32(24, 5, high=7)], np.eye(9)[i32(24, 6, high=9)]
    history = fit(model, [x, letters], np.roll(letters, -1, axis=1))
    model.save(folder / "translation.keras")

    loaded = k.saving.load_model(folder / "translation.keras")
    encoder = k.Model(loaded.input[0], loaded.get_layer("encoder").output[1:])
    held = [k.Input((6,)), k.Input((6,))]
    decoded, *after = loaded.get_layer("decoder")(loaded.input[1], initial_state=held)
    stepper = k.Model([loaded.input[1], *held], [loaded.get_layer("letters")(decoded), *after])
    states, letter, said = encoder.predict(x[:1], verbose=0), 0, []
    for _ in range(5):
        probabilities, *states = stepper.predict([np.eye(9)[[[letter]]], *states], verbose=0)
        letter = int(probabilities[0, -1].argmax())
        said.append(letter)
    return {"history": history, "said": said, "states": states, "summary": rows(stepper)}


def translation_by_attention(k, folder):
    """Sequence to sequence with padding on both sides; the loss passes over it, and greedy decoding."""
    tokens, (encoder, decoder) = token_embedding(k), transformer_blocks(k)
    source, target = k.Input((6,), dtype="int32", name="source"), k.Input((6,), dtype="int32", name="target")
    memory = encoder(8, 2)(tokens(6, 20, 8)(source))
    x = decoder(8, 2)([tokens(6, 20, 8)(target), memory])
    outputs = k.layers.Dense(20, activation="softmax")(k.layers.Dropout(0.0)(x))
    model = start(k.Model({"source": source, "target": target}, outputs, name="transformer"))
    model.compile("adam", k.losses.SparseCategoricalCrossentropy(ignore_class=0), weighted_metrics=[])
    said, answers = i32(24, 6, low=1, high=20), i32(24, 7, low=1, high=20, seed=1)
    said[:, 4:] = 0
    history = fit(model, {"source": said, "target": answers[:, :-1]}, answers[:, 1:])
    model.save(folder / "transformer.keras")
    loaded = k.saving.load_model(folder / "transformer.keras")
    decoded = np.zeros((1, 6), "int32")
    decoded[0, 0] = 1
    for place in range(5):
        probabilities = loaded.predict({"source": said[:1], "target": decoded}, verbose=0)
        decoded[0, place + 1] = int(k.ops.argmax(probabilities[0, place]))
    return {"history": history, "decoded": decoded, "weights": [weight.path for weight in loaded.weights]}


# Sounds and pictures of text


def reading(k, folder):
    """Letters from pictures: a layer that adds the loss, and a second model without it, decoded greedily."""

    class CTCLayer(k.layers.Layer):
        def call(self, labels, predicted):
            ones = k.ops.ones((k.ops.shape(labels)[0],), "int32")
            lengths = ones * k.ops.shape(labels)[1], ones * k.ops.shape(predicted)[1]
            self.add_loss(k.ops.mean(k.ops.ctc_loss(labels, k.ops.log(predicted + 1e-7), *lengths, mask_index=0)))
            return predicted

    image, labels = k.Input((16, 8, 1), name="image"), k.Input((None,), dtype="int32", name="label")
    x = k.layers.Conv2D(4, 3, activation="relu", padding="same")(image)
    x = k.layers.Reshape((8, 16))(k.layers.MaxPooling2D(2)(x))
    x = k.layers.Bidirectional(k.layers.LSTM(6, return_sequences=True))(x)
    predicted = k.layers.Dense(7, activation="softmax", name="letters")(x)
    model = start(k.Model([image, labels], CTCLayer(name="ctc")(labels, predicted)))
    model.compile("adam")
    x = {"image": f32(12, 16, 8, 1), "label": i32(12, 3, low=1, high=7)}
    history = fit(model, x)
    reader = k.Model(model.get_layer("image").output, model.get_layer("letters").output)
    found = reader.predict(x["image"], verbose=0)
    steps = np.full(12, found.shape[1])
    greedy, scores = k.ops.ctc_decode(found, steps, strategy="greedy", mask_index=0)
    decoded = [np.asarray(greedy), np.asarray(scores)]
    return {"history": history, "decoded": decoded, "summary": rows(model)}


# Recurrence and time


def own_cells(k, folder):
    """Cells of one's own in a stack, states in and out, saved and loaded."""

    @k.saving.register_keras_serializable("sequences")
    class MinimalCell(k.layers.Layer):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units = self.state_size = units

        def build(self, input_shape):
            self.kernel = self.add_weight((input_shape[-1], self.units), name="kernel")
            self.recurrent = self.add_weight((self.units, self.units), name="recurrent")

        def call(self, inputs, states):
            after = k.ops.tanh(k.ops.matmul(inputs, self.kernel) + k.ops.matmul(states[0], self.recurrent))
            return after, [after]

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    inputs = k.Input((None, 4))
    x = k.layers.RNN([MinimalCell(3), k.layers.LSTMCell(2)], return_sequences=True)(inputs)
    x, state = k.layers.RNN(MinimalCell(3), return_state=True)(x)
    repeated = k.layers.RepeatVector(3)(x)
    y = k.layers.TimeDistributed(k.layers.Dense(2))(
        k.layers.GRU(3, return_sequences=True)(repeated, initial_state=state)
    )
    model = start(k.Model(inputs, y))
    model.compile(k.optimizers.SGD(0.1, momentum=0.9), "log_cosh", metrics=["mae"])
    history = fit(model, f32(16, 5, 4), f32(16, 3, 2))
    model.save(folder / "cells.keras")
    loaded = k.saving.load_model(folder / "cells.keras")
    return {
        "history": history,
        "loaded": loaded.predict(f32(4, 7, 4), verbose=0),
        "weights": [weight.path for weight in loaded.weights],
        "summary": rows(model),
    }


# Tables, pairs and graphs


def ratings(k, folder):
    """Users and films by the products of their embeddings: a subclassed model, saved by its class and loaded."""

    @k.saving.register_keras_serializable("sequences")
    class Recommender(k.Model):
        def __init__(self, users, films, width, **kwargs):
            super().__init__(**kwargs)
            self.sizes = users, films, width
            self.users = k.layers.Embedding(users, width, embeddings_regularizer=k.regularizers.L2(1e-4))
            self.films = k.layers.Embedding(films, width, embeddings_regularizer=k.regularizers.L2(1e-4))
            self.bias = k.layers.Embedding(films, 1)

        def call(self, pairs):
            users, films = self.users(pairs[:, 0]), self.films(pairs[:, 1])
            return k.ops.sigmoid(k.ops.sum(users * films, axis=-1, keepdims=True) + self.bias(pairs[:, 1]))

        def get_config(self):
            return {**super().get_config(), **dict(zip(("users", "films", "width"), self.sizes))}

    model = Recommender(10, 15, 4)
    pairs, scores = np.stack([i32(40, high=10), i32(40, high=15, seed=1)], axis=1), f32(40, low=0)
    model(pairs[:1])
    start(model)
    model.compile("adam", "binary_crossentropy", metrics=["mae"])
    history = fit(model, pairs, scores, validation_data=(pairs[:8], scores[:8]))
    model.save(folder / "ratings.keras")
    loaded = k.saving.load_model(folder / "ratings.keras")
    return {
        "history": history,
        "goes on": fit(loaded, pairs, scores),
        "best": loaded.predict(pairs, verbose=0).ravel().argsort()[-3:],
    }


def table(k, folder):
    """Numbers and classes, wide and deep, by the columns' names, with a schedule and weights for samples."""
    columns = {"age": 40 + 10 * f32(48), "hours": 30 + 5 * f32(48, seed=1), "job": i32(48, high=6)}
    inputs = {name: k.Input((1,), name=name, dtype="int32" if name == "job" else "float32") for name in columns}
    age = k.layers.Normalization(name="age_normalized")
    age.adapt(columns["age"][:, None])
    bins = k.layers.Discretization(bin_boundaries=[25.0, 30.0, 35.0], output_mode="one_hot")
    job = k.layers.CategoryEncoding(6, "one_hot")(inputs["job"])
    wide = k.layers.BatchNormalization()(k.layers.concatenate([job, bins(inputs["hours"])]))
    embedded = k.layers.Flatten()(k.layers.Embedding(6, 2)(inputs["job"]))
    deep = k.layers.concatenate([age(inputs["age"]), embedded])
    for units in (8, 4):
        deep = k.layers.ReLU()(k.layers.BatchNormalization()(k.layers.Dense(units)(deep)))
    model = k.Model(inputs, k.layers.Dense(1, activation="sigmoid")(k.layers.concatenate([wide, deep])))
    learned = age.get_weights()
    start(model)
    age.set_weights(learned)
    schedule = k.optimizers.schedules.ExponentialDecay(0.01, 4, 0.9)
    metrics = [k.metrics.BinaryAccuracy(), k.metrics.AUC(curve="PR", name="prc"), k.metrics.FalseNegatives(name="fn")]
    model.compile(k.optimizers.Adam(schedule), k.losses.BinaryCrossentropy(label_smoothing=0.1), metrics=metrics)
    y, weights = f32(48, low=0).round(), np.linspace(0.5, 2, 48, dtype="float32")
    history = fit(model, columns, y, batch_size=16, sample_weight=weights, validation_split=0.25)
    model.save(folder / "table.keras")
    loaded = k.saving.load_model(folder / "table.keras")
    return {
        "history": history,
        "loaded": loaded.predict(columns, verbose=0),
        "rate": float(model.optimizer.learning_rate),
    }


def citations(k, folder):
    """A graph network: messages along edges, summed at the nodes that they go to."""
    nodes, edges = f32(20, 6), i32(2, 50, high=20)

    class Convolution(k.layers.Layer):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.prepare, self.update = (k.layers.Dense(units, activation="gelu") for _ in range(2))

        def call(self, states):
            count = k.ops.shape(states)[0]
            messages = k.ops.take(self.prepare(states), edges[1], axis=0)
            total = k.ops.segment_sum(messages, edges[0], num_segments=count)
            times = k.ops.segment_sum(k.ops.ones_like(messages), edges[0], num_segments=count)
            return self.update(k.ops.concatenate([states, total / k.ops.maximum(times, 1.0)], axis=1))

    class Citations(k.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.nodes = k.ops.convert_to_tensor(nodes)
            self.prepare, self.logits = k.layers.Dense(8, activation="gelu"), k.layers.Dense(3)
            self.first, self.second = Convolution(8, name="first"), Convolution(8, name="second")

        def call(self, indices):
            x = self.prepare(self.nodes)
            x = x + self.first(x)
            x = x + self.second(x)
            return k.ops.take(self.logits(x), indices, axis=0)

    model = Citations(name="citations")
    model(np.array([1, 2]))
    start(model)
    loss = k.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(k.optimizers.Adam(0.01), loss, metrics=[k.metrics.SparseCategoricalAccuracy(name="accuracy")])
    history = fit(model, np.arange(20), i32(20, high=3), batch_size=5)
    weights = [weight.path for weight in model.weights]
    return {"history": history, "weights": weights, "predicted": model.predict(np.arange(20), verbose=0)}


QUICK = [own_cells, ratings, translation_by_states]
SLOW = [classification, sentiment, translation_by_attention, reading, table, citations]


@pytest.mark.parametrize("program", marked(QUICK, SLOW))
def test_a_program_sees_what_it_sees_in_keras(program, tmp_path):
    assert_sees_the_same(program, tmp_path, tolerance=2e-3)
