"""`lapis run`, the names that it lends to Lapis, and the part of `tf` that is there."""

import json
import subprocess
import sys

import numpy as np
import pytest

import lapis
import lapis.compat.tensorflow as tf
from lapis.cli import main, run_script
from lapis.compat import aliases

IMPORTS = """
import sys
import tensorflow as tf
import tensorflow.keras.layers as by_module
import keras
import keras.ops
from keras import layers
from keras.layers import Dense
from tensorflow import keras as tf_keras
from tensorflow.keras.optimizers import Adam
from tensorflow.keras.utils import to_categorical
same = keras is tf_keras is tf.keras and by_module is layers is keras.layers and by_module.Dense is Dense
arguments, name, file = sys.argv, __name__, __file__
class Here: pass
def place():
    return sys.modules["__main__"].Here is Here
in_main = place()
"""


def write(tmp_path, text):
    path = tmp_path / "script.py"
    path.write_text(text)
    return path


def test_run_gives_every_spelling(tmp_path):
    path = write(tmp_path, IMPORTS)
    before = sys.argv, list(sys.path), sys.modules["__main__"], list(sys.meta_path)
    scope = run_script(path, ["a", "--b"])
    assert scope["same"] and scope["in_main"]
    assert scope["keras"] is lapis
    assert scope["arguments"] == [str(path), "a", "--b"]
    assert scope["name"] == "__main__" and scope["file"] == str(path)
    assert (sys.argv, list(sys.path), sys.modules["__main__"], list(sys.meta_path)) == before
    assert lapis.__spec__.name == "lapis" and lapis.layers.__spec__.name == "lapis.layers"


def test_other_modules_of_those_names_come_back():
    sentinel = sys.modules.get("keras")
    fake = type(sys)("keras")
    sys.modules["keras"] = fake
    try:
        with aliases():
            import keras

            assert keras is lapis
        assert sys.modules["keras"] is fake
        assert "tensorflow" not in sys.modules or sys.modules["tensorflow"] is not tf
    finally:
        if sentinel is None:
            del sys.modules["keras"]
        else:
            sys.modules["keras"] = sentinel


def test_neighbours_of_the_script_can_be_imported(tmp_path):
    (tmp_path / "beside_the_script.py").write_text("import keras\nvalue = keras.layers.Dense")
    scope = run_script(write(tmp_path, "import beside_the_script\nvalue = beside_the_script.value"))
    assert scope["value"] is lapis.layers.Dense


def test_unknown_module_says_what_it_is(tmp_path):
    with pytest.raises(ModuleNotFoundError, match=r"tensorflow.python is not part of what Lapis offers"):
        run_script(write(tmp_path, "import tensorflow.python.framework"))
    assert "tensorflow" not in sys.modules or sys.modules["tensorflow"] is not tf


@pytest.mark.parametrize(("text", "code"), [("raise SystemExit(3)", 3), ("print('done')", 0), ("1 / 0", 1)])
def test_exit_code_is_passed_on(tmp_path, text, code):
    command = [sys.executable, "-m", "lapis.cli", "run", str(write(tmp_path, text))]
    assert subprocess.run(command, check=False, capture_output=True).returncode == code


def test_missing_script_is_one_sentence(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["run", "no_such_script.py"])
    assert stop.value.code == 2
    assert "there is no file 'no_such_script.py'" in capsys.readouterr().err


