"""Settings, limits, tracebacks, policies and the smaller namespaces."""

import subprocess
import sys
import traceback
from typing import Any

import jax
import keras
import numpy as np
import pytest

import lapis
from lapis import config, dtype_policies, layers, ops, tree

pytestmark = pytest.mark.usefixtures("quick_compilation")

# Limits for trying a program out


@pytest.fixture
def limits() -> Any:
    yield
    config.set_max_epochs(None)
    config.set_max_steps_per_epoch(None)


def test_limits_of_epochs_and_steps(limits: None) -> None:
    model = lapis.Sequential([lapis.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((48, 2), "float32"), np.ones((48, 1), "float32")
    seen: list[int] = []
    counter = lapis.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))
    config.set_max_epochs(2)
    config.set_max_steps_per_epoch(3)
    assert (config.max_epochs(), config.max_steps_per_epoch()) == (2, 3)
    with pytest.warns(UserWarning, match="Limiting") as told:
        history = model.fit(x, y, batch_size=8, epochs=5, verbose=0, callbacks=[counter], validation_data=(x, y))
    assert len(told) == 3  # of epochs, of steps in training, of steps in validation
    assert (seen, len(history.history["val_loss"])) == ([0, 1, 2, 0, 1, 2], 2)
    with pytest.warns(UserWarning, match="steps_per_epoch to 3"):
        assert model.predict(x, batch_size=8, verbose=0).shape == (24, 1)
    with pytest.warns(UserWarning, match="steps_per_epoch to 3"):
        model.evaluate(x, y, batch_size=8, verbose=0)
    model.evaluate(x, y, batch_size=24, verbose=0)  # two steps: no limit to speak of
    for wrong in (-1, 1.5, True):
        with pytest.raises(ValueError, match="must be None or a number of 0 or more"):
            config.set_max_epochs(wrong)


def test_limits_come_from_the_environment() -> None:
    program = "import lapis.core.config as c; print(c.max_epochs(), c.max_steps_per_epoch())"
    environment = {"KERAS_MAX_EPOCHS": "4", "PATH": ""}
    run = [sys.executable, "-c", program]
    assert subprocess.run(run, env=environment, capture_output=True, text=True).stdout == "4 None\n"
    wrong = subprocess.run(run, env={"KERAS_MAX_STEPS_PER_EPOCH": "few"}, capture_output=True, text=True)
    assert "KERAS_MAX_STEPS_PER_EPOCH must hold a number of 0 or more; got 'few'" in wrong.stderr


# Tracebacks


@pytest.fixture
def short_tracebacks() -> Any:
    config.enable_traceback_filtering()
    yield
    config.disable_traceback_filtering()


class _Failing(layers.Layer):
    def call(self, x: Any) -> Any:
        return ops.matmul(x, ops.ones((7, 2)))


def _files(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)
    return [next((one for one in ("lapis", "jax") if f"/{one}/" in frame.filename), frame.name) for frame in frames]


