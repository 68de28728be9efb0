"""Programs of research and training as users write them, each run with Lapis and with real Keras.

A program takes the library, `keras` or `lapis`, and gives what it saw: curves, outputs, names.
"""

import jax
import numpy as np
import pytest

from tests.descriptors import f32, i32
from tests.user_programs import assert_sees_the_same, marked, start

pytestmark = [
    pytest.mark.usefixtures("quick_compilation"),
    pytest.mark.filterwarnings("ignore:__array__ implementation"),  # Keras's own, with NumPy 2
]

X, KIND, IMAGES = f32(96, 8), i32(96, high=3), f32(48, 8, 8, 1, low=0)
TARGET = X @ f32(8, 1, seed=1)


def mlp(k, units=1, activation=None):
    inputs = k.Input((8,), name="features")
    x = k.layers.Dense(8, activation="relu", name="hidden")(inputs)
    return start(k.Model(inputs, k.layers.Dense(units, activation=activation, name="top")(x), name="mlp"))


def values(variables):
    return [variable.value for variable in variables]


def fit(model, *data, **options):
    return model.fit(*data, **{"epochs": 2, "batch_size": 32, "shuffle": False, "verbose": 0, **options}).history


# Steps of one's own


def train_step(k, folder):
    """`train_step` and `test_step` with metrics kept by hand."""

    class Regressor(k.Model):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.loss_tracker, self.error = k.metrics.Mean(name="loss"), k.metrics.MeanAbsoluteError(name="mae")

        @property
        def metrics(self):
            return [self.loss_tracker, self.error]

        def call_and_compare(self, trainable, non_trainable, x, y, training):
            y_pred, non_trainable = self.stateless_call(trainable, non_trainable, x, training=training)
            return k.ops.mean(k.ops.square(y - y_pred)), (y_pred, non_trainable)

        def logs(self, state, loss, y, y_pred):
            mean = self.loss_tracker.stateless_update_state(state[:2], loss)
            error = self.error.stateless_update_state(state[2:], y, y_pred)
            logs = {"loss": self.loss_tracker.stateless_result(mean), "mae": self.error.stateless_result(error)}
            return logs, [*mean, *error]

        def train_step(self, state, data):
            trainable, non_trainable, optimizer, metrics = state
            x, y = data
            compare = jax.value_and_grad(self.call_and_compare, has_aux=True)
            (loss, (y_pred, non_trainable)), gradients = compare(trainable, non_trainable, x, y, training=True)
            trainable, optimizer = self.optimizer.stateless_apply(optimizer, gradients, trainable)
            logs, metrics = self.logs(metrics, loss, y, y_pred)
            return logs, (trainable, non_trainable, optimizer, metrics)

        def test_step(self, state, data):
            trainable, non_trainable, metrics = state
            x, y = data
            loss, (y_pred, non_trainable) = self.call_and_compare(trainable, non_trainable, x, y, training=False)
            logs, metrics = self.logs(metrics, loss, y, y_pred)
            return logs, (trainable, non_trainable, metrics)

    inputs = k.Input((8,))
    x = k.layers.BatchNormalization()(k.layers.Dense(8, activation="relu")(inputs))
    model = start(Regressor(inputs, k.layers.Dense(1)(x)))
    model.compile(k.optimizers.Adam(0.01))
    return {
        "curve": fit(model, X, TARGET, validation_data=(X[:20], TARGET[:20])),
        "evaluate": model.evaluate(X, TARGET, verbose=0),
        "names": model.metrics_names,
    }


