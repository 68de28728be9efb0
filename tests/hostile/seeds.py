"""Damage that once led to another error than a refusal, or to code that was parsed, as `(model, part, changes)`."""

_ADAM = {"module": "keras.layers", "class_name": "Adam", "config": {"units": 2}, "registered_name": None}
SEEDS: list[tuple] = [
    ("narrow", ".weights.h5", [(0.75, b"\x00\x00", 1)]),
    ("narrow", "config", [([29], _ADAM)]),
    ("narrow", ".h5", [(0.138671875, b" ", 0)]),
    ("wide", ".h5", [(0.0031959647116484233, b"\x00", 0)]),
    ("wide", ".h5", [(0.013937673582747917, b"\x00", 0)]),
    ("wide", "model_config", [([1], {})]),
    ("wide", "training_config", [([7], [])]),
    ("wide", ".npz", [(0.0, b"", 1)]),
    ("wide", "training_config", [([7, 1, 27], None)]),
    ("wide", "config", [([2, 2, 6, 2, 1], "relu")]),
    ("wide", "model_config", [([], {**_ADAM, "class_name": "Dense"})]),
    ("wide", ".weights.h5", [(0.2412635623869801, b"\xff", 0)]),
]
