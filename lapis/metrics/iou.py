"""Intersection over union of predicted and true classes."""

import warnings
from collections.abc import Sequence
from typing import Any

import lapis.core.config as config
import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.metrics.metric import Metric
from lapis.state import claim_memory, get_real_rows, row_mask


def confusion_matrix(labels: Any, predictions: Any, num_classes: int, weights: Any = None, dtype: Any = "int32") -> Any:
    """How often each label `(n,)` met each prediction `(n,)`: `(num_classes, num_classes)`, labels in rows.

    >>> confusion_matrix([0, 1, 1], [0, 0, 1], 2).tolist()
    [[1, 0], [1, 1]]
    """
    labels, predictions = ops.cast(labels, "int32"), ops.cast(predictions, "int32")
    weights = ops.ones_like(labels, dtype=dtype) if weights is None else ops.cast(weights, dtype)
    counts = ops.segment_sum(weights, labels * num_classes + predictions, num_segments=num_classes * num_classes)
    return ops.reshape(counts, (num_classes, num_classes))


@builtin("keras.metrics")
class IoU(Metric):
    """`true positives / (true positives + false positives + false negatives)`, the mean over `target_class_ids`.

    Labels and predictions are class numbers of any equal shape, or scores along `axis` where `sparse_y_true`,
    `sparse_y_pred` are false. Elements labelled `ignore_class`, and those outside of `0…num_classes - 1`, do not
    count. Counting is in `dtype`, whole numbers by default.

    >>> metric = IoU(num_classes=2, target_class_ids=[0])
    >>> round(float(metric([0, 0, 1, 1], [0, 1, 0, 1])), 4)
    0.3333
    """

    _direction = "up"

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(name=name, dtype=dtype or "int")
        claim_memory(f"{self.name}/target_class_ids", (4, len(target_class_ids)), "int64")
        if max(target_class_ids) >= num_classes:
            raise ValueError(
                f"target_class_ids holds {max(target_class_ids)}; with num_classes={num_classes} the largest is "
                f"{num_classes - 1}."
            )
        self.num_classes = num_classes
        self.target_class_ids = list(target_class_ids)
        self.ignore_class = ignore_class
        self.sparse_y_true = sparse_y_true
        self.sparse_y_pred = sparse_y_pred
        self.axis = axis
        shape = (num_classes, num_classes)
        self.total_cm = self.add_variable(shape, "zeros", dtype=self.dtype, name="total_confusion_matrix")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in a batch; `sample_weight` is a number or one per element."""
        if not self.sparse_y_true:
            y_true = ops.argmax(y_true, axis=self.axis)
        if not self.sparse_y_pred:
            y_pred = ops.argmax(y_pred, axis=self.axis)
        y_true = ops.convert_to_tensor(y_true, dtype=self.dtype)
        shape, y_true = y_true.shape, ops.reshape(y_true, (-1,))
        y_pred = ops.reshape(ops.convert_to_tensor(y_pred, dtype=self.dtype), (-1,))
        if "float" in str(getattr(sample_weight, "dtype", "")) and "int" in self.dtype:
            warnings.warn(
                f"{self.name} counts in {self.dtype}, so the fractions of a float sample_weight are cut off. "
                "Give the metric dtype='float32'.",
                stacklevel=2,
            )
        weight = ops.convert_to_tensor(1 if sample_weight is None else sample_weight, dtype=self.dtype)
        if len(weight.shape) > 1:
            weight = ops.reshape(weight, (-1,))
        weight = ops.broadcast_to(weight, ops.shape(y_true))

        counted = (y_true >= 0) & (y_true < self.num_classes) & (y_pred >= 0) & (y_pred < self.num_classes)
        if self.ignore_class is not None:
            counted = counted & ops.not_equal(y_true, self.ignore_class)
        if get_real_rows() is not None:
            counted = counted & ops.reshape(ops.broadcast_to(row_mask(shape), shape), (-1,))
        y_true, y_pred, weight = (ops.where(counted, x, ops.zeros_like(x)) for x in (y_true, y_pred, weight))
        self.total_cm.assign_add(confusion_matrix(y_true, y_pred, self.num_classes, weight, self.dtype))

    def result(self) -> Any:
        counts = ops.convert_to_tensor(self.total_cm)
        hits = ops.diagonal(counts)
        union = ops.sum(counts, axis=0) + ops.sum(counts, axis=1) - hits
        wanted = ops.convert_to_tensor(self.target_class_ids, dtype="int32")
        hits = ops.cast(ops.take(hits, wanted, axis=0), "float32")
        union = ops.cast(ops.take(union, wanted, axis=0), "float32")
        seen = union > 1e-9
        iou = ops.where(seen, hits / (union + config.epsilon()), 0.0)
        return ops.sum(iou) / (ops.sum(ops.cast(seen, "float32")) + config.epsilon())

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        keys = ("num_classes", "target_class_ids", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis")
        return {**super().get_config(), **{key: getattr(self, key) for key in keys}}


@builtin("keras.metrics")
class BinaryIoU(IoU):
    """`IoU` of two classes, told apart by whether a prediction reaches `threshold` (default 0.5).

    >>> metric = BinaryIoU(target_class_ids=[0, 1], threshold=0.3)
    >>> round(float(metric([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7])), 4)
    0.3333
    """

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(num_classes=2, target_class_ids=target_class_ids, name=name, dtype=dtype)
        self.threshold = threshold

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in a batch of labels 0 and 1 and of scores."""
        y_pred = ops.convert_to_tensor(y_pred, dtype="float32") >= self.threshold
        super().update_state(y_true, y_pred, sample_weight)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        options = {"target_class_ids": self.target_class_ids, "threshold": self.threshold}
        return {**Metric.get_config(self), **options}


@builtin("keras.metrics")
class MeanIoU(IoU):
    """`IoU`, the mean over all classes.

    >>> metric = MeanIoU(num_classes=2)
    >>> round(float(metric([0, 0, 1, 1], [0, 1, 0, 1])), 4)
    0.3333
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, range(num_classes), name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        config = super().get_config()
        del config["target_class_ids"]
        return config


@builtin("keras.metrics")
class OneHotIoU(IoU):
    """`IoU` for one-hot labels, and for scores along `axis` unless `sparse_y_pred`.

    >>> metric = OneHotIoU(num_classes=2, target_class_ids=[0])
    >>> round(float(metric([[1, 0], [0, 1]], [[0.9, 0.1], [0.6, 0.4]])), 4)
    0.5
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        config = super().get_config()
        del config["sparse_y_true"]
        return config


@builtin("keras.metrics")
class OneHotMeanIoU(MeanIoU):
    """`MeanIoU` for one-hot labels, and for scores along `axis` unless `sparse_y_pred`.

    >>> metric = OneHotMeanIoU(num_classes=2)
    >>> round(float(metric([[1, 0], [0, 1]], [[0.9, 0.1], [0.6, 0.4]])), 4)
    0.25
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        config = super().get_config()
        del config["sparse_y_true"]
        return config