def loop_from_scratch(k, folder):
    """A compiled step written by hand, with a schedule, clipped gradients and a metric."""
    model = mlp(k, units=3)
    compare = k.losses.SparseCategoricalCrossentropy(from_logits=True)
    schedule = k.optimizers.schedules.CosineDecay(0.01, 20, warmup_target=0.02, warmup_steps=4)
    optimizer = k.optimizers.AdamW(schedule, clipnorm=1.0)
    optimizer.build(model.trainable_variables)
    accuracy = k.metrics.SparseCategoricalAccuracy()

    def loss_and_metric(trainable, non_trainable, metric, x, y):
        y_pred, non_trainable = model.stateless_call(trainable, non_trainable, x, training=True)
        return compare(y, y_pred), (non_trainable, accuracy.stateless_update_state(metric, y, y_pred))

    @jax.jit
    def step(state, x, y):
        trainable, non_trainable, of_optimizer, metric = state
        gradient = jax.value_and_grad(loss_and_metric, has_aux=True)
        (loss, (non_trainable, metric)), gradients = gradient(trainable, non_trainable, metric, x, y)
        trainable, of_optimizer = optimizer.stateless_apply(of_optimizer, gradients, trainable)
        return loss, (trainable, non_trainable, of_optimizer, metric)

    groups = model.trainable_variables, model.non_trainable_variables, optimizer.variables, accuracy.variables
    state = tuple(values(group) for group in groups)
    losses = []
    for first in range(0, 96, 16):
        loss, state = step(state, X[first : first + 16], KIND[first : first + 16])
        losses.append(float(loss))
    for group, new in zip(groups, state):
        for variable, value in zip(group, new):
            variable.assign(value)
    return {
        "losses": losses,
        "accuracy": float(accuracy.result()),
        "rate": float(optimizer.learning_rate),
        "weights": model.get_weights(),
        "paths": [variable.path for variable in optimizer.variables],
    }


