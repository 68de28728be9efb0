"""Saving, loading, cloning, configs and plots."""

import lapis as keras

model = keras.models.load_model("model.keras", custom_objects={"f": abs}, compile=False)
clone = keras.models.clone_model(keras.Sequential([keras.layers.Dense(1)]))
config = clone.get_config()
again = keras.Sequential.from_config(config)
text: str = clone.to_json()
clone.save_weights("w.weights.h5")
clone.load_weights("w.weights.h5")
keras.utils.plot_model(clone, "model.png", show_shapes=True)
keras.utils.set_random_seed(1)
keras.config.set_floatx("float32")
with keras.config.full_tracebacks():
    clone.count_params()
keras.config.enable_sanitizer()
