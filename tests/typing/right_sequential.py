"""A sequential model."""

import lapis as keras

model = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        keras.layers.Conv2D(8, (3, 3), strides=2, padding="same", activation=keras.activations.relu),
        keras.layers.MaxPooling2D(2),
        keras.layers.Flatten(),
        keras.layers.Dense(10, kernel_regularizer=keras.regularizers.L2(1e-4)),
    ],
    name="net",
)
model.add(keras.layers.Softmax())
model.pop()
model.compile(loss=keras.losses.CategoricalCrossentropy(from_logits=True), metrics=[keras.metrics.AUC(), "mae"])
first: keras.Layer = model.get_layer("dense")