def adversarial(k, folder):
    """Each batch is joined by its own worst case: the gradient by the inputs, then the usual step."""

    class Robust(k.Model):
        def train_step(self, state, data):
            trainable, non_trainable, _, metrics = state
            x, y = data

            def loss(x):
                return self.compute_loss_and_updates(trainable, non_trainable, metrics, x, y, None)[0]

            worst = x + 0.1 * k.ops.sign(jax.grad(loss)(x))
            both = k.ops.concatenate([x, worst]), k.ops.concatenate([y, y])
            return super().train_step(state, both)

    inputs = k.Input((8,))
    model = start(Robust(inputs, k.layers.Dense(3)(k.layers.Dense(8, activation="tanh")(inputs))))
    model.compile("adam", k.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return {"curve": fit(model, X, KIND, validation_split=0.25), "predict": model.predict(X[:4], verbose=0)}


# Losses of one's own


def variational_autoencoder(k, folder):
    """Layers that draw noise and add a loss; the decoder is used alone afterwards."""

    class Sampling(k.layers.Layer):
        def __init__(self, weight=0.01, **kwargs):
            super().__init__(**kwargs)
            self.weight = weight
            self.seed_generator = k.random.SeedGenerator(7)

        def call(self, mean, log_variance):
            divergence = k.ops.square(mean) + k.ops.exp(log_variance) - log_variance - 1
            self.add_loss(self.weight * k.ops.mean(divergence))
            noise = k.random.normal(k.ops.shape(mean), seed=self.seed_generator)
            return mean + k.ops.exp(0.5 * log_variance) * noise

    image = k.Input((8, 8, 1), name="image")
    x = k.layers.Conv2D(4, 3, strides=2, padding="same", activation="relu")(image)
    x = k.layers.Dense(8, activation="relu")(k.layers.Flatten()(x))
    code = Sampling(name="sampling")(k.layers.Dense(2, name="mean")(x), k.layers.Dense(2, name="spread")(x))
    encoder = k.Model(image, code, name="encoder")
    decoder = k.Sequential(
        [
            k.Input((2,)),
            k.layers.Dense(64, activation="relu"),
            k.layers.Reshape((4, 4, 4)),
            k.layers.Conv2DTranspose(1, 3, strides=2, padding="same", activation="sigmoid"),
        ],
        name="decoder",
    )
    model = start(k.Model(image, decoder(encoder(image)), name="vae"))
    model.compile(k.optimizers.RMSprop(0.01), "mse")
    return {
        "curve": fit(model, IMAGES, IMAGES, batch_size=16, validation_split=0.25),
        "codes": encoder.predict(IMAGES[:16], batch_size=16, verbose=0),
        "decoded": decoder.predict(np.zeros((1, 2)), verbose=0),
        "paths": [variable.path for variable in model.variables],
    }


def contrastive(k, folder):
    """Two noisy views of each image are drawn together; the encoder then serves a classifier."""

    class Views(k.Model):
        def __init__(self, encoder):
            super().__init__(name="views")
            self.encoder, self.noise = encoder, k.layers.GaussianNoise(0.1, seed=3)
            self.hits = k.metrics.SparseCategoricalAccuracy(name="hits")

        def call(self, images, training=False):
            return k.ops.normalize(self.encoder(self.noise(images, training=training)), axis=1)

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            similarity = k.ops.matmul(y_pred, k.ops.transpose(self(x, training=training))) / 0.1
            own = k.ops.arange(k.ops.shape(similarity)[0])
            self.hits.update_state(own, similarity)
            return k.ops.mean(k.losses.sparse_categorical_crossentropy(own, similarity, from_logits=True))

    layers = [k.Input((8, 8, 1)), k.layers.Flatten(), k.layers.Dense(16, activation="relu"), k.layers.Dense(8)]
    encoder = k.Sequential(layers, name="encoder")
    model = Views(encoder)
    model.build((None, 8, 8, 1))
    start(model)
    model.compile(k.optimizers.Adam(0.01))
    seen = {"curve": fit(model, IMAGES, batch_size=16), "evaluate": model.evaluate(IMAGES, verbose=0, return_dict=True)}
    encoder.trainable = False
    classifier = k.Sequential([k.Input((8, 8, 1)), encoder, k.layers.Dense(3, name="kind")], name="classifier")
    classifier.get_layer("kind").set_weights([f32(8, 3, seed=5), np.zeros(3)])
    classifier.compile("sgd", k.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return seen | {
        "classifier": fit(classifier, IMAGES, KIND[:48]),
        "trained": [variable.path for variable in classifier.trainable_variables],
    }


def physics_informed(k, folder):
    """Burgers' equation: the loss holds derivatives of the output by the inputs, and a constant to be found."""

    class Burgers(k.Model):
        def __init__(self, net):
            super().__init__()
            self.net, self.residuals = net, k.metrics.Mean(name="residual")
            self.viscosity = self.add_weight(name="viscosity", shape=(), initializer=k.initializers.Constant(0.01))

        def call(self, points):
            return self.net(points)

        def residual(self, point):
            def u(point):
                return self.net(point[None])[0, 0]

            (u_x, u_t), u_xx = jax.grad(u)(point), jax.hessian(u)(point)[0, 0]
            return u_t + u(point) * u_x - self.viscosity * u_xx

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            residual = k.ops.mean(k.ops.square(jax.vmap(self.residual)(x)))
            self.residuals.update_state(residual)
            return residual + super().compute_loss(x, y, y_pred, sample_weight, training)

    layers = [k.layers.Dense(8, activation="tanh"), k.layers.Dense(8, activation="tanh"), k.layers.Dense(1)]
    model = Burgers(start(k.Sequential([k.Input((2,)), *layers])))
    model.compile(k.optimizers.Adam(0.01), "mse")
    points = f32(64, 2, seed=3)
    curve = fit(model, points, -np.sin(np.pi * points[:, :1]))
    return {"curve": curve, "viscosity": float(model.viscosity), "paths": [v.path for v in model.trainable_variables]}


# Models that are changed, and training that is steered


def fine_tuning(k, folder):
    """A head on a frozen base, then the base with it, then small updates of low rank."""
    image = k.Input((8, 8, 1))
    x = k.layers.BatchNormalization(name="norm")(k.layers.Conv2D(4, 3, name="conv")(image))
    x = k.layers.Dense(8, activation="relu", name="features")(k.layers.GlobalAveragePooling2D()(x))
    base = k.Model(image, x, name="base")
    before = start(k.Sequential([image, base, k.layers.Dense(3)]))
    before.compile("sgd", k.losses.SparseCategoricalCrossentropy(from_logits=True))
    seen = {"before": fit(before, IMAGES, KIND[:48])}

    base.trainable = False
    image = k.Input((8, 8, 1))
    model = k.Model(image, k.layers.Dense(1, name="head")(base(image, training=False)), name="tuned")
    model.get_layer("head").set_weights([f32(8, 1, seed=2), np.zeros(1)])
    loss, y = k.losses.BinaryCrossentropy(from_logits=True), (KIND[:48] > 0).astype("float32")[:, None]
    model.compile(k.optimizers.Adam(0.01), loss)
    seen |= {"head": fit(model, IMAGES, y), "frozen": len(model.non_trainable_weights)}

    base.trainable = True
    base.get_layer("norm").trainable = False
    model.compile(k.optimizers.SGD(0.01), loss)
    seen |= {"whole": fit(model, IMAGES, y), "trained": [v.path for v in model.trainable_variables]}

    base.trainable = False
    features = base.get_layer("features")
    features.trainable = True
    features.enable_lora(rank=2)
    features.lora_kernel_a.assign(f32(4, 2, seed=4))
    model.compile(k.optimizers.Adam(0.01), loss)
    seen |= {"lora": fit(model, IMAGES, y), "adapted": [v.path for v in model.trainable_variables]}
    model.save(folder / "tuned.keras")
    loaded = k.models.load_model(folder / "tuned.keras")
    part = k.Model(loaded.get_layer("base").input, [loaded.get_layer("base").get_layer("features").output])
    return seen | {"predict": loaded.predict(IMAGES[:4], verbose=0), "features": part.predict(IMAGES[:4], verbose=0)}


def neural_ode(k, folder):
    """A layer that follows its own derivative by Runge and Kutta's rule, inside `ops.scan`."""

    class Flow(k.layers.Layer):
        def __init__(self, steps=4, **kwargs):
            super().__init__(**kwargs)
            self.steps = steps
            self.slope = k.Sequential([k.layers.Dense(6, activation="tanh"), k.layers.Dense(8)], name="slope")

        def build(self, input_shape):
            self.slope.build(input_shape)

        def call(self, y):
            h = 1.0 / self.steps

            def step(y, _):
                a = self.slope(y)
                b = self.slope(y + h / 2 * a)
                return y + h * self.slope(y + h / 2 * b), k.ops.mean(k.ops.square(a))

            y, speeds = k.ops.scan(step, y, None, length=self.steps)
            self.add_loss(0.001 * k.ops.mean(speeds))
            return y

    inputs = k.Input((8,))
    model = start(k.Model(inputs, k.layers.Dense(1)(Flow(name="flow")(inputs))))
    model.compile(k.optimizers.Adam(0.01), "mse", metrics=["mae"])
    return {"curve": fit(model, X, TARGET, validation_split=0.25), "paths": [w.path for w in model.weights]}


def steered(k, folder):
    """Callbacks that change the loss's weights and the rate, stop early and keep the best weights."""
    strength = k.Variable(0.0, trainable=False, name="strength")

    class Anneal(k.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            strength.assign(min(1.0, 0.2 * epoch))

        def on_epoch_end(self, epoch, logs=None):
            logs["strength"] = float(strength)
            logs["rate"] = float(self.model.optimizer.learning_rate)

    def loss(y_true, y_pred):
        return k.ops.mean(k.ops.square(y_true - y_pred) + strength * k.ops.abs(y_pred), axis=-1)

    model = mlp(k)
    model.strength = strength
    model.compile(k.optimizers.Adam(0.05), loss, metrics=["mae"])
    best = k.callbacks.ModelCheckpoint(
        folder / "best.weights.h5", "val_mae", save_best_only=True, save_weights_only=True
    )
    stop = k.callbacks.EarlyStopping("val_loss", patience=3, restore_best_weights=True)
    slower = k.callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=1, min_delta=0.01)
    log = k.callbacks.CSVLogger(folder / "log.csv")
    options = {
        "epochs": 15,
        "validation_data": (X[:24], -TARGET[:24]),
        "callbacks": [Anneal(), best, stop, slower, log],
    }
    curve = fit(model, X, TARGET, **options)
    weights = model.get_weights()
    model.load_weights(folder / "best.weights.h5")
    names = (folder / "log.csv").read_text().splitlines()[0]
    return {"curve": curve, "weights": weights, "best": model.get_weights(), "names": names}


QUICK = [train_step, loop_from_scratch, steered]
SLOW = [adversarial, variational_autoencoder, contrastive, physics_informed, fine_tuning, neural_ode]


@pytest.mark.parametrize("program", marked(QUICK, SLOW))
def test_a_program_sees_what_it_sees_in_keras(program, tmp_path):
    assert_sees_the_same(program, tmp_path, tolerance=2e-3)
