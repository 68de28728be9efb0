"""Rows for `lapis/layers/rnn`."""

from tests.descriptors import Row, f32, flags

_X = f32(2, 5, 3)
# Carried masks get lost in Keras when it differentiates, so gradients are compared with masks given as arguments.
_MASK = flags(2, 5, seed=1)
_GAP = flags(2, 5, seed=4)
_GAP[:, 0] = False
_NONE = ((None, None, 3),)


def _everything(k) -> dict:
    return {
        "activation": "relu",
        "kernel_initializer": "he_normal",
        "recurrent_initializer": "glorot_uniform",
        "bias_initializer": "ones",
        "kernel_regularizer": "l2",
        "recurrent_regularizer": k.regularizers.L2(0.1),
        "bias_regularizer": "l2",
        "kernel_constraint": "max_norm",
        "recurrent_constraint": k.constraints.UnitNorm(),
        "bias_constraint": "non_neg",
        "name": "everything",
        "trainable": False,
    }


def _recurrent(kind: str, states: int) -> list[Row]:
    """The rows that SimpleRNN, GRU and LSTM have in common."""

    def make(**options):
        return lambda k: getattr(k.layers, kind)(4, **options)

    def everything(k):
        extra = {} if kind == "SimpleRNN" else {"activity_regularizer": "l2", "recurrent_activation": "hard_sigmoid"}
        return getattr(k.layers, kind)(4, **_everything(k), **extra)

    start = {"initial_state": [f32(2, 4, seed=i) for i in range(states)]}
    return [
        Row(kind, make(), (_X,), spec_shapes=_NONE),
        Row(f"{kind}-sequences", make(return_sequences=True), (_X,), spec_shapes=_NONE),
        Row(f"{kind}-states", make(return_state=True), (_X,), spec_shapes=_NONE),
        Row(f"{kind}-both", make(return_sequences=True, return_state=True), (_X,), spec_shapes=_NONE),
        Row(f"{kind}-backwards", make(go_backwards=True), (_X,)),
        Row(f"{kind}-backwards-sequences", make(go_backwards=True, return_sequences=True), (_X,)),
        Row(f"{kind}-unrolled", make(unroll=True, return_sequences=True), (_X,)),
        Row(f"{kind}-unrolled-backwards", make(unroll=True, go_backwards=True, return_state=True), (_X,)),
        Row(f"{kind}-no-bias", make(use_bias=False, activation=None), (_X,)),
        Row(f"{kind}-everything", everything, (_X,)),
        Row(f"{kind}-masked", make(), (_X,), masks=(_MASK,), gradient=False),
        Row(f"{kind}-masked-gap", make(return_sequences=True, return_state=True), (_X,), masks=(_GAP,), gradient=False),
        Row(
            f"{kind}-masked-backwards",
            make(return_sequences=True, go_backwards=True),
            (_X,),
            masks=(_MASK,),
            gradient=False,
        ),
        Row(f"{kind}-masked-unrolled", make(return_sequences=True, unroll=True), (_X,), masks=(_GAP,), gradient=False),
        Row(
            f"{kind}-masked-zeros",
            make(return_sequences=True, zero_output_for_mask=True),
            (_X,),
            masks=(_GAP,),
            gradient=False,
        ),
        Row(f"{kind}-masked-zeros-last", make(zero_output_for_mask=True), (_X,), masks=(_GAP,), gradient=False),
        Row(f"{kind}-mask-argument", make(return_sequences=True), (_X,), {"mask": _GAP}),
        Row(f"{kind}-mask-argument-unrolled", make(unroll=True), (_X,), {"mask": _MASK}),
        Row(
            f"{kind}-mask-argument-zeros", make(return_sequences=True, zero_output_for_mask=True), (_X,), {"mask": _GAP}
        ),
        Row(f"{kind}-initial-state", make(return_sequences=True), (_X,), start, spec_shapes=((2, None, 3),)),
        Row(f"{kind}-dropout-idle", make(dropout=0.5, recurrent_dropout=0.5, seed=1), (_X,)),
        Row(f"{kind}-dropout", make(dropout=0.5, seed=1), (_X,), random=True, training=True),
        Row(
            f"{kind}-recurrent-dropout",
            make(dropout=0.2, recurrent_dropout=0.5, return_sequences=True, seed=1),
            (_X,),
            random=True,
            training=True,
        ),
        Row(f"{kind}-sixteen-bits", make(dtype="mixed_bfloat16"), (_X,), tolerance=3e-2, gradient=False),
        Row(f"{kind}-one-step", make(return_sequences=True), (f32(2, 1, 3),)),
    ]


