"""Programs for images, videos and points as users write them, run with Keras and with Lapis from the same weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.descriptors import f32, i32
from tests.user_programs import assert_sees_the_same, marked

pytestmark = pytest.mark.filterwarnings(  # Keras's own
    "ignore:__array__ implementation", "ignore:The structure of `inputs`", "ignore:Explicitly requested dtype"
)


def filled(model, seed=0):
    """The model with weights that are the same in both libraries, of the size that an initializer gives."""
    draw = np.random.default_rng(seed)
    for weight in model.weights:
        shape = tuple(weight.shape)
        if weight.name in ("gamma", "moving_variance"):
            weight.assign(draw.uniform(0.5, 1.5, shape))
        else:
            weight.assign(draw.normal(0, np.prod(shape[:-1]) ** -0.5 if len(shape) > 1 else 0.1, shape))
    return model


def summary(model, **options):
    lines = []
    model.summary(print_fn=lambda text, line_break=None: lines.append(text), line_length=100, **options)
    return "\n".join(lines).replace(model.name, "model")


def unet(k, tmp):
    """Segmentation with skips, batches from a `PyDataset`, a loss of the hardest pixels, and overlaps as metrics."""
    layers, ops = k.layers, k.ops

    class Scenes(k.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return f32(3, 16, 16, 3, seed=index), i32(3, 16, 16, seed=index, high=3).astype("uint8")

    @k.saving.register_keras_serializable("user_vision")
    class HardestPixels(k.losses.Loss):
        def __init__(self, share=0.3, name="hardest_pixels", **kwargs):
            super().__init__(name=name, **kwargs)
            self.share = share

        def call(self, y_true, y_pred):
            losses = k.losses.sparse_categorical_crossentropy(y_true, y_pred)
            losses = ops.reshape(losses, (ops.shape(losses)[0], -1))
            return ops.mean(ops.top_k(losses, int(losses.shape[1] * self.share))[0], axis=-1)

        def get_config(self):
            return {**super().get_config(), "share": self.share}

    inputs = k.Input((16, 16, 3))
    fine = layers.Conv2D(4, 3, padding="same", activation="relu")(inputs)
    x = layers.MaxPooling2D(2)(fine)
    x = layers.BatchNormalization()(layers.SeparableConv2D(6, 3, padding="same")(x))
    x = layers.Conv2DTranspose(4, 3, strides=2, padding="same", activation="relu")(x)
    smooth = layers.UpSampling2D(2, interpolation="bilinear")(layers.AveragePooling2D(2)(fine))
    outputs = layers.Conv2D(3, 1, activation="softmax")(layers.concatenate([x, fine, smooth]))
    model = filled(k.Model(inputs, outputs, name="unet"))
    metrics = ["accuracy", k.metrics.MeanIoU(3, sparse_y_pred=False, name="overlap")]
    model.compile(k.optimizers.SGD(0.05), HardestPixels(0.5), metrics=metrics)
    history = model.fit(Scenes(), epochs=2, shuffle=False, verbose=0, validation_data=Scenes())
    model.save(tmp / "unet.keras")
    loaded = k.saving.load_model(tmp / "unet.keras")
    return {
        "summary": summary(model),
        "history": history.history,
        "evaluated": loaded.evaluate(Scenes(), verbose=0),
        "share": loaded.loss.share,
        "masks": loaded.predict(Scenes(), verbose=0),
    }


def vision_transformer(k, tmp):
    """Patches, a class token and places as weights of custom layers, attention, and the attention looked at."""
    layers, ops = k.layers, k.ops

    @k.saving.register_keras_serializable("user_vision")
    class Patches(layers.Layer):
        def __init__(self, size, **kwargs):
            super().__init__(**kwargs)
            self.size = size

        def call(self, images):
            patches = ops.image.extract_patches(images, size=self.size)
            batch, rows, columns, values = ops.shape(patches)
            return ops.reshape(patches, (batch, rows * columns, values))

        def get_config(self):
            return {**super().get_config(), "size": self.size}

    @k.saving.register_keras_serializable("user_vision")
    class Embedded(layers.Layer):
        def __init__(self, width, **kwargs):
            super().__init__(**kwargs)
            self.width = width
            self.project = layers.Dense(width)

        def build(self, input_shape):
            self.project.build(input_shape)
            self.token = self.add_weight(shape=(1, 1, self.width), name="class_token")
            self.places = self.add_weight(shape=(1, input_shape[1] + 1, self.width), name="places")

        def call(self, patches):
            token = ops.tile(self.token, (ops.shape(patches)[0], 1, 1))
            return ops.concatenate([token, self.project(patches)], axis=1) + self.places

        def get_config(self):
            return {**super().get_config(), "width": self.width}

    inputs = k.Input((8, 8, 3))
    x = Embedded(8)(Patches(4)(layers.Rescaling(1 / 127.5, offset=-1)(inputs)))
    normed = layers.LayerNormalization(epsilon=1e-6)(x)
    attention = layers.MultiHeadAttention(num_heads=2, key_dim=4, dropout=0.0, name="attention")
    attended, scores = attention(normed, normed, return_attention_scores=True)
    x = layers.Add()([attended, x])
    mlp = k.Sequential([layers.Dense(12, activation="gelu"), layers.Dropout(0.0), layers.Dense(8)], name="mlp")
    x = layers.LayerNormalization(epsilon=1e-6)(x + mlp(layers.LayerNormalization(epsilon=1e-6)(x)))
    model = filled(k.Model(inputs, layers.Dense(5)(x[:, 0]), name="vit"))
    x, y = f32(16, 8, 8, 3, low=0, high=255), i32(16, high=5)
    model.compile(
        k.optimizers.AdamW(1e-3, weight_decay=1e-2),
        k.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[k.metrics.SparseTopKCategoricalAccuracy(2, name="top-2")],
    )
    before = model.predict(x, verbose=0)
    history = model.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0, validation_data=(x, y))
    model.save(tmp / "vit.keras")
    loaded = k.saving.load_model(tmp / "vit.keras")
    np.testing.assert_allclose(loaded.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-4, atol=1e-5)
    return {
        "summary": summary(model, expand_nested=True),
        "paths": [weight.path for weight in model.weights],
        "before": before,
        "scores": np.asarray(k.Model(inputs, scores)(x[:2])).shape,
        "history": {name: history.history[name] for name in ("loss", "top-2")},
    }


def fine_tuning(k, tmp):
    """A frozen base under a new head; then the base thawed but for its batch normalization, with a small rate."""
    layers = k.layers
    inputs = x = k.Input((16, 16, 3))
    for number, filters in enumerate((4, 8)):
        x = layers.Conv2D(filters, 3, strides=2, use_bias=False, name=f"block{number}_conv")(x)
        x = layers.BatchNormalization(name=f"block{number}_norm")(x)
        x = layers.Activation("relu", name=f"block{number}_relu")(x)
    base = filled(k.Model(inputs, x, name="base"))
    base.save_weights(tmp / "base.weights.h5")
    base.trainable = False
    inputs = k.Input((16, 16, 3), name="image")
    x = k.Sequential([layers.RandomFlip("horizontal"), layers.RandomContrast(0.1)], name="changed")(inputs)
    x = base(layers.Rescaling(1 / 127.5, offset=-1)(x), training=False)
    model = k.Model(inputs, layers.Dense(1, name="head")(layers.GlobalAveragePooling2D()(x)), name="tuned")
    filled(model.get_layer("head"))
    x, y = f32(12, 16, 16, 3, low=0, high=255), i32(12, 1, high=2)
    frozen = {"summary": summary(model, show_trainable=True), "trained": [w.name for w in model.trainable_weights]}
    loss = k.losses.BinaryCrossentropy(from_logits=True)
    model.compile(k.optimizers.Adam(), loss, metrics=[k.metrics.BinaryAccuracy(threshold=0, name="acc")])
    evaluated = model.evaluate(x, y, verbose=0, return_dict=True)
    names = list(model.fit(x, y, batch_size=4, verbose=0, validation_split=0.25).history)
    base.load_weights(tmp / "base.weights.h5")
    base.trainable = True
    for layer in base.layers:
        layer.trainable = not isinstance(layer, layers.BatchNormalization)
    model.compile(k.optimizers.Adam(1e-5), loss)
    epochs = model.fit(x, y, initial_epoch=1, epochs=3, batch_size=4, verbose=0).epoch
    features = k.Model(base.input, base.get_layer("block0_relu").output)
    base.load_weights(tmp / "base.weights.h5")
    return {
        **frozen,
        "evaluated": evaluated,
        "names": names,
        "thawed": [w.path.split("/", 1)[-1] for w in model.trainable_weights],
        "epochs": epochs,
        "statistics": [np.asarray(v) for v in base.non_trainable_weights],
        "features": features.predict(x / 255, verbose=0),
    }


def saliency(k, tmp):
    """What a net looks at: gradients by the image and by features, a dream, and the style of a picture."""
    layers, ops = k.layers, k.ops
    inputs = x = k.Input((12, 12, 3))
    for number in range(2):
        x = layers.Conv2D(4, 3, padding="same", activation="relu", name=f"conv{number}")(x)
        x = layers.MaxPooling2D(2)(x)
    model = filled(k.Model(inputs, layers.Dense(3, activation="softmax", name="out")(layers.Flatten()(x))))
    image = jnp.asarray(f32(1, 12, 12, 3))
    model.layers[-1].activation = None
    lower = k.Model(inputs, model.get_layer("conv1").output)
    upper = k.Model(model.get_layer("conv1").output, model.output)
    features = jnp.asarray(lower.predict(image, verbose=0))
    weights = jnp.mean(jax.grad(lambda f: upper(f)[0, 1])(features), axis=(1, 2))
    both = k.Model(inputs, {name: model.get_layer(name).output for name in ("conv0", "conv1")})

    def dream(picture):
        return sum(ops.mean(ops.square(value)) for value in both(picture).values())

    def gram(picture):
        flat = ops.reshape(both(picture)["conv0"][0], (-1, 4))
        return ops.matmul(ops.transpose(flat), flat)

    def style(picture):
        return ops.sum(ops.square(gram(picture) - gram(image))) + 0.1 * ops.sum(
            ops.abs(picture[:, 1:] - picture[:, :-1])
        )

    picture, optimizer, losses = k.Variable(f32(1, 12, 12, 3, seed=1)), k.optimizers.SGD(1e-3), []
    for _ in range(3):
        loss, gradient = jax.value_and_grad(style)(picture.value)
        optimizer.apply([gradient], [picture])
        losses.append(float(loss))
    trained, others = ([v.value for v in kind] for kind in (model.trainable_variables, model.non_trainable_variables))
    by_image = jax.jit(jax.grad(lambda x: model.stateless_call(trained, others, x, training=False)[0][0, 2]))
    return {
        "heat": np.asarray(ops.relu(ops.sum(features[0] * weights[0], axis=-1))),
        "by_image": np.asarray(by_image(image)),
        "dream": np.asarray(ops.clip(image + 0.1 * ops.normalize(jax.grad(dream)(image)), -1.0, 1.0)),
        "style": losses,
        "picture": np.asarray(picture),
    }


def detection(k, tmp):
    """Boxes and classes at anchors from one body: outputs by name, a focal loss, boxes encoded and decoded."""
    layers, ops, boxes = k.layers, k.ops, k.utils.bounding_boxes
    rows, columns = np.meshgrid(np.arange(4) * 4.0, np.arange(4) * 4.0, indexing="ij")
    anchors = np.stack([columns, rows, columns + 6, rows + 6], -1).reshape(16, 4).astype("float32")

    class FocalLoss(k.losses.Loss):
        def call(self, y_true, y_pred):
            known = ops.not_equal(y_true, -1)
            target = ops.one_hot(ops.cast(ops.maximum(y_true, 0), "int32"), 3)
            right = ops.where(target == 1, ops.sigmoid(y_pred), 1 - ops.sigmoid(y_pred))
            losses = ops.power(1 - right, 2.0) * ops.binary_crossentropy(target, y_pred, from_logits=True)
            return ops.sum(ops.where(known[..., None], losses, 0.0), axis=(1, 2))

    def head(name, values):
        x = layers.Conv2D(values, 3, padding="same", name=f"{name}_conv")(body)
        return layers.Reshape((16, values), name=name)(x)

    inputs = k.Input((16, 16, 3), name="image")
    body = layers.ReLU(max_value=6)(layers.Conv2D(6, 3, strides=2, padding="same")(inputs))
    body = layers.DepthwiseConv2D(3, strides=2, padding="same", activation="silu")(body)
    gate = layers.Dense(6, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(body))
    body = layers.multiply([body, gate])
    model = filled(k.Model(inputs, {"box": head("box", 4), "class": head("class", 3)}, name="detector"))
    truth = np.sort(f32(8, 16, 4, low=0, high=16).reshape(8, 16, 2, 2), axis=2).reshape(8, 16, 4)
    deltas = boxes.encode_box_to_deltas(anchors, truth, anchor_format="xyxy", box_format="xyxy")
    x, y = f32(8, 16, 16, 3), {"box": np.asarray(deltas), "class": i32(8, 16, high=4) - 1}
    model.compile(
        k.optimizers.SGD(k.optimizers.schedules.PiecewiseConstantDecay([2], [1e-2, 1e-3]), momentum=0.9, clipnorm=1.0),
        loss={"box": k.losses.Huber(), "class": FocalLoss(name="focal")},
        loss_weights={"box": 2.0, "class": 1.0},
        metrics={"box": ["mae"], "class": [k.metrics.SparseCategoricalAccuracy(name="acc")]},
    )
    history = model.fit({"image": x}, y, epochs=2, batch_size=4, shuffle=False, verbose=0, validation_data=(x, y))
    predicted = model.predict(x, verbose=0)
    found = boxes.decode_deltas_to_boxes(anchors, predicted["box"], anchor_format="xyxy", box_format="xyxy")
    return {
        "summary": summary(model),
        "history": history.history,
        "evaluated": model.evaluate(x, y, verbose=0),
        "predicted": predicted,
        "found": np.asarray(boxes.convert_format(found, "xyxy", "rel_xywh", height=16, width=16)),
        "overlaps": np.asarray(boxes.compute_iou(truth[0], anchors, bounding_box_format="xyxy")),
    }


def video(k, tmp):
    """Frames through one convolutional net and a recurrent one that skips padding; the next frame by ConvLSTM."""
    layers = k.layers
    frame = k.Sequential([k.Input((6, 6, 3)), layers.Conv2D(4, 3, activation="relu"), layers.GlobalMaxPooling2D()])
    frames, real = k.Input((4, 6, 6, 3), name="frames"), k.Input((4,), dtype="bool", name="real")
    x = layers.TimeDistributed(frame)(frames)
    x = layers.GRU(5, return_sequences=True)(x, mask=real)
    model = filled(k.Model([frames, real], layers.Dense(3, activation="softmax")(layers.GRU(4)(x)), name="clips"))
    model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = [f32(6, 4, 6, 6, 3), np.arange(4) < i32(6, 1, low=1, high=5)], i32(6, high=3)
    history = model.fit(x, y, batch_size=3, epochs=2, shuffle=False, verbose=0)
    inputs = k.Input((None, 6, 6, 1))
    x_next = layers.ConvLSTM2D(3, 3, padding="same", return_sequences=True)(inputs)
    x_next = layers.Conv3D(1, 3, padding="same", activation="sigmoid")(layers.LayerNormalization()(x_next))
    following = filled(k.Model(inputs, x_next))
    movie = f32(1, 2, 6, 6, 1, low=0)
    for _ in range(2):
        movie = np.concatenate([movie, np.asarray(following(movie))[:, -1:]], axis=1)
    return {"history": history.history, "predicted": model.predict(x, verbose=0), "movie": movie}


def points(k, tmp):
    """Classes of point clouds: a learnt turn that a regularizer keeps orthogonal, and the largest over all points."""
    layers, ops = k.layers, k.ops

    @k.saving.register_keras_serializable("user_vision")
    class Orthogonal(k.regularizers.Regularizer):
        def __init__(self, size, factor=0.01):
            self.size, self.factor = size, factor

        def __call__(self, x):
            x = ops.reshape(x, (-1, self.size, self.size))
            return self.factor * ops.sum(ops.square(ops.matmul(x, ops.transpose(x, (0, 2, 1))) - ops.eye(self.size)))

        def get_config(self):
            return {"size": self.size, "factor": self.factor}

    def block(x, filters):
        return layers.ReLU()(layers.BatchNormalization(momentum=0.5)(layers.Conv1D(filters, 1)(x)))

    inputs = k.Input((16, 3))
    eye = k.initializers.Constant(np.eye(3).flatten())
    turn = layers.Dense(9, "linear", True, "zeros", eye, activity_regularizer=Orthogonal(3), name="turn")
    x = layers.GlobalMaxPooling1D()(block(inputs, 6))
    x = layers.Dot(axes=(2, 1))([inputs, layers.Reshape((3, 3))(turn(x))])
    start = turn.get_weights()[1]
    outputs = layers.Dense(3)(layers.GlobalMaxPooling1D()(block(x, 8)))
    model = filled(k.Model(inputs, outputs, name="points"))
    model.compile(
        k.optimizers.SGD(1e-3), k.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"]
    )
    x, y = f32(12, 16, 3), i32(12, high=3)
    history = model.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0, validation_data=(x, y))
    model.save(tmp / "points.keras")
    return {
        "summary": summary(model),
        "start": start,
        "history": history.history,
        "loaded": k.saving.load_model(tmp / "points.keras").evaluate(x, y, verbose=0),
    }


def pairs(k, tmp):
    """One encoder for two pictures: a contrastive loss of their distance, and its embedding beside the answer."""
    layers, ops = k.layers, k.ops
    convolution = layers.Conv2D(4, 3, activation="tanh")
    encoder = k.Sequential([k.Input((8, 8, 1)), convolution, layers.Flatten(), layers.Dense(5)], name="encoder")

    @k.saving.register_keras_serializable("user_vision")
    def distance(pair):
        return ops.sqrt(ops.maximum(ops.sum(ops.square(pair[0] - pair[1]), axis=1, keepdims=True), k.config.epsilon()))

    def contrastive(y_true, y_pred):
        return ops.mean((1 - y_true) * ops.square(y_pred) + y_true * ops.square(ops.maximum(1 - y_pred, 0)))

    left, right = k.Input((8, 8, 1), name="left"), k.Input((8, 8, 1), name="right")
    codes = encoder(left), encoder(right)
    apart = layers.Lambda(distance, output_shape=(1,), name="apart")(codes)
    model = filled(k.Model([left, right], [layers.Dense(1, "sigmoid", name="differ")(apart), codes[0]], name="pairs"))
    model.compile("rmsprop", [contrastive, None], metrics=[["mae"], None])
    x, y = [f32(12, 8, 8, 1), f32(12, 8, 8, 1, seed=1)], i32(12, 1, high=2).astype("float32")
    history = model.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0)  # one target for the output with a loss
    model.save(tmp / "pairs.keras")
    loaded = k.saving.load_model(tmp / "pairs.keras", compile=False)
    return {
        "summary": summary(model, expand_nested=True),
        "history": history.history,
        "evaluated": model.evaluate(x, y, verbose=0, return_dict=True),
        "predicted": loaded.predict(x, verbose=0),
    }


QUICK, SLOW = [points, pairs], [unet, vision_transformer, fine_tuning, saliency, detection, video]


@pytest.mark.parametrize("program", marked(QUICK, SLOW))
def test_a_program_sees_what_it_sees_in_keras(program, tmp_path):
    assert_sees_the_same(program, tmp_path, tolerance=1e-3)
