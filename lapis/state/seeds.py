"""Where random numbers start: generators whose state is a variable, and the process-wide one."""

import random
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from lapis.core.naming import auto_name
from lapis.core.serialization import builtin
from lapis.graph import inferring
from lapis.state.scopes import local, name_scope
from lapis.state.variable import Variable

_global: dict[str, "SeedGenerator"] = {}
_process_seed: list[int] = []

_UNTRACKED = (
    "Random numbers were drawn from the global seed inside a compiled function, where its state cannot advance: every "
    "run would give the same numbers. Pass `seed=`, a `lapis.random.SeedGenerator` that is an attribute of the layer."
)


@builtin("keras.random")
class SeedGenerator:
    """A source of seeds whose state is a variable, so that it is saved and advances inside compiled steps.

    Args:
        seed: an integer; `None` draws one.
        name: a name; made up when not given.

    >>> generator = SeedGenerator(7)
    >>> generator.next().tolist(), generator.next().tolist()
    ([7, 0], [7, 1])
    """

    def __init__(self, seed: int | None = None, name: str | None = None, **_: Any) -> None:
        if seed is not None and (not isinstance(seed, (int, np.integer)) or isinstance(seed, bool)):
            raise TypeError(f"A seed must be an integer or None; got {seed!r}.")
        self.name = name or auto_name(type(self).__name__)
        self._initial_seed = seed
        self.seed = make_default_seed() if seed is None else int(seed)
        if self.seed < 0:
            raise ValueError(f"A seed must not be negative; got {seed!r}.")
        start = np.array([self.seed & 0xFFFFFFFF, 0], "uint32")
        with name_scope(self.name, caller=self):
            self.state = Variable(start, dtype="uint32", trainable=False, autocast=False, name="seed_generator_state")

    def next(self, ordered: bool = True) -> Any:
        """A fresh seed, uint32 of shape `(2,)`; the state advances."""
        now = self.state.value
        self.state.assign(now + lax.iota("uint32", 2))
        return now

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {"seed": self._initial_seed}

    @classmethod
    def from_config(cls, config: dict) -> "SeedGenerator":
        """The generator again, at its start."""
        return cls(**config)


def make_default_seed() -> int:
    """A seed for whatever was given none, drawn from Python's `random`, which `set_random_seed` seeds."""
    return random.randint(1, 1_000_000_000)


def global_seed_generator() -> SeedGenerator:
    """The generator behind random functions that are given no seed."""
    if "generator" not in _global:
        with jax.ensure_compile_time_eval():
            _global["generator"] = SeedGenerator(name="global_seed_generator")
    return _global["generator"]


def reset_global_seed_generator() -> None:
    """Let the next use of the global generator draw a new start."""
    _global.pop("generator", None)


def remember_process_seed(seed: int) -> None:
    """Note the seed given to `set_random_seed`, which files of models tell."""
    _process_seed[:] = [seed]


def process_seed() -> int | None:
    """The seed last given to `set_random_seed`, `None` if there was none."""
    return _process_seed[0] if _process_seed else None


def global_seed_state() -> np.ndarray | None:
    """The state of the global generator, `None` if nothing has been drawn from it."""
    return _global["generator"].state.numpy() if "generator" in _global else None


def set_global_seed_state(state: np.ndarray | None) -> None:
    """Go on from a state that `global_seed_state` gave."""
    if state is None:
        reset_global_seed_generator()
    else:
        global_seed_generator().state.assign(state)


def host_random_state() -> dict[str, Any]:
    """Where Python's and NumPy's own random numbers are."""
    return {"python": random.getstate(), "numpy": np.random.get_state(legacy=False)}


def set_host_random_state(state: dict[str, Any]) -> None:
    """Go on from a state that `host_random_state` gave, also where it has been kept as JSON.

    >>> before = host_random_state()
    >>> drawn = random.random()
    >>> set_host_random_state(before)
    >>> random.random() == drawn
    True
    """
    version, inner, gauss = state["python"]
    random.setstate((version, tuple(inner), gauss))
    np.random.set_state(state["numpy"])


def draw_seed(seed: Any) -> Any:
    """A seed, uint32 of shape `(2,)`, from an integer, a `SeedGenerator`, an array, or `None` for the global one."""
    if seed is None:
        generator = global_seed_generator()
        tracked = local.stateless is not None and local.stateless.get_current_value(generator.state) is not None
        if local.stateless is not None and not tracked and not inferring():
            raise ValueError(_UNTRACKED)
        return generator.next()
    if isinstance(seed, SeedGenerator):
        return seed.next()
    if isinstance(seed, bool):
        raise TypeError(f"A seed must be an integer, a SeedGenerator or None; got {seed!r}.")
    if isinstance(seed, (int, np.integer)):
        return jnp.array([int(seed) & 0xFFFFFFFF, 0], "uint32")
    if hasattr(seed, "shape"):
        return jnp.asarray(seed, "uint32")
    raise TypeError(f"A seed must be an integer, a SeedGenerator or None; got {seed!r}.")
