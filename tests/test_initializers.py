"""Initializers: the statistics they promise, determinism, names and configs like Keras's."""

import json
import math

import numpy as np
import pytest

import lapis
from lapis import initializers
from tests.oracle import keras

pytestmark = pytest.mark.usefixtures("quick_compilation")

_SCALED = {  # variance times the number that the shape (300, 500) gives, and whether the draw is uniform
    "GlorotUniform": (2 / 800, True),
    "GlorotNormal": (2 / 800, False),
    "LecunUniform": (1 / 300, True),
    "LecunNormal": (1 / 300, False),
    "HeUniform": (2 / 300, True),
    "HeNormal": (2 / 300, False),
}
_RANDOM = (*_SCALED, "RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling", "Orthogonal")


@pytest.mark.parametrize("name", _SCALED)
def test_variance_and_bounds_follow_from_the_shape(name: str) -> None:
    variance, uniform = _SCALED[name]
    values = getattr(initializers, name)(seed=1)((300, 500))
    assert values.mean() == pytest.approx(0.0, abs=4 * math.sqrt(variance / values.size))
    assert values.var() == pytest.approx(variance, rel=0.02)
    widest = math.sqrt(3 * variance) if uniform else 2 * math.sqrt(variance) / 0.87962566103423978
    assert 0.99 * widest < np.abs(values).max() <= widest * (1 + 1e-6)


@pytest.mark.parametrize("name", _SCALED)
def test_same_distribution_as_keras(name: str) -> None:
    mine = getattr(initializers, name)(seed=1)((3, 3, 40, 50))
    other = np.asarray(getattr(keras.initializers, name)(seed=1)((3, 3, 40, 50)))
    quantiles = np.linspace(0, 1, 21)
    scale = other.std()
    np.testing.assert_allclose(np.quantile(mine, quantiles), np.quantile(other, quantiles), atol=0.05 * scale)


def test_fixed_distributions() -> None:
    normal = initializers.RandomNormal(2.0, 0.5, seed=1)((1000, 100))
    assert normal.mean() == pytest.approx(2.0, abs=0.01) and normal.std() == pytest.approx(0.5, rel=0.01)
    cut = initializers.TruncatedNormal(2.0, 0.5, seed=1)((1000, 100))
    assert cut.std() == pytest.approx(0.5 * 0.87962566103423978, rel=0.01)
    assert 0.99 < cut.min() <= cut.max() < 3.01 and np.abs(cut - 2.0).max() <= 1.0 + 1e-6
    even = initializers.RandomUniform(-1.0, 3.0, seed=1)((1000, 100))
    assert even.min() >= -1.0 and even.max() <= 3.0 and even.mean() == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg"])
@pytest.mark.parametrize("distribution", ["truncated_normal", "untruncated_normal", "uniform", "normal"])
def test_variance_scaling(mode: str, distribution: str) -> None:
    values = initializers.VarianceScaling(3.0, mode, distribution, seed=2)((200, 800))
    assert values.var() == pytest.approx(3.0 / {"fan_in": 200, "fan_out": 800, "fan_avg": 500}[mode], rel=0.02)
    axes = initializers.VarianceScaling(1.0, mode, distribution, seed=2, input_axes=[1], output_axes=[0, 2])
    assert axes((20, 100, 30)).var() == pytest.approx(
        1.0 / {"fan_in": 100, "fan_out": 600, "fan_avg": 350}[mode], rel=0.05
    )


@pytest.mark.parametrize("shape", [(7, 4), (4, 7), (3, 2, 5), (5, 5)])
def test_orthogonal(shape: tuple) -> None:
    q = initializers.Orthogonal(gain=2.0, seed=3)(shape).reshape(-1, shape[-1]) / 2.0
    small = q @ q.T if q.shape[0] < q.shape[1] else q.T @ q
    np.testing.assert_allclose(small, np.eye(len(small)), atol=1e-5)


def test_constants() -> None:
    for name in ("zeros", "ones"):
        np.testing.assert_array_equal(initializers.get(name)((2, 3)), getattr(np, name)((2, 3)))
    np.testing.assert_array_equal(initializers.Constant([1.0, 2.0])((3, 2)), [[1.0, 2.0]] * 3)
    np.testing.assert_array_equal(initializers.Identity(2.0)((2, 3)), 2.0 * np.eye(2, 3))


@pytest.mark.parametrize("side", ["real", "imag"])
@pytest.mark.parametrize("window", ["hann", "hamming", None, np.linspace(0.1, 1.0, 16)])
@pytest.mark.parametrize("scaling", ["density", "spectrum", None])
def test_stft_equals_keras(side: str, window: object, scaling: str | None) -> None:
    for periodic in (False, True):
        mine = initializers.STFT(side, window, scaling, periodic)((16, 1, 17))
        other = keras.initializers.STFT(side, window, scaling, periodic)((16, 1, 17))
        np.testing.assert_allclose(mine, other, atol=2e-5)


