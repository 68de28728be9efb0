"""Files of Keras 2 made from a config by hand: older words, layers within layers, nodes as lists."""

import copy
import json
import zipfile

import h5py
import numpy as np
import pytest

import lapis
from lapis.saving import legacy_weights
from lapis.saving.legacy_config import to_modern
from lapis.saving.state import save_state
from tests.saving_models import assert_same, randomize

pytestmark = pytest.mark.usefixtures("quick_compilation")

KERAS_2 = {
    "class_name": "Functional",
    "config": {
        "name": "model",
        "layers": [
            {
                "class_name": "InputLayer",
                "config": {"batch_input_shape": [None, 6], "dtype": "float32", "sparse": False, "name": "input_1"},
                "name": "input_1",
                "inbound_nodes": [],
            },
            {
                "class_name": "Embedding",
                "config": {
                    "name": "embedding",
                    "batch_input_shape": [None, None],
                    "input_dim": 9,
                    "output_dim": 4,
                    "input_length": 6,
                    "embeddings_initializer": {
                        "class_name": "RandomUniform",
                        "config": {"minval": -0.1, "maxval": 0.1, "seed": None, "dtype": "float32"},
                    },
                },
                "name": "embedding",
                "inbound_nodes": [[["input_1", 0, 0, {}]]],
            },
            {
                "class_name": "Bidirectional",
                "config": {
                    "name": "bidirectional",
                    "layer": {
                        "class_name": "LSTM",
                        "config": {"name": "lstm", "units": 3, "implementation": 2, "time_major": False},
                    },
                    "merge_mode": "concat",
                },
                "name": "bidirectional",
                "inbound_nodes": [[["embedding", 0, 0, {}]]],
            },
            {
                "class_name": "Sequential",
                "config": {
                    "name": "inner",
                    "layers": [
                        {"class_name": "Dense", "config": {"name": "a", "units": 4, "batch_input_shape": [None, 6]}},
                        {
                            "class_name": "BatchNormalization",
                            "config": {
                                "name": "b",
                                "axis": {"class_name": "__tuple__", "items": [1]},
                                "dtype": {"class_name": "Policy", "config": {"name": "float32"}},
                            },
                        },
                    ],
                },
                "name": "inner",
                "inbound_nodes": [[["bidirectional", 0, 0, {}]], [["bidirectional", 0, 0, {}]]],
            },
            {
                "class_name": "Add",
                "config": {"name": "add", "trainable": True, "dtype": "float32"},
                "name": "add",
                "inbound_nodes": [[["inner", 1, 0, {}], ["inner", 2, 0, {}]]],
            },
        ],
        "input_layers": [["input_1", 0, 0]],
        "output_layers": [["add", 0, 0]],
    },
    "keras_version": "2.4.0",
}


def test_models_of_keras_2(tmp_path):
    model = lapis.saving.deserialize_keras_object(to_modern(copy.deepcopy(KERAS_2), is_keras_2=True))
    randomize(model)
    training = {
        "loss": {"class_name": "MeanSquaredError", "config": {"reduction": "auto", "name": "mse", "fn": "mse"}},
        "metrics": [[{"class_name": "MeanMetricWrapper", "config": {"name": "mae", "fn": "mae", "dtype": "float32"}}]],
        "weighted_metrics": None,
        "loss_weights": None,
        "optimizer_config": {
            "class_name": "Adam",
            "config": {"name": "Adam", "lr": 0.01, "decay": 0.0, "beta_1": 0.8, "is_legacy_optimizer": False},
        },
    }
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.attrs["model_config"] = json.dumps(KERAS_2)
        file.attrs["training_config"] = json.dumps(training)
        file.attrs["keras_version"] = "2.4.0"
        legacy_weights.save_weights(file.create_group("model_weights"), model)
    loaded = lapis.saving.load_model(tmp_path / "m.h5")
    assert_same(model, loaded, np.arange(12).reshape(2, 6) % 9)
    assert loaded.optimizer.beta_1 == 0.8
    assert float(loaded.optimizer.learning_rate.value) == pytest.approx(0.01)


def test_archives_of_keras_2(tmp_path):
    """As TensorFlow 2.13 wrote them: with modules, nodes as lists, and the layers under another name."""

    def with_modules(value):
        if isinstance(value, list):
            return [with_modules(item) for item in value]
        if not isinstance(value, dict):
            return value
        value = {key: with_modules(item) for key, item in value.items()}
        return {**value, "module": "keras.layers", "registered_name": None} if "class_name" in value else value

    config = copy.deepcopy(KERAS_2)
    model = lapis.saving.deserialize_keras_object(to_modern(copy.deepcopy(config), is_keras_2=True))
    randomize(model)
    config["config"]["layers"] = with_modules(config["config"]["layers"])
    config.update(module="keras.src.engine.functional", registered_name="Functional")
    adam = {"name": "Adam", "learning_rate": 0.01, "jit_compile": False, "is_legacy_optimizer": False}
    optimizer = {"module": "keras.optimizers", "class_name": "Adam", "config": adam, "registered_name": None}
    config["compile_config"] = {"optimizer": optimizer, "loss": "mse", "metrics": None}
    with h5py.File(tmp_path / "w.h5", "w") as file:
        save_state(model, file)
        file.move("layers", "_layer_checkpoint_dependencies")
        inner = file["_layer_checkpoint_dependencies/sequential"]
        inner.move("layers", "_layer_checkpoint_dependencies")
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "2.13.1"}))
        archive.writestr("config.json", json.dumps(config))
        archive.write(tmp_path / "w.h5", "model.weights.h5")
    with pytest.warns(UserWarning, match="optimizer state does not fit Adam, which starts afresh"):
        loaded = lapis.saving.load_model(tmp_path / "m.keras")
    assert_same(model, loaded, np.arange(12).reshape(2, 6) % 9)


def test_recorded_functions_of_tensorflow():
    nodes = [["x", 0, 0, {"name": None}]]
    config = {"name": "tf.signal.fft", "function": "signal.fft"}
    layer = {"class_name": "TFOpLambda", "config": config, "inbound_nodes": nodes}
    config = {"class_name": "Functional", "config": {**KERAS_2["config"], "layers": [layer]}}
    with pytest.raises(ValueError, match=r"'tf\.signal\.fft' is a TFOpLambda.*load_weights"):
        to_modern(config, is_keras_2=True)
