"""The guide's programs, unmodified, through `lapis run` from a scratch folder: their results, not only exit codes."""

import os
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest

import lapis

ROOT = pathlib.Path(__file__).parent.parent
SHARED = pathlib.Path(os.environ.get("LAPIS_SHARED", ROOT.parent / "shared"))
GUIDE, DATA = SHARED / "guide", SHARED / "data"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not GUIDE.exists(), reason="the guide's programs are not beside the project"),
]

# Runs the script with `lapis run` in this process, then prints what is asked for about its variables.
_DRIVER = """
import sys
import warnings
import lapis
from lapis.cli.run import run_script
warnings.simplefilter("error", lapis.CheckWarning)  # the programs are right
lapis.utils.set_random_seed(3)  # the programs set none, and the accuracy after five epochs varies from 0.965 to 0.973
scope = run_script(sys.argv[1], [])
exec(sys.argv[2], scope)
"""


@pytest.fixture
def cache(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = tmp_path / "cache"
    folder.mkdir()
    for name in ("mnist.npz", "cifar-10-batches-bin"):
        (folder / name).symlink_to(DATA / name)
    return folder


def _run(script: str, questions: str, cache: pathlib.Path, warnings: str = "error") -> str:
    work = cache.parent / "work"
    work.mkdir(exist_ok=True)
    # Compiled as for users, which these tests are not.
    own = {"LAPIS_HOME": str(cache), "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": warnings, "XLA_FLAGS": ""}
    done = subprocess.run(
        [sys.executable, "-c", _DRIVER, str(GUIDE / script), questions],
        cwd=work, env={**os.environ, **own}, capture_output=True, text=True, timeout=1500,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def _boxes(path: pathlib.Path) -> tuple[int, int]:
    from PIL import Image

    with Image.open(path) as image:
        return image.size


def test_01_first_model(cache: pathlib.Path) -> None:
    out = _run(
        "01_first_model.py", "print(model.count_params(), [i.shape for i in model.outputs], len(model.layers))", cache
    )
    assert "55,050" in out and "55050 [(None, 10)] 4" in out
    accuracy = float(re.search(r"Test accuracy: ([\d.]+)", out)[1])
    assert accuracy >= 0.97
    work = cache.parent / "work"
    plain, shaped = _boxes(work / "my_first_model.png"), _boxes(work / "my_first_model_with_shape_info.png")
    assert min(plain) > 100 and shaped > plain
    model = lapis.models.load_model(work / "path_to_my_model.h5")
    drawing = lapis.view.layout(model, show_shapes=True)
    assert len(drawing.boxes) == 4
    (_, _), (x, y) = _mnist(cache)
    _, again = model.evaluate(x, y, verbose=0)
    assert again == pytest.approx(accuracy, abs=1e-6)


def _mnist(cache: pathlib.Path):
    os.environ["LAPIS_HOME"], old = str(cache), os.environ.get("LAPIS_HOME")
    try:
        (a, b), (x, y) = lapis.datasets.mnist.load_data()
    finally:
        os.environ.pop("LAPIS_HOME") if old is None else os.environ.update(LAPIS_HOME=old)
    return (a, b), (x.reshape(-1, 784).astype("float32") / 255, y)


@pytest.mark.parametrize(
    ("script", "questions", "expected"),
    [
        (
            "02_one_graph_many_models.py",
            "print(encoder.output_shape, autoencoder.output_shape, encoder.count_params(), autoencoder.count_params())",
            "(None, 16) (None, 28, 28, 1) 18672 28241",
        ),
        (
            "03_models_as_layers.py",
            "print(autoencoder.output_shape, encoder.count_params(), decoder.count_params(), "
            "autoencoder.count_params())",
            "(None, 28, 28, 1) 18672 9569 28241",
        ),
        ("04_ensemble.py", "print(ensemble_model.output_shape, ensemble_model.count_params())", "(None, 1) 387"),
        (
            "07_shared_layers.py",
            "print(encoded_input_a.shape, encoded_input_b.shape, shared_embedding.count_params())",
            "(None, None, 128) (None, None, 128) 128000",
        ),
        ("09_custom_layer.py", "print(model.output_shape, model.count_params())", "(None, 10) 50"),
        (
            "10_custom_layer_config.py",
            "print(new_model.output_shape, new_model.count_params(), new_model.layers[1].units)",
            "(None, 10) 50 10",
        ),
        ("11_functional_and_subclass.py", "print(_.shape, mlp.count_params())", "(1, 10) 2762"),
        ("12_functional_inside_subclass.py", "print(_.shape, rnn_model.count_params())", "(1, 1) 1281"),
        (
            "13_custom_layer_in_functional.py",
            "print(model.output_shape, model.count_params(), _.shape)",
            "(16, 8, 1) 2657 (1, 10, 1)",
        ),
    ],
)
def test_graphs(script: str, questions: str, expected: str, cache: pathlib.Path) -> None:
    assert _run(script, questions, cache).strip().splitlines()[-1] == expected


def test_05_many_inputs_and_outputs(cache: pathlib.Path) -> None:
    questions = (
        "print(model.output_shape, model.count_params(), model.input_names, model.output_names);"
        "print(sorted(model.history.history))"
    )
    out = _run("05_many_inputs_and_outputs.py", questions, cache).splitlines()
    assert out[-2] == "[(None, 1), (None, 4)] 1392097 ['title', 'body', 'tags'] ['priority', 'department']"
    assert out[-1] == "['department_loss', 'loss', 'priority_loss']"
    assert min(_boxes(cache.parent / "work" / "multi_input_and_output_model.png")) > 300


def test_06_toy_resnet(cache: pathlib.Path) -> None:
    questions = (
        "print(model.output_shape, model.count_params(),"
        " {k: type(v[0]).__name__ for k, v in model.history.history.items()})"
    )
    out = _run("06_toy_resnet.py", questions, cache).splitlines()
    names = "{'acc': 'float', 'loss': 'float', 'val_acc': 'float', 'val_loss': 'float'}"
    assert out[-1] == f"(None, 10) 223242 {names}"
    assert min(_boxes(cache.parent / "work" / "mini_resnet.png")) > 300


def test_08_vgg19_features(cache: pathlib.Path) -> None:
    """The weights come from a file in the published layout, made here by real Keras with random numbers."""
    make = (
        "import os; os.environ['KERAS_BACKEND'] = 'jax'\n"
        "import keras, numpy as np, sys\n"
        "model = keras.applications.VGG19(weights=None)\n"
        "rng = np.random.default_rng(0)\n"
        "model.set_weights([rng.normal(0, 0.02, w.shape).astype('float32') for w in model.weights])\n"
        "model.save_weights if False else None\n"
        "from keras.src.legacy.saving import legacy_h5_format\n"
        "import h5py\n"
        "with h5py.File(sys.argv[1], 'w') as file: legacy_h5_format.save_weights_to_hdf5_group(file, model)\n"
        "img = np.random.default_rng(1).random((1, 224, 224, 3)).astype('float32')\n"
        "np.save(sys.argv[2], np.asarray(model(img)))\n"
    )
    weights = cache / "models" / "vgg19_weights_tf_dim_ordering_tf_kernels.h5"
    weights.parent.mkdir()
    expected = cache.parent / "expected.npy"
    subprocess.run([sys.executable, "-c", make, str(weights), str(expected)], check=True, timeout=900)
    questions = (
        "import numpy; img = numpy.random.default_rng(1).random((1, 224, 224, 3)).astype('float32');"
        "print(len(extracted_features), vgg19.count_params(), [tuple(f.shape) for f in extracted_features][-3:]);"
        "numpy.save('got.npy', numpy.asarray(vgg19(img)))"
    )
    out = _run("08_vgg19_features.py", questions, cache, "default").splitlines()
    assert out[-1] == "26 143667240 [(1, 4096), (1, 4096), (1, 1000)]"
    got = np.load(cache.parent / "work" / "got.npy")
    np.testing.assert_allclose(got, np.load(expected), rtol=1e-4, atol=1e-6)


_TEN_EPOCHS = """
import contextlib, sys
import numpy as np
import keras, lapis

lapis.training.steps.keeping_logits = contextlib.nullcontext
data = np.load(sys.argv[1])
x, y, x_test, y_test = (data[name] for name in ("x", "y", "x_test", "y_test"))

def build(k):
    k.config.set_floatx("float64")
    inputs = k.Input((784,), name="img")
    h = k.layers.Dense(64, activation="relu")(inputs)
    h = k.layers.Dense(64, activation="relu")(h)
    model = k.Model(inputs, k.layers.Dense(10, activation="softmax")(h))
    model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model

ours, theirs = build(lapis), build(keras)
ours.set_weights([np.asarray(w) for w in theirs.weights])
curves = [
    model.fit(x, y, batch_size=64, epochs=10, shuffle=False, validation_data=(x_test, y_test), verbose=0).history
    for model in (ours, theirs)
]
assert list(curves[0]) == list(curves[1])
print(max(np.abs(np.subtract(curves[0][name], curves[1][name])).max() for name in curves[0]))
"""


def test_ten_epochs_like_keras(cache: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """The first model on MNIST: equal curves from equal weights and the same order of batches.

    In double precision, since ten epochs blow up differences of rounding, which depend on how sums are ordered; and
    with the loss from probabilities, as Keras has it, whose gradient is cut off where they come near 0.
    """
    (x, y), (x_test, y_test) = _mnist(cache)
    x, x_test = (images.reshape(-1, 784) / 255 for images in (x, x_test))
    np.savez(tmp_path / "data.npz", x=x, y=y, x_test=x_test, y_test=y_test)
    environment = {**os.environ, "JAX_ENABLE_X64": "1", "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-c", _TEN_EPOCHS, str(tmp_path / "data.npz")]
    found = subprocess.run(command, check=True, timeout=900, env=environment, capture_output=True, text=True)
    assert float(found.stdout) < 1e-9
