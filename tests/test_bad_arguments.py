"""What cannot be right is refused where Keras refuses it, in words of Lapis rather than by an error inside JAX."""

import traceback

import numpy as np
import pytest

import lapis
from tests.oracle import keras

pytestmark = pytest.mark.usefixtures("quick_compilation")


def x(*shape):
    return np.ones(shape, "float32")


MISTAKES = {
    "dense_negative": lambda k: k.layers.Dense(-1),
    "dense_zero": lambda k: k.layers.Dense(0),
    "dense_text": lambda k: k.layers.Dense("ten"),
    "dense_float": lambda k: k.layers.Dense(1.5),
    "dense_activation": lambda k: k.layers.Dense(2, activation="nope"),
    "dense_init": lambda k: k.layers.Dense(2, kernel_initializer="nope"),
    "dense_reg": lambda k: k.layers.Dense(2, kernel_regularizer="nope"),
    "dense_constraint": lambda k: k.layers.Dense(2, kernel_constraint="nope"),
    "dense_unknown": lambda k: k.layers.Dense(2, nope=1),
    "dense_dtype": lambda k: k.layers.Dense(2, dtype="nope"),
    "dense_name": lambda k: k.layers.Dense(2, name=3),
    "dense_slash": lambda k: k.layers.Dense(2, name="a/b"),
    "dense_rank0": lambda k: k.layers.Dense(2)(np.float32(1)),
    "dense_changed": lambda k: (lambda layer: (layer(x(2, 3)), layer(x(2, 4))))(k.layers.Dense(2)),
    "dense_weights": lambda k: (lambda layer: (layer(x(2, 3)), layer.set_weights([x(3, 3), x(2)])))(k.layers.Dense(2)),
    "dense_weights_count": lambda k: (lambda layer: (layer(x(2, 3)), layer.set_weights([x(3, 2)])))(k.layers.Dense(2)),
    "einsum_bad": lambda k: k.layers.EinsumDense("ab,bc->ad", 4)(x(2, 3)),
    "einsum_shape": lambda k: k.layers.EinsumDense("abc,cde->abde", (None, 2, 2))(x(2, 3)),
    "embedding_negative": lambda k: k.layers.Embedding(-1, 2),
    "embedding_zero_dim": lambda k: k.layers.Embedding(3, 0)(np.zeros((2, 2), "int32")),
    "conv_filters0": lambda k: k.layers.Conv2D(0, 3),
    "conv_filters_neg": lambda k: k.layers.Conv2D(-2, 3),
    "conv_kernel_len": lambda k: k.layers.Conv2D(2, (3,)),
    "conv_kernel_zero": lambda k: k.layers.Conv2D(2, 0),
    "conv_kernel_text": lambda k: k.layers.Conv2D(2, "a"),
    "conv_stride0": lambda k: k.layers.Conv2D(2, 3, strides=0),
    "conv_stride_dil": lambda k: k.layers.Conv2D(2, 3, strides=2, dilation_rate=2),
    "conv_pad": lambda k: k.layers.Conv2D(2, 3, padding="nope"),
    "conv_causal": lambda k: k.layers.Conv2D(2, 3, padding="causal"),
    "conv_format": lambda k: k.layers.Conv2D(2, 3, data_format="nope"),
    "conv_groups": lambda k: k.layers.Conv2D(3, 3, groups=2),
    "conv_groups_in": lambda k: k.layers.Conv2D(4, 3, groups=2)(x(1, 8, 8, 3)),
    "conv_groups0": lambda k: k.layers.Conv2D(4, 3, groups=0),
    "conv_rank": lambda k: k.layers.Conv2D(4, 3)(x(1, 8, 8)),
    "conv_small": lambda k: k.layers.Conv2D(4, 3)(x(1, 2, 2, 3)),
    "conv_changed": lambda k: (lambda layer: (layer(x(1, 8, 8, 3)), layer(x(1, 8, 8, 4))))(k.layers.Conv2D(2, 3)),
    "convt_pad": lambda k: k.layers.Conv2DTranspose(2, 3, padding="causal"),
    "convt_outpad": lambda k: k.layers.Conv2DTranspose(2, 3, strides=2, output_padding=2)(x(1, 4, 4, 2)),
    "depthwise_mult": lambda k: k.layers.DepthwiseConv2D(3, depth_multiplier=0),
    "sep_mult": lambda k: k.layers.SeparableConv2D(2, 3, depth_multiplier=0),
    "pool_zero": lambda k: k.layers.MaxPooling2D(0),
    "pool_len": lambda k: k.layers.MaxPooling2D((2, 2, 2)),
    "pool_pad": lambda k: k.layers.MaxPooling2D(2, padding="nope"),
    "pool_rank": lambda k: k.layers.MaxPooling2D(2)(x(2, 3)),
    "avgpool_stride": lambda k: k.layers.AveragePooling1D(2, strides=0),
    "gap_rank": lambda k: k.layers.GlobalAveragePooling2D()(x(2, 3)),
    "dropout_rate": lambda k: k.layers.Dropout(2.0),
    "dropout_neg": lambda k: k.layers.Dropout(-0.1),
    "dropout_text": lambda k: k.layers.Dropout("half"),
    "gaussdrop": lambda k: k.layers.GaussianDropout(1.5),
    "gaussnoise": lambda k: k.layers.GaussianNoise(-1.0),
    "alphadrop": lambda k: k.layers.AlphaDropout(1.5),
    "spatial_rank": lambda k: k.layers.SpatialDropout2D(0.5)(x(2, 3)),
    "spatial_format": lambda k: k.layers.SpatialDropout2D(0.5, data_format="nope"),
    "bn_axis": lambda k: k.layers.BatchNormalization(axis=5)(x(2, 3)),
    "bn_unknown": lambda k: k.layers.BatchNormalization()(k.Input((None,))),
    "ln_axis": lambda k: k.layers.LayerNormalization(axis=5)(x(2, 3)),
    "ln_axis_type": lambda k: k.layers.LayerNormalization(axis="a"),
    "gn_groups": lambda k: k.layers.GroupNormalization(groups=5)(x(2, 4)),
    "unitnorm": lambda k: k.layers.UnitNormalization(axis="a"),
    "spectral": lambda k: k.layers.SpectralNormalization(k.layers.Dense(2), power_iterations=0),
    "spectral_kernel": lambda k: k.layers.SpectralNormalization(k.layers.ReLU())(x(2, 3)),
    "reshape": lambda k: k.layers.Reshape((5,))(x(2, 6)),
    "reshape2": lambda k: k.layers.Reshape((-1, -1))(x(2, 6)),
    "permute": lambda k: k.layers.Permute((0, 1)),
    "permute2": lambda k: k.layers.Permute((1, 3)),
    "permute_rank": lambda k: k.layers.Permute((2, 1))(x(2, 3, 4, 5)),
    "repeat": lambda k: k.layers.RepeatVector("a"),
    "repeat_rank": lambda k: k.layers.RepeatVector(2)(x(2, 3, 4)),
    "flatten_format": lambda k: k.layers.Flatten(data_format="nope"),
    "crop": lambda k: k.layers.Cropping2D(((4, 4), (0, 0)))(x(1, 6, 6, 1)),
    "crop_len": lambda k: k.layers.Cropping2D((1, 2, 3)),
    "crop_neg": lambda k: k.layers.Cropping1D(-1),
    "pad_len": lambda k: k.layers.ZeroPadding2D((1, 2, 3)),
    "pad_neg": lambda k: k.layers.ZeroPadding2D(-1),
    "up_len": lambda k: k.layers.UpSampling2D((1, 2, 3)),
    "up_inter": lambda k: k.layers.UpSampling2D(2, interpolation="nope"),
    "add_shapes": lambda k: k.layers.Add()([x(2, 3), x(2, 4)]),
    "add_notlist": lambda k: k.layers.Add()(x(2, 3)),
    "subtract3": lambda k: k.layers.Subtract()([x(2, 3)] * 3),
    "concat": lambda k: k.layers.Concatenate()([x(2, 3), x(3, 4)]),
    "concat_axis": lambda k: k.layers.Concatenate(axis=4)([x(2, 3), x(2, 4)]),
    "dot": lambda k: k.layers.Dot(1)([x(2, 3), x(2, 4)]),
    "dot_axes": lambda k: k.layers.Dot((1, 2, 3)),
    "dot_type": lambda k: k.layers.Dot("a"),
    "mha_heads": lambda k: k.layers.MultiHeadAttention(0, 2),
    "mha_axes": lambda k: k.layers.MultiHeadAttention(2, 2, attention_axes=(9,))(x(2, 3, 4), x(2, 3, 4)),
    "mha_missing": lambda k: k.layers.MultiHeadAttention(2, 2)(x(2, 3, 4)),
    "gqa_heads": lambda k: k.layers.GroupQueryAttention(4, 3, 2),
    "attention_score": lambda k: k.layers.Attention(score_mode="nope"),
    "attention_list": lambda k: k.layers.Attention()(x(2, 3, 4)),
    "attention_one": lambda k: k.layers.Attention()([x(2, 3, 4)]),
    "attention_mask": lambda k: k.layers.Attention()([x(2, 3, 4)] * 2, mask=[np.ones((2, 3), bool)]),
    "attention_dropout": lambda k: k.layers.Attention(dropout=2.0),
    "lstm_units": lambda k: k.layers.LSTM(0),
    "lstm_neg": lambda k: k.layers.LSTM(-3),
    "gru_units": lambda k: k.layers.GRUCell(0),
    "rnn_cell": lambda k: k.layers.RNN(3),
    "rnn_rank": lambda k: k.layers.LSTM(2)(x(2, 3)),
    "rnn_states": lambda k: k.layers.LSTM(2)(x(2, 3, 4), initial_state=[x(2, 2)]),
    "rnn_stateful": lambda k: k.layers.LSTM(2, stateful=True)(k.Input((3, 4))),
    "stacked": lambda k: k.layers.StackedRNNCells([3]),
    "bidir": lambda k: k.layers.Bidirectional(k.layers.Dense(2)),
    "bidir_merge": lambda k: k.layers.Bidirectional(k.layers.LSTM(2), merge_mode="nope"),
    "timedist": lambda k: k.layers.TimeDistributed(3),
    "timedist_rank": lambda k: k.layers.TimeDistributed(k.layers.Dense(2))(x(3)),
    "convlstm": lambda k: k.layers.ConvLSTM2D(0, 3),
    "relu_neg": lambda k: k.layers.ReLU(max_value=-1),
    "leaky": lambda k: k.layers.LeakyReLU(negative_slope=None),
    "leaky_neg": lambda k: k.layers.LeakyReLU(negative_slope=-1.0),
    "prelu_axes": lambda k: k.layers.PReLU(shared_axes=[5])(x(2, 3)),
    "elu": lambda k: k.layers.ELU("a")(x(2, 3)),
    "activation": lambda k: k.layers.Activation("nope"),
    "actreg": lambda k: k.layers.ActivityRegularization("a"),
    "lambda_": lambda k: k.layers.Lambda(3),
    "masking": lambda k: k.layers.Masking("a")(x(2, 3, 4)),
    "input_shape": lambda k: k.Input("a"),
    "input_neg": lambda k: k.Input((-3,)),
    "input_both": lambda k: k.Input((3,), batch_shape=(2, 3)),
    "input_dtype": lambda k: k.Input((3,), dtype="nope"),
    "input_kwargs": lambda k: k.Input((3,), nope=1),
    "input_none": lambda k: k.Input(),
    "model_disconnected": lambda k: k.Model(k.Input((3,)), k.layers.Dense(2)(k.Input((3,)))),
    "model_array": lambda k: k.Model(x(2, 3), x(2, 3)),
    "model_none": lambda k: k.Model(k.Input((3,)), None),
    "model_duplicate": lambda k: (lambda i: k.Model(i, k.layers.Dense(2, name="a")(k.layers.Dense(2, name="a")(i))))(
        k.Input((3,))
    ),
    "seq_notlayer": lambda k: k.Sequential([3]),
    "seq_dup": lambda k: k.Sequential([k.layers.Dense(2, name="a"), k.layers.Dense(2, name="a")]),
    "seq_pop": lambda k: k.Sequential().pop(),
    "loss_name": lambda k: k.losses.get("nope"),
    "loss_type": lambda k: k.losses.get(3),
    "loss_red": lambda k: k.losses.MeanSquaredError(reduction="nope"),
    "loss_shapes": lambda k: k.losses.MeanSquaredError()(x(2, 3), x(2, 4)),
    "cce_shapes": lambda k: k.losses.CategoricalCrossentropy()(x(2, 3), x(2, 4)),
    "dice": lambda k: k.losses.Dice(axis="a")(x(2, 3), x(2, 3)),
    "metric_name": lambda k: k.metrics.get("nope"),
    "auc_curve": lambda k: k.metrics.AUC(curve="nope"),
    "auc_sum": lambda k: k.metrics.AUC(summation_method="nope"),
    "auc_thr": lambda k: k.metrics.AUC(num_thresholds=1),
    "auc_multi": lambda k: k.metrics.AUC(multi_label=True, num_labels=3).update_state(x(2, 4), x(2, 4)),
    "precision_thr": lambda k: k.metrics.Precision(thresholds=[2.0]),
    "precision_topk": lambda k: k.metrics.SensitivityAtSpecificity(1.5),
    "sens_thr": lambda k: k.metrics.SensitivityAtSpecificity(0.5, num_thresholds=0),
    "fbeta": lambda k: k.metrics.FBetaScore(beta=-1.0),
    "fbeta_avg": lambda k: k.metrics.FBetaScore(average="nope"),
    "fbeta_type": lambda k: k.metrics.FBetaScore(beta=1),
    "fbeta_thr": lambda k: k.metrics.FBetaScore(threshold=3.0),
    "fbeta_rank": lambda k: k.metrics.FBetaScore().update_state(x(3), x(3)),
    "iou_classes": lambda k: k.metrics.IoU(2, [5]),
    "r2": lambda k: k.metrics.R2Score(class_aggregation="nope"),
    "r2_reg": lambda k: k.metrics.R2Score(num_regressors=-1),
    "r2_rank": lambda k: k.metrics.R2Score().update_state(x(3), x(3)),
    "pearson": lambda k: k.metrics.PearsonCorrelation().update_state(x(2, 3), x(2, 4)),
    "opt_name": lambda k: k.optimizers.get("nope"),
    "opt_clip": lambda k: k.optimizers.SGD(clipnorm=1.0, clipvalue=1.0),
    "opt_ema": lambda k: k.optimizers.SGD(use_ema=True, ema_momentum=2.0),
    "opt_momentum": lambda k: k.optimizers.SGD(momentum=2.0),
    "opt_acc": lambda k: k.optimizers.SGD(gradient_accumulation_steps=1),
    "opt_unknown": lambda k: k.optimizers.SGD(nope=1),
    "opt_lr": lambda k: k.optimizers.SGD(learning_rate="a"),
    "ftrl": lambda k: k.optimizers.Ftrl(initial_accumulator_value=-1),
    "ftrl_l1": lambda k: k.optimizers.Ftrl(l1_regularization_strength=-1),
    "ftrl_power": lambda k: k.optimizers.Ftrl(learning_rate_power=1),
    "lion": lambda k: k.optimizers.Lion(beta_1=2.0),
    "sched_piece": lambda k: k.optimizers.schedules.PiecewiseConstantDecay([1, 2], [1.0]),
    "sched_cos": lambda k: k.optimizers.schedules.CosineDecay(0.1, 0),
    "init_name": lambda k: k.initializers.get("nope"),
    "init_mode": lambda k: k.initializers.VarianceScaling(mode="nope"),
    "init_scale": lambda k: k.initializers.VarianceScaling(scale=-1.0),
    "init_dist": lambda k: k.initializers.VarianceScaling(distribution="nope"),
    "init_orth": lambda k: k.initializers.Orthogonal()((3,)),
    "init_ident": lambda k: k.initializers.Identity()((3,)),
    "reg_l1": lambda k: k.regularizers.L1("a"),
    "reg_neg": lambda k: k.regularizers.L2(float("nan")),
    "reg_orth": lambda k: k.regularizers.OrthogonalRegularizer(mode="nope"),
    "reg_orth_rank": lambda k: k.regularizers.OrthogonalRegularizer()(x(2, 3, 4)),
    "compile_twice": lambda k: k.Sequential([k.layers.Dense(1)]).fit(x(2, 3), x(2, 1), verbose=0),
    "fit_lengths": lambda k: (lambda m: (m.compile("sgd", "mse"), m.fit(x(4, 3), x(3, 1), verbose=0)))(
        k.Sequential([k.layers.Dense(1)])
    ),
    "fit_split": lambda k: (
        lambda m: (m.compile("sgd", "mse"), m.fit(x(4, 3), x(4, 1), validation_split=1.5, verbose=0))
    )(k.Sequential([k.layers.Dense(1)])),
    "fit_noy": lambda k: (lambda m: (m.compile("sgd", "mse"), m.fit(x(4, 3), verbose=0)))(
        k.Sequential([k.layers.Dense(1)])
    ),
    "fit_gen_y": lambda k: (lambda m: (m.compile("sgd", "mse"), m.fit(iter([(x(4, 3), x(4, 1))]), x(4, 1), verbose=0)))(
        k.Sequential([k.layers.Dense(1)])
    ),
}