def _fit() -> None:
    model = lapis.Sequential([lapis.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.ones((3, 2)), np.ones((4, 1)), verbose=0)


@pytest.mark.parametrize("failing", [lambda: _Failing()(ops.ones((2, 3))), _fit], ids=["call", "fit"])
def test_tracebacks_leave_out_the_library(failing: Any, short_tracebacks: None) -> None:
    assert config.is_traceback_filtering_enabled()
    with pytest.raises(Exception) as short:
        failing()
    config.disable_traceback_filtering()
    with pytest.raises(type(short.value)) as whole:
        failing()
    shown, all_of_them = _files(short.value), _files(whole.value)
    assert str(short.value) == str(whole.value)
    assert shown.count("lapis") <= 1 < all_of_them.count("lapis")  # the one that was entered stays
    library = {"lapis", "jax"}
    assert [name for name in shown if name not in library] == [name for name in all_of_them if name not in library]
    assert "jax" not in shown


def test_tracebacks_show_layers_of_the_users_own(short_tracebacks: None) -> None:
    with pytest.raises(Exception) as error:
        lapis.Sequential([_Failing()])(ops.ones((2, 3)))
    assert _files(error.value) == ["test_tracebacks_show_layers_of_the_users_own", "call"]


def test_full_tracebacks(short_tracebacks: None) -> None:
    def frames() -> list[str]:
        with pytest.raises(TypeError) as error:
            _Failing()(ops.ones((2, 3)))
        return _files(error.value)

    assert "lapis" not in frames()
    with config.full_tracebacks():
        assert not config.is_traceback_filtering_enabled()
        assert "lapis" in frames()
    assert "lapis" not in frames()
    config.full_tracebacks()
    assert "lapis" in frames()
    with config.full_tracebacks():
        pass
    assert not config.is_traceback_filtering_enabled()  # as before the context


# Policies

POLICIES = {
    "int8": lambda k: k.dtype_policies.QuantizedDTypePolicy("int8", "float32"),
    "float8": lambda k: k.dtype_policies.QuantizedFloat8DTypePolicy("float8", "mixed_bfloat16", 16),
    "int4": lambda k: k.dtype_policies.Int4DTypePolicy("int4/128", "float32"),
    "gptq": lambda k: k.dtype_policies.GPTQDTypePolicy("gptq/4/128", "float32"),
    "awq": lambda k: k.dtype_policies.AWQDTypePolicy("awq/4/-1", "mixed_float16"),
    "map": lambda k: k.dtype_policies.DTypePolicyMap("float32", {"a/.*": k.DTypePolicy("mixed_bfloat16")}),
    "map-default": lambda k: k.dtype_policies.DTypePolicyMap(),
}


@pytest.mark.parametrize("name", POLICIES)
def test_policies_are_those_of_keras(name: str) -> None:
    mine, theirs = POLICIES[name](lapis), POLICIES[name](keras)
    for attribute in ("name", "compute_dtype", "variable_dtype", "quantization_mode"):
        assert getattr(mine, attribute) == getattr(theirs, attribute)
    assert dtype_policies.serialize(mine) == keras.dtype_policies.serialize(theirs)
    assert dtype_policies.deserialize(keras.dtype_policies.serialize(theirs)) == mine
    assert keras.dtype_policies.deserialize(dtype_policies.serialize(mine)).name == mine.name


@pytest.mark.parametrize("name", ["int8_from_float32", "int4_from_float32", "int4/64_from_float32", "float32"])
def test_policies_by_name(name: str) -> None:
    mine, theirs = dtype_policies.get(name), keras.dtype_policies.get(name)
    assert (type(mine).__name__, mine.get_config()) == (type(theirs).__name__, theirs.get_config())


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda p: p.QuantizedDTypePolicy("int3"), "mode is 'int3'; expected one of 'int8'"),
        (lambda p: p.QuantizedDTypePolicy("int8", "mixed_float16"), "does not go with computing in float16"),
        (lambda p: p.GPTQDTypePolicy("gptq/5/128"), "number of bits must be one of"),
        (lambda p: p.AWQDTypePolicy("awq/4"), "expects the form 'awq/<weight_bits>/<group_size>'"),
        (lambda p: p.Int4DTypePolicy("int4/x"), "expects the form 'int4/<block_size>'"),
        (lambda p: p.Int4DTypePolicy("int4/0"), "must be -1"),
        (lambda p: p.get("int9_from_float32"), "is no dtype policy"),
    ],
)
def test_policies_refuse(make: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        make(dtype_policies)
    with pytest.raises(ValueError):
        make(keras.dtype_policies)


def test_policies_of_a_map_go_by_expression() -> None:
    policies = dtype_policies.DTypePolicyMap("float32", {"encoder/.*": "bfloat16", "encoder/a": "float16"})
    names = [policies[path].name for path in ("encoder/a", "encoder/b", "encoder", "x/encoder/b")]
    assert names == ["float16", "bfloat16", "float32", "float32"]
    policies["encoder/b.*"] = "float16"
    with pytest.raises(ValueError, match=r"several policies, by the keys \['encoder/\.\*', 'encoder/b\.\*'\]"):
        policies["encoder/b"]
    layer = layers.Dense(2, name="b", dtype=dtype_policies.DTypePolicyMap("float32", {"b": "bfloat16"}))
    assert layer(ops.ones((1, 2))).dtype == "bfloat16"


def test_policies_that_quantize_are_for_no_layer_yet() -> None:
    for policy in ("int8_from_float32", dtype_policies.DTypePolicyMap("float32", {"a": "int8_from_mixed_bfloat16"})):
        with pytest.raises(NotImplementedError, match=r"layers are not quantized; take '(float32|mixed_bfloat16)'"):
            layers.Dense(1, dtype=policy)


# Trees


def test_trees_as_keras() -> None:
    nested = {"b": [1, (2, 3)], "a": {"x": [None, 4]}}
    for namespace in (tree, keras.tree):
        assert namespace.lists_to_tuples(nested) == {"b": (1, (2, 3)), "a": {"x": (None, 4)}}
        shapes = {"a": (None, 3), "b": [(1,), [2, None]]}
        assert namespace.map_shape_structure(lambda shape: len(shape), shapes) == {"a": 2, "b": [1, 2]}
        namespace.assert_same_paths({"a": [0, (1,)]}, {"a": (5, [6])})
        with pytest.raises(ValueError, match="paths"):
            namespace.assert_same_paths({"a": [0]}, {"a": [0, 1]})
    with pytest.raises(UserWarning, match="ignores check_types"):
        tree.assert_same_structure([1], [2], check_types=False)


# The engine


def test_devices() -> None:
    first = jax.devices()[0]
    for name in ("cpu:0", "CPU", first):
        with lapis.device(name):
            assert ops.ones(2).device == first
    for wrong in ("cpu:9", "abacus:0"):
        with pytest.raises(ValueError, match=r"There is no device .* here; there are cpu:0"):
            lapis.device(wrong)
    with pytest.raises(ValueError, match=r"a name such as 'gpu:0' or a jax.Device; got 0"):
        lapis.device(0)


def test_backend_names() -> None:
    backend = lapis.backend
    assert [backend.is_float_dtype(d) for d in ("bfloat16", "int8")] == [True, False]
    assert [backend.is_int_dtype(d) for d in ("uint8", "float32", "bool")] == [True, False, False]
    counted = [[k.backend.get_uid("thing"), k.backend.get_uid("thing")] for k in (lapis, keras)]
    assert counted[0] == counted[1] == [1, 2]
    layers.Dense(1)
    assert (lapis.backend.get_uid("dense"), layers.Dense(1).name) == (1, "dense_2")
    config.set_backend("jax")
    assert config.is_nnx_enabled() is False


# Functions of graphs


def test_function() -> None:
    def make(k: Any) -> Any:
        a, b = k.KerasTensor((None, 2, 3), name="a"), k.KerasTensor((None, 2, 3))
        total = a + b
        return k.Function({"a": a, "b": b}, [k.ops.sigmoid(total), k.ops.sum(total, axis=1)], name="f")

    mine, theirs = make(lapis), make(keras)
    data = {"a": np.ones((4, 2, 3), "float32"), "b": np.full((4, 2, 3), 0.5, "float32")}
    for left, right in zip(mine(data), theirs(data), strict=True):
        np.testing.assert_allclose(left, right, atol=1e-6)
    shapes = {"a": (5, 2, 3), "b": (5, 2, 3)}
    assert mine.compute_output_shape(shapes) == theirs.compute_output_shape(shapes) == [(5, 2, 3), (5, 3)]
    assert [len(f.inputs) + len(f.outputs) for f in (mine, theirs)] == [4, 4]
    assert len(mine.operations) == 3
    again = mine({name: lapis.Input((2, 3)) for name in data})
    assert [x.shape for x in again] == [(None, 2, 3), (None, 3)]
    with pytest.raises(ValueError, match="expects the shape \\(None, 2, 3\\) for its input 'a'; got \\(4, 2, 4\\)"):
        mine({**data, "a": np.ones((4, 2, 4))})
    with pytest.raises(ValueError, match="inputs in another structure"):
        mine(list(data.values()))
    with pytest.raises(ValueError, match="`outputs` must be symbolic tensors"):
        lapis.Function(mine.inputs, [])
    with pytest.raises(ValueError, match="cannot be reached from the inputs"):
        lapis.Function(mine.inputs[0], mine.outputs)


# Older names


def test_legacy_objects() -> None:
    table = {"L2": lapis.regularizers.L2, "Dense": layers.Dense}
    for namespace in (lapis.legacy.saving, lapis.utils.legacy):
        written = namespace.serialize_keras_object(lapis.regularizers.L2(0.5))
        assert written == {"class_name": "L2", "config": {"l2": 0.5}}
        assert namespace.deserialize_keras_object(written, table).get_config() == {"l2": 0.5}
    legacy = lapis.utils.legacy
    assert legacy.serialize_keras_object(None) is None
    assert legacy.deserialize_keras_object("L2", table).get_config() == {"l2": pytest.approx(0.01)}
    assert legacy.deserialize_keras_object("twice", custom_objects={"twice": len}) is len
    layer = layers.Dense(2, kernel_regularizer="l2")
    again = legacy.deserialize_keras_object(legacy.serialize_keras_object(layer), table)
    assert again.get_config() == layer.get_config()
    with pytest.raises(ValueError, match="There is no loss named 'L3'"):
        legacy.deserialize_keras_object("L3", table, printable_module_name="loss")
    with pytest.raises(ValueError, match="describes no object"):
        legacy.deserialize_keras_object({"class_name": "L2"}, table)
    with pytest.raises(ValueError, match="no get_config method and no name"):
        legacy.serialize_keras_object(3)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_smart_resize(data_format: str, interpolation: str) -> None:
    shape = (2, 10, 7, 3) if data_format == "channels_last" else (2, 3, 10, 7)
    x = np.random.default_rng(0).uniform(size=shape).astype("float32")
    for images in (x, x[0]):
        resized = [
            k.preprocessing.image.smart_resize(images, (6, 8), interpolation, data_format=data_format)
            for k in (lapis, keras)
        ]
        assert isinstance(resized[0], np.ndarray)
        np.testing.assert_allclose(resized[0], resized[1], atol=1e-5)
    with pytest.raises(ValueError, match="batches of them 4"):
        lapis.preprocessing.image.smart_resize(x[0, 0], (2, 2))


def test_quantizer_base() -> None:
    quantizer = lapis.Quantizer("int4")
    assert (quantizer.output_dtype, quantizer(3), lapis.quantizers.Quantizer) == ("int4", 3, lapis.Quantizer)
    with pytest.raises(NotImplementedError, match="no get_config"):
        quantizer.get_config()


def test_defaults_per_axis() -> None:
    for cls, rank in ((layers.Conv1D, 1), (layers.Conv2D, 2), (layers.Conv3DTranspose, 3)):
        assert cls(1, 2).strides == (1,) * rank
    assert layers.MaxPooling3D().pool_size == (2, 2, 2)
    again = layers.Conv2D.from_config(layers.Conv2D(1, 2).get_config())
    assert again.dilation_rate == (1, 1)