@pytest.mark.parametrize("name", _RANDOM)
def test_seeds(name: str) -> None:
    cls = getattr(initializers, name)
    fixed = cls(seed=5)
    np.testing.assert_array_equal(fixed((4, 6)), fixed((4, 6)))
    np.testing.assert_array_equal(fixed((4, 6)), cls(seed=5)((4, 6)))
    assert not np.array_equal(fixed((4, 6)), cls(seed=6)((4, 6)))
    assert not np.array_equal(cls()((4, 6)), cls()((4, 6)))
    moving = cls(seed=lapis.random.SeedGenerator(5))
    assert not np.array_equal(moving((4, 6)), moving((4, 6)))
    lapis.utils.set_random_seed(1)
    first = cls()((4, 6))
    lapis.utils.set_random_seed(1)
    np.testing.assert_array_equal(first, cls()((4, 6)))


@pytest.mark.parametrize("name", _RANDOM)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_types_and_shapes(name: str, dtype: str) -> None:
    values = getattr(initializers, name)(seed=1)((3, 4, 5), dtype=dtype)
    assert values.dtype.name == dtype and values.shape == (3, 4, 5)
    with pytest.raises(ValueError, match="int32"):
        initializers.RandomUniform()((2,), dtype="int32")


def test_names_and_aliases_are_those_of_keras() -> None:
    table = keras.src.initializers.ALL_OBJECTS_DICT
    for name, cls in table.items():
        assert type(initializers.get(name)).__name__ == cls.__name__, name
    public = {name for name in dir(keras.initializers) if not name.startswith("_")}
    assert public <= set(dir(initializers))


@pytest.mark.parametrize("name", sorted({cls.__name__ for cls in keras.src.initializers.ALL_OBJECTS}))
def test_configs_are_those_of_keras(name: str) -> None:
    mine, other = getattr(initializers, name)(), getattr(keras.initializers, name)()
    data = initializers.serialize(mine)
    assert data == keras.initializers.serialize(other)
    again = initializers.deserialize(json.loads(json.dumps(data)))
    assert type(again) is type(mine) and again.get_config() == mine.get_config()
    assert type(initializers.get({"class_name": name, "config": mine.get_config()})) is type(mine)


def test_seed_generator_in_a_config() -> None:
    seeded = initializers.GlorotUniform(seed=lapis.random.SeedGenerator(3))
    again = initializers.deserialize(json.loads(json.dumps(initializers.serialize(seeded))))
    np.testing.assert_array_equal(again((3, 3)), initializers.GlorotUniform(lapis.random.SeedGenerator(3))((3, 3)))


def test_get_takes_arrays_callables_classes_and_itself() -> None:
    values = np.arange(6.0).reshape(2, 3)
    of_array = initializers.get(values)
    np.testing.assert_array_equal(of_array((2, 3), dtype="float32"), values)
    with pytest.raises(ValueError, match=r"\(2, 3\).*\(3, 2\)"):
        of_array((3, 2))
    assert initializers.get(None) is None
    assert initializers.get(np.zeros) is np.zeros
    assert isinstance(initializers.get(initializers.Ones), initializers.Ones)
    ones = initializers.Ones()
    assert initializers.get(ones) is ones
    layer = lapis.layers.Dense(3, kernel_initializer=values)
    layer.build((None, 2))
    np.testing.assert_array_equal(layer.kernel.numpy(), values)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: initializers.get("glorot_unifrom"), "glorot_uniform"),
        (lambda: initializers.get(3), "initializer"),
        (lambda: initializers.RandomNormal(seed="one"), "seed"),
        (lambda: initializers.VarianceScaling(0.0), "scale"),
        (lambda: initializers.VarianceScaling(mode="fan"), "fan_avg"),
        (lambda: initializers.VarianceScaling(distribution="even"), "uniform"),
        (lambda: initializers.Identity()((2,)), r"\(2,\)"),
        (lambda: initializers.Orthogonal()((2,)), r"\(2,\)"),
        (lambda: initializers.STFT("left"), "real"),
        (lambda: initializers.STFT(scaling="l3"), "density"),
        (lambda: initializers.STFT("real", "no_window"), "window"),
        (lambda: initializers.STFT(window=np.ones(3))((4, 1, 3)), r"\(4,\)"),
    ],
)
def test_errors(make, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


def test_clone() -> None:
    first = initializers.HeNormal(seed=2)
    again = first.clone()
    assert again is not first
    np.testing.assert_array_equal(first((3, 3)), again((3, 3)))
