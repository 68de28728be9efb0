"""Rows for `lapis/layers/merging`."""

from tests.descriptors import Row, f32, flags

_THREE = [f32(2, 4, 3, seed=seed) for seed in range(3)]
_MASKS = [flags(2, 4, seed=seed) for seed in range(3)]


def _rows(name: str, count: int = 3) -> list[Row]:
    """Equal shapes, sizes that broadcast, ranks that differ, masks on all inputs and on one."""

    def make(k):
        return getattr(k.layers, name)()

    unknown = ([(None, None, 3)] * count,)
    no_mask_on_last = [*_MASKS[: count - 1], None]
    return [
        Row(name, make, (_THREE[:count],), spec_shapes=unknown),
        Row(f"{name}-two", make, ([f32(2, 3), f32(2, 3, seed=1)],)),
        Row(f"{name}-broadcast", make, ([f32(2, 4, 3), f32(2, 1, 3)],)),
        Row(f"{name}-ranks", make, ([f32(2, 4, 3), f32(2, 3)],)),
        Row(f"{name}-masks", make, (_THREE[:count],), masks=(_MASKS[:count],)),
        Row(f"{name}-some-masks", make, (_THREE[:count],), masks=(no_mask_on_last,)),
    ]


ROWS = [
    *_rows("Add"),
    *_rows("Subtract", 2),
    *_rows("Multiply"),
    *_rows("Average"),
    *_rows("Maximum"),
    *_rows("Minimum"),
    Row("Concatenate", lambda k: k.layers.Concatenate(), (_THREE,), spec_shapes=([(None, None, 3)] * 3,)),
    Row("Concatenate-axis", lambda k: k.layers.Concatenate(axis=1), ([f32(2, 4, 3), f32(2, 2, 3)],)),
    Row(
        "Concatenate-unknown",
        lambda k: k.layers.Concatenate(axis=-2),
        ([f32(2, 4, 3), f32(2, 2, 3)],),
        spec_shapes=([(None, None, 3), (None, 2, 3)],),
    ),
    Row("Concatenate-masks", lambda k: k.layers.Concatenate(), (_THREE,), masks=(_MASKS,)),
    Row("Concatenate-axis-masks", lambda k: k.layers.Concatenate(1), (_THREE,), masks=([_MASKS[0], None, _MASKS[2]],)),
    Row("Dot", lambda k: k.layers.Dot(axes=-1), ([f32(2, 3), f32(2, 3, seed=1)],)),
    Row("Dot-cosine", lambda k: k.layers.Dot(axes=1, normalize=True), ([f32(2, 3), f32(2, 3, seed=1)],)),
    Row("Dot-ranks", lambda k: k.layers.Dot(axes=-1, normalize=True), ([f32(2, 3), f32(2, 4, 3)],)),
    Row("Dot-other-ranks", lambda k: k.layers.Dot(axes=(1, 1)), ([f32(2, 3, 4), f32(2, 3)],)),
    Row(
        "Dot-matrices",
        lambda k: k.layers.Dot(axes=(2, 1)),
        ([f32(2, 3, 4), f32(2, 4, 5)],),
        spec_shapes=([(None, None, 4), (None, 4, 5)],),
    ),
    Row("Dot-four-axes", lambda k: k.layers.Dot(axes=(1, 2)), ([f32(2, 3, 4), f32(2, 4, 3, 6)],)),
    Row("Dot-masks", lambda k: k.layers.Dot(axes=2), (_THREE[:2],), masks=(_MASKS[:2],)),
]
