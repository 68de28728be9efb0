"""Random numbers: the same as Keras's from the same seed, new ones from a generator."""

import jax
import numpy as np
import pytest

import lapis.random as random
from lapis.layers import Input
from lapis.state import StatelessScope
from tests.oracle import keras

pytestmark = pytest.mark.usefixtures("quick_compilation")

LOGITS = np.log(np.array([[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]], "float32"))
CALLS = [
    lambda r: r.normal((3, 4), mean=1.0, stddev=2.0, seed=3),
    lambda r: r.normal((3, 4), dtype="float16", seed=3),
    lambda r: r.truncated_normal((50,), seed=3),
    lambda r: r.uniform((3, 4), minval=-2.0, maxval=5.0, seed=3),
    lambda r: r.randint((30,), 2, 9, seed=3),
    lambda r: r.categorical(LOGITS, 20, seed=3),
    lambda r: r.gamma((20,), 1.5, seed=3),
    lambda r: r.beta((20,), 1.5, 0.5, seed=3),
    lambda r: r.binomial((20,), 5.0, 0.3, seed=3),
    lambda r: r.shuffle(np.arange(10), seed=3),
    lambda r: r.dropout(np.ones((5, 6), "float32"), 0.4, seed=3),
    lambda r: r.dropout(np.ones((5, 6), "float32"), 0.4, noise_shape=(None, 1), seed=3),
    lambda r: r.dropout(np.ones((5, 6), "float32"), 1.0, seed=3),
]


@pytest.mark.parametrize("call", CALLS)
def test_same_numbers_as_keras(call):
    ours, theirs = call(random), call(keras.random)
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(np.asarray(ours, "float32"), np.asarray(theirs, "float32"), rtol=1e-6)


def test_generator_gives_new_numbers_and_repeats_from_its_start():
    first, second = random.SeedGenerator(5), random.SeedGenerator(5)
    a, b = (random.normal((3,), seed=first) for _ in range(2))
    assert not np.array_equal(a, b)
    np.testing.assert_array_equal(a, random.normal((3,), seed=second))


def test_generator_advances_inside_a_compiled_function():
    generator = random.SeedGenerator(5)

    @jax.jit
    def draw(state):
        with StatelessScope([(generator.state, state)]) as scope:
            numbers = random.uniform((3,), seed=generator)
        return numbers, scope.get_current_value(generator.state)

    a, state = draw(generator.state.value)
    b, _ = draw(state)
    np.testing.assert_allclose(a, random.uniform((3,), seed=random.SeedGenerator(5)))
    assert not np.array_equal(a, b)


def test_symbolic_dropout_keeps_the_shape():
    out = random.dropout(Input((6,)), 0.5, seed=1)
    assert out.shape == (None, 6) and out.dtype == "float32"


def test_no_numbers_are_drawn_while_a_shape_is_inferred():
    generator = random.SeedGenerator(5)
    random.dropout(Input((6,)), 0.5, seed=generator)
    assert generator.state.value.tolist() == [5, 0]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: random.randint((2,), 0, 3, dtype="float32"), "whole numbers"),
        (lambda: random.categorical(np.zeros(3), 2), r"\(batch, classes\)"),
        (lambda: random.normal((None, 2)), "every size to be known"),
    ],
)
def test_wrong_arguments(call, text):
    with pytest.raises(ValueError, match=text):
        call()