# Mistakes that Keras lets pass, or finds at the first call only.
KERAS_ACCEPTS = {"attention_dropout", "avgpool_stride", "convlstm", "fit_split", "pad_neg", "pool_pad", "up_inter"}


@pytest.mark.parametrize("name", MISTAKES)
def test_refused(name):
    mistake = MISTAKES[name]
    if name not in KERAS_ACCEPTS:
        with pytest.raises(Exception):  # noqa: B017
            mistake(keras)
    lapis.config.disable_traceback_filtering()
    try:
        with pytest.raises((ValueError, TypeError)) as caught:
            mistake(lapis)
    finally:
        lapis.config.enable_traceback_filtering()
    assert len(str(caught.value)) > 25
    raised_in = traceback.extract_tb(caught.tb)[-1].filename
    assert "/site-packages/jax" not in raised_in.replace("\\", "/"), raised_in


def one(*shape):
    return lapis.Input(shape)


def twice(layer, first, second):
    layer(first)
    layer(second)


def compiled():
    inputs = lapis.Input((3,), name="in")
    model = lapis.Model(inputs, lapis.layers.Dense(1, name="d")(inputs), name="m")
    model.compile("sgd", "mse")
    return model


def uncompiled():
    inputs = lapis.Input((3,))
    return lapis.Model(inputs, lapis.layers.Dense(1)(inputs), name="m")


