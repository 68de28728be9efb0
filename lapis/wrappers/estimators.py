"""A model in the form of a scikit-learn classifier, regressor or transformer."""

import copy
from typing import Any, Self

import numpy as np

from lapis.models import Model, clone_model

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin

    _INSTALLED = True
except ImportError:  # the classes are there all the same, and say what is missing when one is made
    _INSTALLED = False
    BaseEstimator: Any = object
    ClassifierMixin: Any = type("ClassifierMixin", (), {})
    RegressorMixin: Any = type("RegressorMixin", (), {})
    TransformerMixin: Any = type("TransformerMixin", (), {})


class _Estimator(BaseEstimator):
    """What the three kinds share."""

    model_: Any
    history_: Any

    def __init__(
        self, model: Any, warm_start: bool = False, model_kwargs: dict | None = None, fit_kwargs: dict | None = None
    ) -> None:
        if not _INSTALLED:
            raise ImportError(f'{type(self).__name__} needs scikit-learn: pip install "lapis[sklearn]".')
        # As scikit-learn asks: attributes named as the arguments, which are kept as they came.
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs

    def fit(self, X: Any, y: Any, **kwargs: Any) -> Self:
        """Train a model on samples `X` `(samples, features)` and targets `y` `(samples,)`.

        `kwargs` go to `model.fit`, before those in `fit_kwargs`. A `RuntimeError` where the model is not compiled.
        """
        from sklearn.utils.validation import validate_data

        X, y = validate_data(self, X, y)
        y = self._encoded(y)
        model = self._model_for(X, y)
        if not model.compiled or not model.loss or not model.optimizer:
            raise RuntimeError(
                f"{type(self).__name__} needs a compiled model: call compile() with a loss and an optimizer, before "
                "passing the model or in the function that makes it."
            )
        self.history_ = model.fit(X, y, **{**(self.fit_kwargs or {}), **kwargs})
        self.model_ = model
        return self

    def predict(self, X: Any) -> Any:
        """The predictions `(samples,)` for samples `X` `(samples, features)`."""
        return self._decoded(self._outputs(X))

    def _outputs(self, X: Any) -> np.ndarray:
        """What the model gives for samples."""
        from sklearn.utils.validation import check_is_fitted, validate_data

        check_is_fitted(self)
        return self.model_.predict(validate_data(self, X, reset=False))

    def _model_for(self, X: Any, y: Any) -> Any:
        if self.warm_start and hasattr(self, "model_"):
            return self.model_
        if not isinstance(self.model, Model):
            return self.model(X=X, y=y, **(self.model_kwargs or {}))
        if self.warm_start:
            return self.model
        clone = clone_model(self.model)
        if self.model.compiled and not clone.compiled:
            clone.compile_from_config(self.model.get_compile_config())
        return clone

    def _encoded(self, y: np.ndarray) -> np.ndarray:
        """Targets as the model is trained on them: a column."""
        _kind_of(y)
        return y.reshape(-1, 1)

    def _decoded(self, outputs: np.ndarray) -> np.ndarray:
        """The model's outputs as targets."""
        return np.squeeze(outputs, axis=1) if outputs.ndim == 2 else outputs

    @property
    def epoch_(self) -> int:
        """How many epochs the last `fit` ran."""
        history = getattr(self, "history_", None)
        return 0 if history is None else len(history.epoch)

    def set_fit_request(self, **kwargs: Any) -> Self:
        """Ask a meta-estimator to pass arguments on to `fit`: by name `True`, `False`, `None` or an alias.

        A `RuntimeError` unless `sklearn.set_config(enable_metadata_routing=True)`.
        """
        import sklearn

        if not sklearn.get_config().get("enable_metadata_routing"):
            raise RuntimeError("set_fit_request needs sklearn.set_config(enable_metadata_routing=True).")
        requests = self.get_metadata_routing()  # pyright: ignore[reportAttributeAccessIssue]
        for name, alias in kwargs.items():
            requests.fit.add_request(param=name, alias=alias)
        self._metadata_request = requests
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # pyright: ignore[reportAttributeAccessIssue]
        tags.non_deterministic = True
        return tags

    def __sklearn_clone__(self) -> Self:
        # A model is copied with its weights, which a warm start begins with.
        model = copy.deepcopy(self.model) if isinstance(self.model, Model) else self.model
        return type(self)(model, self.warm_start, copy.deepcopy(self.model_kwargs), copy.deepcopy(self.fit_kwargs))


