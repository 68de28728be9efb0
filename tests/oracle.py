"""Real Keras on its JAX backend, the oracle of behaviour."""

import os

os.environ["KERAS_BACKEND"] = "jax"

import keras as keras