def _cell(kind: str, states: int, **options) -> Row:
    return Row(
        f"{kind}-{'-'.join(options) or 'plain'}",
        lambda k: getattr(k.layers, kind)(4, **options),
        (f32(2, 3), [f32(2, 4, seed=i) for i in range(states)]),
        spec_shapes=((None, 3), [(None, 4)] * states),
    )


def _conv(rank: int, **options) -> Row:
    shape = (2, 4, *(6, 5, 4)[:rank], 2)
    if options.get("data_format") == "channels_first":
        shape = (2, 4, 2, *(6, 5, 4)[:rank])
    return Row(
        f"ConvLSTM{rank}D-{'-'.join(options) or 'plain'}",
        lambda k: getattr(k.layers, f"ConvLSTM{rank}D")(3, 2, **options),
        (f32(*shape),),
        spec_shapes=((None, None, *shape[2:]),),
    )


def _around(merge_mode, kind: str = "LSTM", **options) -> Row:
    masks = options.pop("masks", None)
    gradient = options.pop("gradient", masks is None)
    kwargs = options.pop("kwargs", {})
    name = (
        f"Bidirectional-{kind}-{merge_mode}-{'-'.join(options)}{'-masked' if masks else ''}{'-from' if kwargs else ''}"
    )
    return Row(
        name,
        lambda k: k.layers.Bidirectional(getattr(k.layers, kind)(3, **options), merge_mode=merge_mode),
        (_X,),
        kwargs,
        spec_shapes=_NONE,
        masks=masks,
        gradient=gradient,
    )


