"""Compiled programs on disk: on by default, off when told, never in a folder that others may write to."""

import os
import subprocess
import sys
import time

import pytest

import lapis
from lapis.training import disk_cache

_PROGRAM = """
import jax, logging, numpy as np
logging.basicConfig(level=logging.INFO)
import lapis
model = lapis.Sequential([lapis.Input((3,)), lapis.layers.Dense(2)])
hits = []
jax.monitoring.register_event_listener(lambda name, **_: hits.append(name) if name.endswith("cache_hits") else None)
print(np.asarray(model(np.ones((1, 3)))).shape, len(hits), jax.config.jax_compilation_cache_dir)
"""


def run(home, **env):
    env = {
        **{k: v for k, v in os.environ.items() if k not in ("LAPIS_COMPILATION_CACHE", "LAPIS_HOME")},
        "JAX_PLATFORMS": "cpu",
        "XDG_CACHE_HOME": str(home),
        **env,
    }
    done = subprocess.run([sys.executable, "-c", _PROGRAM], env=env, capture_output=True, text=True, check=True)
    return done.stdout.strip(), done.stderr


def files(folder):
    return list(folder.rglob("*-cache"))


def test_the_second_process_finds_what_the_first_compiled(tmp_path):
    first, _ = run(tmp_path)
    kept = files(tmp_path / "lapis" / "compiled")
    assert " 0 " in first and kept
    second, _ = run(tmp_path)
    assert " 0 " not in second and str(tmp_path) in second
    assert files(tmp_path / "lapis" / "compiled") == kept


def test_switched_off_or_given_by_the_user(tmp_path):
    assert run(tmp_path, LAPIS_COMPILATION_CACHE="0")[0].endswith("None")
    own = tmp_path / "own"
    assert run(tmp_path, JAX_COMPILATION_CACHE_DIR=str(own))[0].endswith(str(own))
    assert not (tmp_path / "lapis").exists()


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    out, log = run(tmp_path / "file")
    assert out.endswith("None") and "(1, 2)" in out
    assert log.count("Compiled programs are not kept on disk") == 1


@pytest.fixture
def _setting():
    import jax

    names = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")
    before = {name: getattr(jax.config, name) for name in names}
    yield
    for name, value in before.items():
        jax.config.update(name, value)


def test_a_folder_of_the_users_choice(tmp_path, _setting):
    import jax

    lapis.config.set_compilation_cache(tmp_path / "mine")
    assert jax.config.jax_compilation_cache_dir.startswith(str(tmp_path / "mine"))
    lapis.config.set_compilation_cache(False)
    assert jax.config.jax_compilation_cache_dir is None


def test_a_folder_that_others_may_write_to(tmp_path, _setting):
    import jax

    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    lapis.config.set_compilation_cache(tmp_path / "open")
    assert jax.config.jax_compilation_cache_dir is None


def test_home(monkeypatch, tmp_path):
    monkeypatch.setenv("LAPIS_HOME", str(tmp_path))
    assert disk_cache.default_folder() == tmp_path / "compiled"


def test_the_least_recently_used_go_first(tmp_path):
    now = time.time()
    for age in range(10):
        path = tmp_path / f"{age}-cache"
        path.write_bytes(b"0" * 10_000)
        os.utime(path, (now - age, now - 100))
    disk_cache.trim(tmp_path, 100_000)
    assert len(files(tmp_path)) == 10
    disk_cache.trim(tmp_path, 90_000)
    assert sorted(path.name for path in files(tmp_path)) == [f"{age}-cache" for age in range(7)]
