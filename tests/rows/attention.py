"""Rows for `lapis/layers/attention`."""

from tests.descriptors import Row, f32, flags

_X, _Y, _Z = f32(2, 4, 6), f32(2, 5, 6, seed=1), f32(2, 5, 6, seed=2)
_SEEN = flags(2, 4, 5, seed=3)
_NONE = ((None, None, 6), (None, None, 6))


def _everything(k) -> dict:
    return {
        "kernel_initializer": "he_normal",
        "bias_initializer": "ones",
        "kernel_regularizer": "l2",
        "bias_regularizer": k.regularizers.L2(0.1),
        "activity_regularizer": "l2",
        "kernel_constraint": "max_norm",
        "bias_constraint": "non_neg",
        "use_gate": True,
        "seed": 3,
        "name": "everything",
    }


def _headed(name: str, make) -> list[Row]:
    """The rows that attention layers with several heads have in common."""

    def made(**options):
        return lambda k: make(k, **options)

    def everything(k):
        return make(k, **_everything(k))

    asked = {"return_attention_scores": True}
    sources = flags(2, 5, seed=6)
    return [
        Row(name, made(), (_X, _Y), spec_shapes=_NONE),
        Row(f"{name}-key", made(), (_X, _Y, _Z)),
        Row(f"{name}-self", made(), (_X, _X)),
        Row(f"{name}-scores", made(), (_X, _X), asked, spec_shapes=((None, 4, 6), (None, 4, 6))),
        Row(f"{name}-mask", made(), (_X, _Y), {"attention_mask": _SEEN}),
        Row(f"{name}-mask-scores", made(), (_X, f32(2, 4, 6)), {"attention_mask": flags(2, 4, 4), **asked}),
        Row(f"{name}-causal", made(), (_X, _X), {"use_causal_mask": True}, spec_shapes=_NONE),
        Row(f"{name}-causal-across", made(), (_X, _Y), {"use_causal_mask": True}),
        Row(f"{name}-causal-scores", made(), (_X, _X), {"use_causal_mask": True, **asked}),
        Row(f"{name}-causal-mask", made(), (_X, _Y), {"use_causal_mask": True, "attention_mask": _SEEN}),
        Row(f"{name}-window", made(sliding_window=2), (_X, _X), spec_shapes=_NONE),
        Row(f"{name}-window-causal", made(sliding_window=2), (_X, _X), {"use_causal_mask": True}),
        Row(f"{name}-value-mask", made(), (_X, _Y), {"value_mask": sources}),
        Row(f"{name}-key-mask", made(), (_X, _Y, _Z), {"key_mask": sources}),
        Row(f"{name}-no-bias", made(use_bias=False), (_X, _Y)),
        Row(f"{name}-gate", made(use_gate=True), (_X, _Y)),
        Row(f"{name}-everything", everything, (_X, _Y)),
        Row(f"{name}-dropout-idle", made(dropout=0.5, seed=1), (_X, _Y)),
        Row(f"{name}-dropout", made(dropout=0.5, seed=1), (_X, _Y), random=True, training=True),
        Row(
            f"{name}-dropout-causal", made(dropout=0.5), (_X, _X), {"use_causal_mask": True}, random=True, training=True
        ),
        Row(f"{name}-sixteen-bits", made(dtype="mixed_bfloat16"), (_X, _Y), tolerance=3e-2, gradient=False),
    ]


def _plain(kind: str) -> list[Row]:
    def made(**options):
        return lambda k: getattr(k.layers, kind)(**options)

    masks = ([flags(2, 4, seed=5), flags(2, 5, seed=6)],)
    return [
        Row(kind, made(), ([_X, _Y],), spec_shapes=([(None, None, 6), (None, None, 6)],)),
        Row(f"{kind}-key", made(), ([_X, _Y, _Z],)),
        Row(f"{kind}-scale", made(use_scale=kind == "Attention"), ([_X, _Y],)),
        Row(f"{kind}-scores", made(), ([_X, _Y],), {"return_attention_scores": True}),
        Row(f"{kind}-causal", made(), ([_X, _Y],), {"use_causal_mask": True}),
        Row(f"{kind}-masked", made(), ([_X, _Y],), masks=masks, gradient=False),
        Row(f"{kind}-masked-causal", made(), ([_X, _Y],), {"use_causal_mask": True}, masks=masks, gradient=False),
        Row(f"{kind}-dropout", made(dropout=0.5, seed=1), ([_X, _Y],), random=True, training=True),
    ]


ROWS = [
    *_plain("Attention"),
    Row("Attention-concat", lambda k: k.layers.Attention(score_mode="concat"), ([_X, _Y],)),
    Row("Attention-concat-scale", lambda k: k.layers.Attention(True, "concat"), ([_X, _Y],)),
    *_plain("AdditiveAttention"),
    *_headed("MultiHeadAttention", lambda k, **options: k.layers.MultiHeadAttention(3, 4, **options)),
    Row(
        "MultiHeadAttention-value-dim",
        lambda k: k.layers.MultiHeadAttention(2, 4, value_dim=3),
        (_X, _X),
        {"return_attention_scores": True},
    ),
    Row("MultiHeadAttention-output", lambda k: k.layers.MultiHeadAttention(2, 4, output_shape=7), (_X, _Y)),
    Row("MultiHeadAttention-outputs", lambda k: k.layers.MultiHeadAttention(2, 4, output_shape=(3, 2)), (_X, _Y)),
    Row("MultiHeadAttention-image", lambda k: k.layers.MultiHeadAttention(2, 4), (f32(2, 3, 4, 6), f32(2, 3, 4, 6))),
    Row(
        "MultiHeadAttention-axis",
        lambda k: k.layers.MultiHeadAttention(2, 4, attention_axes=2),
        (f32(2, 3, 4, 6), f32(2, 3, 5, 6)),
    ),
    Row(
        "MultiHeadAttention-masked",
        lambda k: k.layers.MultiHeadAttention(2, 4),
        (_X, _Y),
        masks=(flags(2, 4, seed=5), flags(2, 5, seed=6)),
        gradient=False,
    ),
    *_headed("GroupQueryAttention", lambda k, **options: k.layers.GroupQueryAttention(3, 4, 2, **options)),
    Row("GroupQueryAttention-one-key", lambda k: k.layers.GroupQueryAttention(3, 4, 1), (_X, _Y)),
    Row(
        "GroupQueryAttention-query-mask",
        lambda k: k.layers.GroupQueryAttention(3, 4, 2),
        (_X, _Y),
        {"query_mask": flags(2, 4, seed=5)},
    ),
]
