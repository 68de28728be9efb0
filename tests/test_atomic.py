"""Files that are written beside their place first, and what a killed process leaves of that."""

import os
import signal
import subprocess
import sys

import pytest

from lapis.saving import atomic
from lapis.saving.atomic import replacing

KILLED = """
import os, signal, sys
from pathlib import Path
from lapis.saving.atomic import replacing
with replacing(Path(sys.argv[1])) as file:
    file.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def save(path, text="whole"):
    with replacing(path) as temporary:
        temporary.write_text(text)


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def test_what_a_killed_process_left_goes_with_the_next_saving(tmp_path):
    path = tmp_path / "a[1].keras"  # a name that a pattern would read otherwise
    save(path, "old")
    assert subprocess.run([sys.executable, "-c", KILLED, str(path)]).returncode == -signal.SIGKILL
    assert len(names(tmp_path)) == 2 and path.read_text() == "old"
    save(path)
    assert names(tmp_path) == [path.name] and path.read_text() == "whole"


def test_only_what_dead_processes_left_goes(tmp_path):
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    host, path = atomic._host(), tmp_path / "a.h5"
    left = {
        f".a.h5.{host}-{gone.pid}-0123abcd.tmp": False,
        f".a.h5.{host}-{os.getpid()}-0123abcd.tmp": False,  # of an earlier process of this one's number
        f".a.h5.{host}-{os.getppid()}-0123abcd.tmp": True,
        f".a.h5.{'f' * 8 if host != 'f' * 8 else '0' * 8}-{gone.pid}-0123abcd.tmp": True,  # of another machine
        f".b.a.h5.{host}-{gone.pid}-0123abcd.tmp": True,
        f".a.h5.x.{host}-{gone.pid}-0123abcd.tmp": True,
        ".a.h5.tmp": True,
        f".a.h5.{host}-{10**30}-0123abcd.tmp": True,
    }
    for name in left:
        (tmp_path / name).touch()
    save(path)
    assert names(tmp_path) == sorted(["a.h5", *(name for name, stays in left.items() if stays)])


def test_what_is_being_written_stays(tmp_path):
    path = tmp_path / "a.npz"
    with replacing(path) as outer:
        save(path, "inner")
        outer.write_text("outer")
    assert names(tmp_path) == ["a.npz"] and path.read_text() == "outer"
    with pytest.raises(KeyboardInterrupt), replacing(path):
        raise KeyboardInterrupt
    assert names(tmp_path) == ["a.npz"] and path.read_text() == "outer"
