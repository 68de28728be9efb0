"""Damage that once led to another error than a refusal, as `(model, part, changes)`."""

SEEDS: list[tuple] = [
    ("narrow", ".weights.h5", [(0.75, b"\x00\x00", 1)]),
]