L = lapis.layers
# Calls on symbolic inputs and of models, and what the message with its note has: the path, what came, what to do.
CALLS = {
    "dense_rank": (
        lambda: L.Dense(2, name="here")(lapis.KerasTensor((None,))),
        ["'here'", "(None,)", "at least 2 axes"],
    ),
    "dense_unknown": (lambda: L.Dense(2, name="here")(one(None)), ["'here/kernel'", "(None, 2)", "Input(shape=...)"]),
    "dense_changed": (
        lambda: twice(L.Dense(2, name="here"), one(3), one(4)),
        ["'here'", "(None, 4)", "size 3", "another"],
    ),
    "dense_dict": (lambda: L.Dense(2, name="here")({"a": one(3)}), ["'here'", "takes one tensor", "['a']"]),
    "dense_list": (lambda: L.Dense(2, name="here")([one(3), one(3)]), ["'here'", "1 input(s)", "(None, 3), (None, 3)"]),
    "dense_text": (lambda: L.Dense(2, name="here")("text"), ["'here'", "'text' (str)", "only tensors"]),
    "dense_none": (lambda: L.Dense(2, name="here")(None), ["'here'", "expected a tensor, but got None"]),
    "dense_object": (lambda: L.Dense(2, name="here")(object()), ["'here'", "(object)", "only tensors"]),
    "dense_nothing": (
        lambda: L.Dense(2, name="here")(),
        ["'here'", "needs the argument 'inputs'", "without arguments"],
    ),
    "dense_keyword": (
        lambda: L.Dense(2, name="here")(one(3), nope=1),
        ["'here'", "unknown argument 'nope'", "(None, 3)"],
    ),
    "conv_rank": (lambda: L.Conv2D(2, 3, name="here")(one(8, 8)), ["'here'", "(None, 8, 8)", "4 axes", "Reshape"]),
    "conv_channels": (
        lambda: twice(L.Conv2D(2, 3, name="here"), one(8, 8, 3), one(8, 8, 4)),
        ["'here'", "(None, 8, 8, 4)", "size 3 on axis -1"],
    ),
    "conv_unknown": (
        lambda: L.Conv2D(2, 3, name="here")(one(8, 8, None)),
        ["'here'", "(None, 8, 8, None)", "channels"],
    ),
    "conv_small": (lambda: L.Conv2D(2, 9, name="here")(one(8, 8, 3)), ["'here'", "(None, 8, 8, 3)", "smaller window"]),
    "conv1d_rank": (lambda: L.Conv1D(2, 3, name="here")(one(8, 8, 3)), ["'here'", "(None, 8, 8, 3)", "at most 3 axes"]),
    "transposed_rank": (lambda: L.Conv2DTranspose(2, 3, name="here")(one(8, 3)), ["'here'", "(None, 8, 3)", "4 axes"]),
    "depthwise_rank": (lambda: L.DepthwiseConv2D(3, name="here")(one(8, 3)), ["'here'", "(None, 8, 3)", "4 axes"]),
    "pooling_rank": (lambda: L.MaxPooling2D(name="here")(one(8, 3)), ["'here'", "(None, 8, 3)", "4 axes", "Reshape"]),
    "pooling_small": (lambda: L.MaxPooling2D(9, name="here")(one(8, 8, 3)), ["'here'", "(None, 8, 8, 3)", "smaller"]),
    "global_rank": (lambda: L.GlobalAveragePooling1D(name="here")(one(8)), ["'here'", "(None, 8)", "3 axes"]),
    "lstm_rank": (lambda: L.LSTM(2, name="here")(one(8)), ["'here'", "(None, 8)", "3 axes", "expand_dims"]),
    "lstm_changed": (lambda: twice(L.LSTM(2, name="here"), one(8, 3), one(8, 4)), ["'here'", "(None, 8, 4)", "size 3"]),
    "gru_changed": (lambda: twice(L.GRU(2, name="here"), one(8, 3), one(8, 4)), ["'here'", "(None, 8, 4)", "size 3"]),
    "gru_unknown": (
        lambda: L.GRU(2, name="here")(one(8, None)),
        ["'here/gru_cell", "(None, None)", "Input(shape=...)"],
    ),
    "bidirectional_rank": (lambda: L.Bidirectional(L.GRU(2), name="here")(one(4)), ["'here'", "(None, 4)", "3 axes"]),
    "distributed_rank": (
        lambda: L.TimeDistributed(L.Dense(2), name="here")(one()),
        ["'here'", "(None,)", "three axes"],
    ),
    "batch_norm": (lambda: L.BatchNormalization(name="here")(one(None)), ["'here'", "(None, None)", "known size"]),
    "layer_norm": (lambda: L.LayerNormalization(axis=4, name="here")(one(3)), ["'here'", "(None, 3)", "axis=4"]),
    "group_norm": (lambda: L.GroupNormalization(5, name="here")(one(4)), ["'here'", "(None, 4)", "groups=5"]),
    "reshape": (lambda: L.Reshape((5,), name="here")(one(6)), ["'here'", "(6,)", "target_shape=(5,)"]),
    "permute": (lambda: L.Permute((2, 1), name="here")(one(3, 4, 5)), ["'here'", "(None, 3, 4, 5)", "3 axes"]),
    "repeat": (lambda: L.RepeatVector(2, name="here")(one(3, 4)), ["'here'", "(None, 3, 4)", "2 axes"]),
    "cropping": (
        lambda: L.Cropping2D(9, name="here")(one(6, 6, 1)),
        ["'here'", "(None, 6, 6, 1)", "nothing of axis 1"],
    ),
    "padding_rank": (lambda: L.ZeroPadding2D(2, name="here")(one(6, 6)), ["'here'", "(None, 6, 6)", "4 axes"]),
    "softmax_axis": (lambda: L.Softmax(axis=4, name="here")(one(3)), ["'here'", "(None, 3)", "axis 4"]),
    "add_shapes": (lambda: L.Add(name="here")([one(3), one(4)]), ["'here'", "(None, 3), (None, 4)", "go together"]),
    "add_single": (lambda: L.Add(name="here")(one(3)), ["'here'", "(None, 3)", "list of tensors"]),
    "add_arguments": (lambda: L.Add(name="here")(one(3), one(3)), ["'here'", "at most 1", "got 2"]),
    "add_mixed": (lambda: L.Add(name="here")([one(3), "x"]), ["'here'", "'x' (str)", "float32 (None, 3)"]),
    "concatenate": (lambda: L.Concatenate(name="here")([one(3, 4), one(2, 4)]), ["'here'", "(None, 2, 4)", "axis -1"]),
    "dot": (lambda: L.Dot(1, name="here")([one(3), one(4)]), ["'here'", "(None, 3) and (None, 4)", "3 and 4 differ"]),
    "attention_alone": (lambda: L.Attention(name="here")(one(3, 4)), ["'here'", "(None, 3, 4)", "[query, value]"]),
    "attention_sizes": (
        lambda: L.Attention(name="here")([one(3, 4), one(3, 5)]),
        ["'here'", "float32 (None, 3, 4), float32 (None, 3, 5)"],
    ),
    "multi_head": (
        lambda: L.MultiHeadAttention(2, 2, name="here")(one(3, 4)),
        ["'here'", "argument 'value'", "(None, 3, 4)"],
    ),
    "einsum": (
        lambda: L.EinsumDense("abc,cd->abd", (None, 4), name="here")(one(3)),
        ["'here'", "(None, 3)", "abc,cd->abd"],
    ),
    "unknown_argument": (
        lambda: L.Dense(2, activatoin="relu"),
        ["Dense", "['activatoin']", "it takes units", "'activation'?"],
    ),
    "class_dense": (lambda: L.Dense(one(3)), ["Dense", "float32 (None, 3)", "Dense(...)(x)"]),
    "class_conv": (lambda: L.Conv2D(one(8, 8, 3), 3), ["Conv2D", "float32 (None, 8, 8, 3)", "Conv2D(...)(x)"]),
    "class_dropout": (lambda: L.Dropout(one(3)), ["Dropout", "(None, 3)", "Dropout(...)(x)"]),
    "class_concatenate": (lambda: L.Concatenate([one(3), one(4)]), ["Concatenate", "(None, 4)", "Concatenate(...)(x)"]),
    "class_in_sequential": (lambda: lapis.Sequential([L.Dense]), ["the class Dense", "call it: Dense(...)"]),
    "nested": (
        lambda: lapis.Sequential([one(3), L.Conv1D(2, 3, name="here")], name="s"),
        ["'here'", "(None, 3)", "Reshape"],
    ),
    "model_shape": (lambda: compiled()(x(2, 4)), ["'m'", "'in'", "(None, 3)", "(2, 4)"]),
    "model_symbolic": (lambda: compiled()(one(4)), ["'m'", "'in'", "(None, 3)", "(None, 4)"]),
    "model_two": (lambda: compiled()([x(2, 3), x(2, 3)]), ["'m'", "['in']", "2 tensors", "(2, 3), (2, 3)"]),
    "model_names": (lambda: compiled()({"wrong": x(2, 3)}), ["'m'", "missing: ['in']", "unknown: ['wrong']"]),
    "model_none": (lambda: compiled()(None), ["'m'", "'in'", "got None", "not optional"]),
    "fit_shape": (lambda: compiled().fit(x(4, 5), x(4, 1), verbose=0), ["'m'", "(None, 3)", "(4, 5)"]),
    "predict_shape": (lambda: compiled().predict(x(4, 5), verbose=0), ["'m'", "(None, 3)", "(4, 5)"]),
    "fit_uncompiled": (lambda: uncompiled().fit(x(4, 3), x(4, 1)), ["compile() before fit()", "model.compile("]),
    "evaluate_uncompiled": (lambda: uncompiled().evaluate(x(4, 3), x(4, 1)), ["compile() before evaluate()"]),
    "train_uncompiled": (lambda: uncompiled().train_on_batch(x(4, 3), x(4, 1)), ["compile() before train_on_batch()"]),
    "fit_text": (lambda: compiled().fit("data", x(4, 1), verbose=0), ["'data'", "Expected arrays"]),
}


@pytest.mark.parametrize("name", CALLS)
def test_calls_refused(name):
    mistake, words = CALLS[name]
    with pytest.raises((ValueError, TypeError)) as caught:
        mistake()
    told = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", ())])
    for word in words:
        assert word in told, told
    assert "_batch_" not in told and "_size_" not in told
