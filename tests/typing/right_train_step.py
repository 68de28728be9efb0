"""A training step of the user's own."""

from typing import Any

import jax

import lapis as keras


class Trained(keras.Model):
    def train_step(self, state: tuple, data: Any) -> tuple[dict[str, Any], tuple]:
        trainable, non_trainable, optimizer, metrics = state
        x, y = data
        gradient = jax.value_and_grad(self.compute_loss_and_updates, has_aux=True)
        (loss, (_, _, non_trainable, metrics)), gradients = gradient(
            trainable, non_trainable, metrics, x, y, None, training=True
        )
        trainable, optimizer = self.optimizer.stateless_apply(optimizer, gradients, trainable)
        return {"loss": loss}, (trainable, non_trainable, optimizer, metrics)


inputs = keras.Input((3,))
model = Trained(inputs, keras.layers.Dense(1)(inputs))
model.compile(optimizer="sgd", loss="mse")
model.fit([[0.0, 1.0, 2.0]], [[1.0]], verbose=0)