class SKLearnClassifier(ClassifierMixin, _Estimator):
    """A classifier of scikit-learn that trains a model on one-hot targets `(samples, classes)`.

    Args:
        model: a compiled model, of which `fit` trains a fresh copy; or a function of `X`, `y` and `model_kwargs` that
            makes one.
        warm_start: whether `fit` goes on with the model of the last `fit`, or at first with the given one itself.
        model_kwargs: further arguments of the function.
        fit_kwargs: arguments of `model.fit`.

    Attributes:
        model_: the trained model.
        history_: what `model.fit` returned.
        classes_: the classes, sorted.

    An `ImportError` without scikit-learn.

    >>> import lapis
    >>> def make(X, y):
    ...     model = lapis.Sequential([lapis.Input(X.shape[1:]), lapis.layers.Dense(y.shape[1], activation="softmax")])
    ...     model.compile("adam", "categorical_crossentropy")
    ...     return model
    >>> classifier = SKLearnClassifier(make, fit_kwargs={"verbose": 0})
    >>> classifier.fit([[0.0, 1.0], [1.0, 0.0]], ["left", "right"]).classes_.tolist()
    ['left', 'right']
    """

    classes_: np.ndarray

    def decision_function(self, X: Any) -> Any:
        """The model's outputs `(samples, classes)` for samples `X` `(samples, features)`."""
        return self._outputs(X)

    def _encoded(self, y: np.ndarray) -> np.ndarray:
        kind = _kind_of(y)
        if kind not in ("binary", "multiclass"):
            raise ValueError(f"Unknown label type: {kind}. SKLearnClassifier takes one class for each sample.")
        self.classes_, places = np.unique(y, return_inverse=True)
        if len(self.classes_) == 1:
            raise ValueError("SKLearnClassifier got only one class; it needs two or more to tell apart.")
        return np.eye(len(self.classes_))[places]

    def _decoded(self, outputs: np.ndarray) -> np.ndarray:
        return self.classes_[np.argmax(outputs, axis=-1)]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags


class SKLearnRegressor(RegressorMixin, _Estimator):
    """A regressor of scikit-learn that trains a model on targets `(samples, 1)`.

    Arguments and attributes are those of `SKLearnClassifier`, without `classes_`.

    >>> import lapis
    >>> model = lapis.Sequential([lapis.Input((1,)), lapis.layers.Dense(1)])
    >>> model.compile("adam", "mse")
    >>> SKLearnRegressor(model, fit_kwargs={"verbose": 0, "epochs": 2}).fit([[0.0], [1.0]], [0.5, 1.5]).epoch_
    2
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags


class SKLearnTransformer(TransformerMixin, _Estimator):
    """A transformer of scikit-learn, a step that gives a model's outputs, such as embeddings of the samples.

    Arguments and attributes are those of `SKLearnClassifier`, without `classes_`.

    >>> import lapis
    >>> model = lapis.Sequential([lapis.Input((1,)), lapis.layers.Dense(1)])
    >>> model.compile("adam", "mse")
    >>> SKLearnTransformer(model, fit_kwargs={"verbose": 0}).fit([[0.0], [1.0]], [0.5, 1.5]).n_features_in_
    1
    """

    def transform(self, X: Any) -> Any:
        """The model's outputs `(samples, units)` for samples `X` `(samples, features)`."""
        return self._outputs(X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags


def _kind_of(y: np.ndarray) -> str:
    """What scikit-learn calls targets of this kind; a `ValueError` for none that it knows."""
    from sklearn.utils.multiclass import type_of_target

    kind = type_of_target(y)
    if kind == "unknown":
        raise ValueError(f"Unknown label type: {y!r:.200}.")
    return kind
