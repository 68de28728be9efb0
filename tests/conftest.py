"""Every test starts with names counted from the start and the same random seed."""

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ["KERAS_BACKEND"] = "jax"

import pytest

import lapis


@pytest.fixture(autouse=True)
def _fresh_session() -> None:
    lapis.utils.clear_session(free_memory=False)
    lapis.utils.set_random_seed(0)
