"""Optimizers: each takes steps along the same gradients in Lapis and in Keras. Schedules are called with steps."""

from tests.descriptors import Row


def _row(cls, note="", **options):
    label = ",".join(f"{key}={value}" for key, value in options.items())
    return Row(f"{cls}({label}){note}", lambda k: getattr(k.optimizers, cls)(**options))


def _scheduled(cls, schedule, *arguments, **options):
    label = ",".join([*map(str, arguments), *(f"{key}={value}" for key, value in options.items())])
    return Row(
        f"{cls}({schedule}({label}))",
        lambda k: getattr(k.optimizers, cls)(getattr(k.optimizers.schedules, schedule)(*arguments, **options)),
    )


ROWS = [
    _row("SGD"),
    _row("SGD", learning_rate=0.1, momentum=0.9),
    _row("SGD", learning_rate=0.1, momentum=0.9, nesterov=True),
    _row("SGD", learning_rate=0.1, weight_decay=0.05, clipnorm=0.5),
    _row("SGD", learning_rate=0.1, clipvalue=0.2),
    _row("SGD", learning_rate=0.1, global_clipnorm=0.7, momentum=0.5),
    _row("SGD", learning_rate=0.1, gradient_accumulation_steps=2, momentum=0.9),
    _row("SGD", learning_rate=0.1, gradient_accumulation_steps=3, clipnorm=0.1, use_ema=True, ema_momentum=0.5),
    _row("SGD", learning_rate=0.1, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=2),
    _row("SGD", learning_rate=0.1, loss_scale_factor=8.0),
    _row("RMSprop"),
    _row("RMSprop", learning_rate=0.01, rho=0.8, momentum=0.7),
    _row("RMSprop", learning_rate=0.01, centered=True, epsilon=1e-4),
    _row("RMSprop", learning_rate=0.01, centered=True, momentum=0.5, weight_decay=0.01, clipnorm=1.0),
    _row("RMSprop", learning_rate=0.01, gradient_accumulation_steps=2, use_ema=True),
    _row("Adam"),
    _row("Adam", learning_rate=0.05, beta_1=0.8, beta_2=0.95, epsilon=1e-3),
    _row("Adam", learning_rate=0.05, amsgrad=True),
    _row("Adam", learning_rate=0.05, global_clipnorm=0.1, weight_decay=0.02),
    _row("Adam", learning_rate=0.05, gradient_accumulation_steps=2),
    _row("Adam", learning_rate=0.05, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=3),
    _row("AdamW"),
    _row("AdamW", learning_rate=0.05, weight_decay=0.1, amsgrad=True, name="decayed"),
    _row("AdamW", learning_rate=0.05, gradient_accumulation_steps=2, use_ema=True, ema_overwrite_frequency=2),
    _row("Adadelta", learning_rate=1.0),
    _row("Adadelta", learning_rate=0.5, rho=0.8, epsilon=1e-3, weight_decay=0.01),
    _row("Adagrad", learning_rate=0.1),
    _row("Adagrad", learning_rate=0.1, initial_accumulator_value=0.5, epsilon=1e-2),
    _row("Adamax", learning_rate=0.05),
    _row("Adamax", learning_rate=0.05, beta_1=0.7, beta_2=0.9, gradient_accumulation_steps=2),
    _row("Nadam", learning_rate=0.05),
    _row("Nadam", learning_rate=0.05, beta_1=0.8, gradient_accumulation_steps=2),
    _row("Lion", learning_rate=0.01),
    _row("Lion", learning_rate=0.01, beta_1=0.5, weight_decay=0.1),
    _row("Ftrl", learning_rate=0.1),
    _row(
        "Ftrl",
        learning_rate=0.1,
        l1_regularization_strength=0.01,
        l2_regularization_strength=0.02,
        l2_shrinkage_regularization_strength=0.1,
        beta=0.3,
        learning_rate_power=-0.7,
    ),
    _row("Lamb", learning_rate=0.05),
    _row("Lamb", learning_rate=0.05, weight_decay=0.01),
    _row("Adafactor", learning_rate=0.05),
    _row("Adafactor", learning_rate=0.05, beta_2_decay=-0.5, clip_threshold=0.5, relative_step=False),
    _row("Muon", learning_rate=0.05),
    _row("Muon", learning_rate=0.05, nesterov=False, rms_rate=None, weight_decay=None, adam_lr_ratio=0.5),
    _row("Muon", learning_rate=0.05, exclude_layers=["dense"], use_ema=True),
    _row("ScheduleFreeAdamW", learning_rate=0.05),
    _row("ScheduleFreeAdamW", learning_rate=0.05, warmup_steps=3, weight_decay=0.01),
    _scheduled("SGD", "ExponentialDecay", 0.1, 2, 0.5),
    _scheduled("Adam", "CosineDecay", 0.01, 4, warmup_target=0.1, warmup_steps=2),
    Row("SGD(callable)", lambda k: k.optimizers.SGD(lambda: 0.25), config=False),
    Row("LossScaleOptimizer", lambda k: k.optimizers.LossScaleOptimizer(k.optimizers.SGD(0.1), initial_scale=4.0)),
    Row(
        "LossScaleOptimizer that grows",
        lambda k: k.optimizers.LossScaleOptimizer(
            k.optimizers.Adam(0.05, use_ema=True), initial_scale=2.0, dynamic_growth_steps=2
        ),
    ),
]

SCHEDULES = [
    Row(f"{cls}{arguments}{options or ''}", lambda k, c=cls, a=arguments, o=options: getattr(k, c)(*a, **o))
    for cls, arguments, options in (
        ("ExponentialDecay", (0.1, 10, 0.5), {}),
        ("ExponentialDecay", (0.1, 10, 0.5), {"staircase": True, "name": "stairs"}),
        ("InverseTimeDecay", (0.1, 10, 0.5), {}),
        ("InverseTimeDecay", (0.1, 10, 0.5), {"staircase": True}),
        ("PiecewiseConstantDecay", ([5, 20, 30], [0.1, 0.03, 0.01, 0.002]), {}),
        ("PolynomialDecay", (0.1, 20), {}),
        ("PolynomialDecay", (0.1, 20), {"power": 2.0, "end_learning_rate": 0.01}),
        ("PolynomialDecay", (0.1, 20), {"cycle": True, "power": 0.5}),
        ("CosineDecay", (0.1, 25), {}),
        ("CosineDecay", (0.1, 25), {"alpha": 0.2}),
        ("CosineDecay", (0.0, 25), {"warmup_target": 0.1, "warmup_steps": 8}),
        ("CosineDecay", (0.0, 25), {"warmup_target": 0.1}),
        ("CosineDecayRestarts", (0.1, 7), {}),
        ("CosineDecayRestarts", (0.1, 7), {"t_mul": 1.0, "m_mul": 0.5, "alpha": 0.1}),
        ("CosineDecayRestarts", (0.1, 7), {"t_mul": 1.5, "m_mul": 0.9}),
    )
]
