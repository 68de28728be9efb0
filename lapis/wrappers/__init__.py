"""Models as estimators of scikit-learn, which is imported only when one of them is asked for."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lapis.wrappers.estimators import SKLearnClassifier as SKLearnClassifier
    from lapis.wrappers.estimators import SKLearnRegressor as SKLearnRegressor
    from lapis.wrappers.estimators import SKLearnTransformer as SKLearnTransformer

_NAMES = ("SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer")


def __getattr__(name: str) -> Any:
    # The classes are scikit-learn's by inheritance, and importing it takes as long as all of Lapis.
    if name in _NAMES:
        return getattr(importlib.import_module("lapis.wrappers.estimators"), name)
    raise AttributeError(f"The module lapis.wrappers has no {name!r}; it has {_NAMES}.")


def __dir__() -> list[str]:
    return list(_NAMES)
