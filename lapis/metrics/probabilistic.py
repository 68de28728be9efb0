"""Means of crossentropies and divergences."""

from typing import Any

from lapis.core.serialization import builtin
from lapis.losses import crossentropy, probabilistic
from lapis.metrics.reduction import NamedMetric


@builtin("keras.metrics")
class KLDivergence(NamedMetric):
    """The mean divergence of predicted distributions from true ones.

    >>> metric = KLDivergence()
    >>> round(float(metric([[0.5, 0.5]], [[0.25, 0.75]])), 4)
    0.1438
    """

    def __init__(self, name: str | None = "kl_divergence", dtype: Any = None) -> None:
        super().__init__(probabilistic.kl_divergence, name, dtype)


@builtin("keras.metrics")
class Poisson(NamedMetric):
    """The mean negative log-likelihood of counts under predicted rates, up to a constant.

    >>> metric = Poisson()
    >>> round(float(metric([[1.0, 2.0]], [[1.0, 2.0]])), 4)
    0.8069
    """

    def __init__(self, name: str | None = "poisson", dtype: Any = None) -> None:
        super().__init__(probabilistic.poisson, name, dtype)


@builtin("keras.metrics")
class BinaryCrossentropy(NamedMetric):
    """The mean crossentropy of yes-or-no labels.

    >>> metric = BinaryCrossentropy()
    >>> round(float(metric([[0.0, 1.0]], [[0.5, 0.5]])), 4)
    0.6931
    """

    _direction = "down"
    _config_keys = ("from_logits", "label_smoothing")

    def __init__(
        self,
        name: str | None = "binary_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing}
        super().__init__(crossentropy.binary_crossentropy, name, dtype, **options)


@builtin("keras.metrics")
class CategoricalCrossentropy(NamedMetric):
    """The mean crossentropy of one-hot labels.

    >>> metric = CategoricalCrossentropy()
    >>> round(float(metric([[0.0, 1.0]], [[0.2, 0.8]])), 4)
    0.2231
    """

    _direction = "down"
    _config_keys = ("from_logits", "label_smoothing", "axis")

    def __init__(
        self,
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ) -> None:
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(crossentropy.categorical_crossentropy, name, dtype, **options)


@builtin("keras.metrics")
class SparseCategoricalCrossentropy(NamedMetric):
    """The mean crossentropy of integer labels.

    >>> metric = SparseCategoricalCrossentropy()
    >>> round(float(metric([1, 0], [[0.2, 0.8], [0.5, 0.5]])), 4)
    0.4581
    """

    _direction = "down"
    _config_keys = ("from_logits", "ignore_class", "axis")

    def __init__(
        self,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        options = {"from_logits": from_logits, "ignore_class": ignore_class, "axis": axis}
        super().__init__(crossentropy.sparse_categorical_crossentropy, name, dtype, **options)