def test_plan_of_a_file(tmp_path, capsys):
    inputs = lapis.Input((None, 4), name="series")
    model = lapis.Model(inputs, lapis.layers.GlobalAveragePooling1D()(lapis.layers.Dense(3, name="wide")(inputs)))
    model.save(tmp_path / "model.keras")
    file, options = str(tmp_path / "model.keras"), ["--predict", "--input-shape", "10,4", "--batch-size", "8"]
    assert main(["plan", file, *options, "--memory", "50MB", "--chart", str(tmp_path / "plan.svg")]) == 0
    shown = capsys.readouterr().out
    assert "wide (Dense)" in shown and "Peak memory" in shown and "Largest batch in 50MB: " in shown
    assert "wide" in (tmp_path / "plan.svg").read_text()
    assert main(["plan", file, *options, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["layers"][0]["flops_forward"] == 8 * 10 * (2 * 4 * 3 + 3)
    with pytest.raises(SystemExit):
        main(["plan", file])
    assert "Pass input_shapes" in capsys.readouterr().err


def test_custom_layer_with_tf_functions(tmp_path):
    scope = run_script(
        write(
            tmp_path,
            """
import tensorflow as tf
from tensorflow import keras

class Scale(keras.layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], 2), initializer="ones", trainable=True)

    def call(self, inputs: tf.Tensor):
        return tf.matmul(inputs, self.w) + tf.reduce_sum(tf.constant([1.0, 2.0]))

inputs = keras.Input((3,))
outputs = Scale()(inputs)
model = keras.Model(inputs, tf.reduce_mean(outputs, axis=-1, keepdims=True))
result = model(tf.ones((2, 3)))
""",
        )
    )
    np.testing.assert_allclose(scope["result"], np.full((2, 1), 6.0))


def test_tf_functions():
    x = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    cases = [
        (tf.matmul(x, x, transpose_b=True), np.asarray(x) @ np.asarray(x).T),
        (tf.concat([x, x], axis=1), np.concatenate([x, x], 1)),
        (tf.stack([x, x], axis=1), np.stack([x, x], 1)),
        (tf.reshape(x, [-1]), [1, 2, 3, 4]),
        (tf.reduce_sum(x, axis=0), [4, 6]),
        (tf.reduce_max(x), 4),
        (tf.cast(x, tf.int32), np.asarray(x, "int32")),
        (tf.transpose(x, perm=[1, 0]), np.asarray(x).T),
        (tf.expand_dims(x, 0).shape, (1, 2, 2)),
        (tf.squeeze(tf.zeros((1, 2))).shape, (2,)),
        (tf.nn.softmax(x), np.exp(x) / np.exp(x).sum(-1, keepdims=True)),
        (tf.math.log(x), np.log(x)),
        (tf.split(x, [1, 1], axis=1)[1], [[2], [4]]),
        (tf.pad(x, [[0, 0], [1, 0]]), np.pad(x, [[0, 0], [1, 0]])),
        (tf.gather(x, [1]), [[3, 4]]),
        (tf.where(x > 2), [[1, 0], [1, 1]]),
        (tf.boolean_mask(x, x > 2), [3, 4]),
        (tf.argmax(x, axis=1), [1, 1]),
        (tf.sort(x, direction="DESCENDING"), [[2, 1], [4, 3]]),
        (tf.math.cumsum(x, axis=1, exclusive=True), [[0, 1], [0, 3]]),
        (tf.math.cumsum(x, axis=1, reverse=True), [[3, 2], [7, 4]]),
        (tf.range(3), [0, 1, 2]),
        (tf.fill([2], 7), [7, 7]),
        (tf.one_hot([1], 2), [[0, 1]]),
        (tf.norm(x), np.linalg.norm(x)),
        (tf.broadcast_to([1.0, 2.0], tf.stack([2, 2])), [[1, 2], [1, 2]]),
        (tf.sequence_mask([1, 3], dtype=tf.int32), [[1, 0, 0], [1, 1, 1]]),
        (tf.sequence_mask([[0], [2]], 2), [[[0, 0]], [[1, 1]]]),
        (tf.linalg.band_part(tf.ones((2, 3, 3)), -1, 0), np.tril(np.ones((2, 3, 3)))),
        (tf.linalg.band_part(tf.ones((3, 4)), 1, 1), np.tril(np.triu(np.ones((3, 4)), -1), 1)),
        (tf.linalg.band_part(tf.ones((3, 4)), 0, -1), np.triu(np.ones((3, 4)))),
        (tf.math.unsorted_segment_sum(x, [2, 0], 3), [[3, 4], [0, 0], [1, 2]]),
        (tf.nn.l2_loss(x), 15),
        (tf.nn.bias_add(x, [1.0, 2.0]), [[2, 4], [4, 6]]),
        (
            tf.nn.conv2d(tf.ones((1, 3, 3, 1)), tf.ones((2, 2, 1, 1)), [1, 1, 1, 1], "VALID")[0, :, :, 0],
            np.full((2, 2), 4),
        ),
        (tf.random.uniform((2, 2), maxval=3, dtype=tf.int32).shape, (2, 2)),
        (tf.image.flip_left_right(tf.reshape(x, (2, 2, 1)))[..., 0], [[2, 1], [4, 3]]),
    ]
    for place, (ours, expected) in enumerate(cases):
        np.testing.assert_allclose(np.asarray(ours), np.asarray(expected), rtol=1e-5, err_msg=str(place))


def test_tf_types():
    assert tf.float32 == "float32" and tf.float32.name == "float32" and tf.float32.is_floating
    assert tf.zeros((2,), tf.int32).dtype == tf.int32
    assert tf.as_dtype(np.int8) == tf.int8
    assert lapis.layers.Dense(2, dtype=tf.float16).compute_dtype == "float16"
    assert isinstance(tf.zeros(()), tf.Tensor) and isinstance(lapis.Input((2,)), tf.Tensor)
    assert tf.TensorShape((None, 2)).as_list() == [None, 2]
    assert tf.keras is lapis and tf.newaxis is None
    assert tf.losses is lapis.losses and tf.optimizers.Adam is lapis.optimizers.Adam


def test_tf_variable():
    v = tf.Variable([1.0, 2.0], name="v")
    v.assign_add([1.0, 1.0])
    assert v.numpy().tolist() == [2.0, 3.0] and v.trainable and v.dtype == tf.float32


@pytest.mark.parametrize(
    ("namespace", "name", "text"),
    [
        (tf, "GradientTape", r"tf.GradientTape is not part of Lapis: .*train_step"),
        (tf, "data", r"tf.data is not part of Lapis: .*PyDataset"),
        (tf, "reduce_summ", r"Did you mean tf.reduce_sum"),
        (tf.math, "bincount", r"lapis.ops.bincount"),
        (tf.nn, "ctc_beam_search_decoder", r"tf.nn.ctc_beam_search_decoder is not among"),
    ],
)
def test_what_is_missing_says_so(namespace, name, text):
    with pytest.raises(AttributeError, match=text):
        getattr(namespace, name)
