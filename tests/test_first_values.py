"""Large weights wait for their first values until they are read; nothing else shows of it."""

import copy

import jax
import numpy as np
import pytest

import lapis
from lapis.initializers import draw
from lapis.saving.aligned import aligned
from tests.hostile.watching import _memory, _reset_peak

layers = lapis.layers
SUFFIXES = (".keras", ".h5", ".weights.h5", ".safetensors", ".npz")


def make(size=64, seed=3):
    lapis.utils.set_random_seed(seed)
    dense = layers.Dense(size, name="a"), layers.Dense(size, kernel_initializer="ones", name="b")
    last = layers.Dense(2, kernel_initializer="zeros", name="c")
    return lapis.Sequential([lapis.Input((size,)), *dense, last], name="m")


def waiting(model):
    return [weight.path for weight in model.weights if weight.held_value() is None]


def save(model, path):
    model.save(path) if path.suffix == ".keras" or path.name == "a.h5" else model.save_weights(path)


@pytest.fixture
def nothing_is_drawn(monkeypatch):
    def refuse(*_):
        raise AssertionError("a first value was made")

    for name in ("uniform", "normal", "truncated_normal"):
        monkeypatch.setattr(draw, name, refuse)


def test_only_large_ones_wait_and_reading_makes_them():
    model = make()
    assert waiting(model) == ["m/a/kernel", "m/b/kernel"]
    assert model.count_params() == 64 * 64 * 2 + 64 * 2 + 130 and model.summary(print_fn=str) is None
    assert len(waiting(model)) == 2
    model(np.ones((1, 64)))
    assert not waiting(model)


def test_values_do_not_depend_on_when_they_are_read():
    at_once, later = make(), make()
    values = [weight.numpy() for weight in at_once.weights]
    lapis.random.normal((3,))
    np.random.random(3)
    for weight, value in list(zip(later.weights, values))[::-1]:
        np.testing.assert_array_equal(weight.numpy(), value)


class Draws(lapis.initializers.GlorotUniform):
    """Gives other numbers at every call."""

    def __call__(self, shape, dtype=None):
        return np.random.random(shape).astype(dtype)


@pytest.mark.parametrize(
    "initializer",
    [
        Draws(),
        lapis.initializers.GlorotUniform(lapis.random.SeedGenerator(1)),
        lambda shape, dtype: lapis.random.normal(shape, dtype=dtype),
        lapis.initializers.Constant(np.ones((64, 64))),
    ],
)
def test_what_may_give_another_array_later_is_made_at_once(initializer):
    layer = layers.Dense(64, kernel_initializer=initializer)
    layer.build((None, 64))
    assert layer.kernel.held_value() is not None


def test_an_initializer_that_does_not_fit_is_told_of_at_once():
    with pytest.raises(ValueError, match="at least two axes"):
        lapis.Variable(lapis.initializers.Orthogonal(1), (5000,))
    with pytest.raises(ValueError, match="floating-point"):
        lapis.Variable(lapis.initializers.GlorotUniform(1), (50, 50), "int32")


def test_wherever_it_is_read_it_is_the_same_array():
    expected = make().layers[0].kernel.numpy()
    model = make()
    clone, kernel = copy.deepcopy(model), model.layers[0].kernel
    np.testing.assert_array_equal(clone.layers[0].kernel.numpy(), expected)
    np.testing.assert_array_equal(jax.jit(lambda: kernel.value)(), expected)
    twin = lapis.Variable(make().layers[0].kernel)
    np.testing.assert_array_equal(twin.numpy(), expected)
    with lapis.StatelessScope() as scope:
        waits = make().layers[0].kernel
        waits.assign(waits + 1)
    np.testing.assert_array_equal(waits.numpy(), expected)
    np.testing.assert_allclose(scope.get_current_value(waits), expected + 1)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_loading_makes_no_first_values(suffix, tmp_path, request):
    path = tmp_path / f"a{suffix}"
    model = make()
    save(model, path)
    request.getfixturevalue("nothing_is_drawn")
    lapis.utils.set_random_seed(4)
    if suffix in (".keras", ".h5"):
        found = lapis.saving.load_model(path)
    else:
        found = make()
        found.load_weights(path)
    for mine, other in zip(found.weights, model.weights, strict=True):
        np.testing.assert_array_equal(mine.numpy(), other.numpy())


def test_a_refused_file_leaves_weights_waiting(tmp_path):
    make().save_weights(tmp_path / "a.weights.h5")
    model = make(size=63)
    with pytest.raises(ValueError, match="expects"):
        model.load_weights(tmp_path / "a.weights.h5")
    assert waiting(model) == ["m/a/kernel", "m/b/kernel"]


@pytest.mark.skipif(not _memory("VmHWM"), reason="the system does not tell the peak of memory")
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_loading_takes_little_more_than_the_file(suffix, tmp_path):
    """One array is most of the file, so that any copy of it would show."""
    path = tmp_path / f"a{suffix}"
    size = 3500
    save(lapis.Sequential([lapis.Input((size,)), layers.Dense(size, use_bias=False)]), path)
    megabytes = path.stat().st_size / 2**20
    assert megabytes > 46
    _reset_peak()
    before = _memory("VmRSS")
    if suffix in (".keras", ".h5"):
        found = lapis.saving.load_model(path)
    else:
        found = lapis.Sequential([lapis.Input((size,)), layers.Dense(size, use_bias=False)])
        found.load_weights(path)
    assert _memory("VmHWM") - before < 1.3 * megabytes
    assert found.weights[0].held_value() is not None


@pytest.mark.parametrize("set_to", ["initializer", "assign", "set_weights"])
def test_changing_an_array_later_does_not_change_the_weight(set_to):
    array = aligned((64, 64), np.dtype("float32"))  # which JAX would read in place
    if set_to == "initializer":
        variable = lapis.Variable(array)
    elif set_to == "assign":
        variable = lapis.Variable(np.ones((64, 64), "float32"))
        variable.assign(array)
    else:
        layer = layers.Dense(64, use_bias=False)
        layer.build((None, 64))
        layer.set_weights([array])
        variable = layer.kernel
    array[:] = 5
    assert not variable.numpy().any()