ROWS = [
    *_recurrent("SimpleRNN", 1),
    *_recurrent("GRU", 1),
    *_recurrent("LSTM", 2),
    Row("GRU-reset-before", lambda k: k.layers.GRU(4, reset_after=False), (_X,)),
    Row("GRU-reset-before-no-bias", lambda k: k.layers.GRU(4, reset_after=False, use_bias=False), (_X,)),
    Row(
        "GRU-reset-before-masked",
        lambda k: k.layers.GRU(4, reset_after=False, return_sequences=True),
        (_X,),
        masks=(_MASK,),
        gradient=False,
    ),
    Row("LSTM-no-forget-bias", lambda k: k.layers.LSTM(4, unit_forget_bias=False), (_X,)),
    Row("LSTM-implementation-1", lambda k: k.layers.LSTM(4, implementation=1), (_X,)),
    _cell("SimpleRNNCell", 1),
    _cell("SimpleRNNCell", 1, use_bias=False, activation="relu"),
    _cell("GRUCell", 1),
    _cell("GRUCell", 1, reset_after=False),
    _cell("GRUCell", 1, implementation=1, use_bias=False),
    _cell("LSTMCell", 2),
    _cell("LSTMCell", 2, unit_forget_bias=False, implementation=1),
    Row("RNN-cell", lambda k: k.layers.RNN(k.layers.LSTMCell(4), return_state=True), (_X,), spec_shapes=_NONE),
    Row(
        "RNN-cells",
        lambda k: k.layers.RNN([k.layers.GRUCell(4), k.layers.LSTMCell(3)], return_sequences=True, return_state=True),
        (_X,),
        spec_shapes=_NONE,
    ),
    Row(
        "RNN-cells-masked",
        lambda k: k.layers.RNN([k.layers.LSTMCell(4), k.layers.LSTMCell(3)], return_sequences=True),
        (_X,),
        masks=(_GAP,),
        gradient=False,
    ),
    Row(
        "RNN-stacked-unrolled",
        lambda k: k.layers.RNN(
            k.layers.StackedRNNCells([k.layers.SimpleRNNCell(4), k.layers.GRUCell(3)]), unroll=True, go_backwards=True
        ),
        (_X,),
    ),
    Row(
        "RNN-cells-dropout",
        lambda k: k.layers.RNN([k.layers.LSTMCell(4, dropout=0.3), k.layers.GRUCell(3, recurrent_dropout=0.3)]),
        (_X,),
        random=True,
        training=True,
    ),
    _conv(1),
    _conv(1, padding="same", return_sequences=True, return_state=True),
    _conv(1, data_format="channels_first", strides=2),
    _conv(2),
    _conv(2, padding="same", return_sequences=True, go_backwards=True),
    _conv(2, data_format="channels_first", return_state=True),
    _conv(2, strides=2, padding="same", use_bias=False),
    _conv(2, dilation_rate=2, unit_forget_bias=False, recurrent_activation="hard_sigmoid"),
    _conv(3),
    _conv(3, padding="same", data_format="channels_first", return_sequences=True),
    Row(
        "ConvLSTM2D-dropout",
        lambda k: k.layers.ConvLSTM2D(3, 2, dropout=0.3, recurrent_dropout=0.4),
        (f32(2, 4, 6, 5, 2),),
        random=True,
        training=True,
    ),
    *[_around(mode) for mode in ("concat", "sum", "ave", "mul", None)],
    *[_around(mode, return_sequences=True) for mode in ("concat", None)],
    *[_around(mode, return_sequences=True, return_state=True) for mode in ("sum", None)],
    _around("concat", "GRU", return_state=True),
    _around("concat", "GRU", return_sequences=True, masks=(_GAP,), gradient=False),
    _around("ave", "SimpleRNN", masks=(_MASK,)),
    _around(None, return_sequences=True, masks=(_GAP,), gradient=False),
    _around("concat", return_sequences=True, return_state=True, masks=(_MASK,), gradient=False),
    Row(
        "Bidirectional-two-layers",
        lambda k: k.layers.Bidirectional(
            k.layers.LSTM(3, return_sequences=True),
            backward_layer=k.layers.GRU(3, activation="relu", return_sequences=True, go_backwards=True),
        ),
        (_X,),
        spec_shapes=_NONE,
    ),
    Row(
        "Bidirectional-RNN-cells",
        lambda k: k.layers.Bidirectional(k.layers.RNN([k.layers.LSTMCell(3), k.layers.LSTMCell(2)])),
        (_X,),
    ),
    Row("Bidirectional-ConvLSTM1D", lambda k: k.layers.Bidirectional(k.layers.ConvLSTM1D(2, 2)), (f32(2, 3, 5, 2),)),
    Row("TimeDistributed-Dense", lambda k: k.layers.TimeDistributed(k.layers.Dense(4)), (_X,), spec_shapes=_NONE),
    Row(
        "TimeDistributed-masked",
        lambda k: k.layers.TimeDistributed(k.layers.Dense(4)),
        (_X,),
        masks=(_MASK,),
        gradient=False,
    ),
    Row(
        "TimeDistributed-Conv2D",
        lambda k: k.layers.TimeDistributed(k.layers.Conv2D(3, 2, padding="same")),
        (f32(2, 3, 5, 4, 2),),
        spec_shapes=((None, None, 5, 4, 2),),
    ),
    Row("TimeDistributed-LSTM", lambda k: k.layers.TimeDistributed(k.layers.LSTM(3)), (f32(2, 3, 4, 5),)),
    Row(
        "TimeDistributed-BatchNormalization",
        lambda k: k.layers.TimeDistributed(k.layers.BatchNormalization()),
        (f32(4, 3, 2),),
        training=True,
    ),
    Row(
        "TimeDistributed-Dropout",
        lambda k: k.layers.TimeDistributed(k.layers.Dropout(0.5)),
        (_X,),
        random=True,
        training=True,
    ),
]
