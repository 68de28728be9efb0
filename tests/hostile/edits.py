"""Small random damage to good files: to bytes of a file of each format, and to values of a config."""

import copy
import io
import json
import zipfile
from typing import Any

import h5py
import numpy as np
from hypothesis import strategies as st

import lapis
from tests.hostile.making import archive_of

# What may be damaged, and the suffix of the file that comes of it.
PARTS = {
    "archive": ".keras",
    "config": ".keras",
    "weights in archive": ".keras",
    ".h5": ".h5",
    "model_config": ".h5",
    "training_config": ".h5",
    ".weights.h5": ".weights.h5",
    ".safetensors": ".safetensors",
    ".npz": ".npz",
}
_ATTRIBUTES = ("model_config", "training_config")
OF_WEIGHTS = (".weights.h5", ".safetensors", ".npz")
_VALUES = (
    *(None, True, -1, 0, 1, 3, 10**9, 10**30, -0.5, 1e308, float("nan"), "", "x", "/etc/passwd", "float16", "relu"),
    *([], {}, [[]], [None, 2], [1] * 40, {"class_name": "__numpy__", "config": {"value": [1], "dtype": "float32"}}),
)
_CLASSES = (
    "Dense",
    "GRU",
    "Sequential",
    "Functional",
    "Lambda",
    "InputLayer",
    "Zeros",
    "Adam",
    "Bidirectional",
    "Nothing",
)


def bases() -> dict[str, dict[str, Any]]:
    """Two models, as what each part is damaged in."""
    inputs = lapis.Input((5,), dtype="int32", name="words")
    x = lapis.layers.Embedding(7, 4, name="embedding")(inputs)
    x = lapis.layers.Conv1D(3, 2, activation="relu", name="conv")(x)
    x = lapis.layers.Bidirectional(lapis.layers.GRU(2, name="gru"), name="both")(x)
    x = lapis.layers.Dropout(0.1, name="dropout")(lapis.layers.BatchNormalization(name="norm")(x))
    wide = lapis.Model(inputs, lapis.layers.Concatenate(name="joined")([x, lapis.ops.sum(x, axis=-1, keepdims=True)]))
    wide.compile("rmsprop", {"joined": "mae"}, {"joined": 2.0}, {"joined": ["mse"]})
    narrow = lapis.Sequential([lapis.Input((4,)), lapis.layers.Dense(3), lapis.layers.Dense(2)])
    narrow.compile("adam", "mse", metrics=["mae"])
    narrow.fit(np.zeros((2, 4)), np.zeros((2, 2)), verbose=0)
    return {"wide": {"model": wide}, "narrow": {"model": narrow}}


def edits() -> st.SearchStrategy:
    """Which model, which part, and what is done to it."""
    configs = ["config", *_ATTRIBUTES]
    place = st.floats(0, 1, exclude_max=True)
    patch = st.tuples(place, st.binary(max_size=8), st.integers(0, 8))
    value = st.sampled_from(_VALUES) | st.integers(-10, 10**10) | st.sampled_from(_CLASSES).map(_entry)
    change = st.tuples(st.lists(st.integers(0, 40), min_size=1, max_size=14), value)
    others = [part for part in PARTS if part not in configs]
    of_bytes = st.tuples(st.sampled_from(others), st.lists(patch, min_size=1, max_size=4))
    of_values = st.tuples(st.sampled_from(configs), st.lists(change, min_size=1, max_size=3))
    return st.tuples(st.sampled_from(["wide", "narrow"]), of_bytes | of_values).map(lambda drawn: (drawn[0], *drawn[1]))


def _entry(class_name: str) -> dict:
    return {"module": "keras.layers", "class_name": class_name, "config": {"units": 2}, "registered_name": None}


def edited(content: dict[str, Any], part: str, changes: list) -> bytes:
    """The damaged file."""
    members = content["members"]
    if part == "config":
        return archive_of({**members, "config.json": _changed(members["config.json"], changes)})
    if part in _ATTRIBUTES:
        buffer = io.BytesIO(content[".h5"])
        with h5py.File(buffer, "a") as file:
            file.attrs[part] = _changed(file.attrs[part], changes)
        return buffer.getvalue()
    if part == "weights in archive":
        return archive_of({**members, "model.weights.h5": _patched(members["model.weights.h5"], changes)})
    return _patched(archive_of(members) if part == "archive" else content[part], changes)


def _changed(text: bytes, changes: list) -> bytes:
    config = json.loads(text)
    for path, value in changes:
        config = _put(config, path, value)
    return json.dumps(config).encode()


def _put(value: Any, path: list[int], new: Any) -> Any:
    """The value with the part replaced to which the numbers lead, counted among the members of each level."""
    if not path or not isinstance(value, (dict, list)) or not value:
        return copy.deepcopy(new)
    made = copy.copy(value)
    keys = list(value) if isinstance(value, dict) else range(len(value))
    key = keys[path[0] % len(keys)]
    made[key] = _put(value[key], path[1:], new)
    return made


def _patched(content: bytes, changes: list) -> bytes:
    for place, new, left_out in changes:
        at = int(place * len(content))
        content = content[:at] + new + content[at + (len(new) if left_out == 0 else left_out) :]
    return content


def parts_of(model: Any, folder: Any) -> dict[str, Any]:
    """A model's files, as bytes by their part, the archive as its members."""
    for suffix in (".keras", ".h5"):
        model.save(folder / f"a{suffix}")
    for suffix in OF_WEIGHTS:
        model.save_weights(folder / f"a{suffix}")
    content: dict[str, Any] = {suffix: (folder / f"a{suffix}").read_bytes() for suffix in (".h5", *OF_WEIGHTS)}
    with zipfile.ZipFile(io.BytesIO((folder / "a.keras").read_bytes())) as archive:
        content["members"] = {name: archive.read(name) for name in archive.namelist() if name != "lapis.json"}
    return content
