"""Damage that once led to another error than a refusal, as `(model, part, changes)`."""

SEEDS: list[tuple] = []
