"""Models as scikit-learn's estimators: its own checks, and what they cannot show."""

import pickle
import warnings

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

import lapis
from lapis.wrappers import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer, estimators

# Training may warn of anything that scikit-learn's checks try, such as a single sample.
pytestmark = [
    pytest.mark.usefixtures("quick_compilation"),
    pytest.mark.filterwarnings("ignore"),
]

RANDOM = "fits from other first weights every time"
EXPECTED_FAILURES = {
    "check_classifiers_one_label_sample_weights": "samples of weight 0 count among the classes",
    "check_classifiers_classes": "five epochs need not find every class",
    "check_classifier_data_not_an_array": RANDOM,
    "check_supervised_y_2d": RANDOM,
    "check_fit_idempotent": RANDOM,
    "check_classifiers_train": "decision_function gives probabilities or logits, as the model does",
}


def make(X, y, loss="mse", activation="softmax", units=()):
    inputs = x = lapis.Input((X.shape[1],))
    for size in units:
        x = lapis.layers.Dense(size, activation="relu")(x)
    model = lapis.Model(inputs, lapis.layers.Dense(y.shape[1], activation=activation)(x))
    # A softmax over one number is 1 whatever the first weights are, and some of the checks fit twice.
    model.compile("rmsprop", loss, check="off")
    return model


QUIET = {"verbose": 0}
ESTIMATORS = [
    SKLearnClassifier(make, model_kwargs={"loss": "categorical_crossentropy", "units": [20]}, fit_kwargs=QUIET),
    SKLearnRegressor(make, fit_kwargs=QUIET),
    SKLearnTransformer(make, fit_kwargs=QUIET),
]
CHECKS = [
    pytest.param(estimator, check, id=f"{type(estimator).__name__}-{getattr(check, 'func', check).__name__}-{number}")
    for one in ESTIMATORS
    for number, (estimator, check) in enumerate(estimator_checks_generator(one, legacy=True))
]


@pytest.mark.parametrize("estimator, check", CHECKS)
def test_checks_of_scikit_learn(estimator, check):
    if getattr(check, "func", check).__name__ in EXPECTED_FAILURES and isinstance(estimator, SKLearnClassifier):
        pytest.skip(EXPECTED_FAILURES[check.func.__name__])
    try:
        check(estimator)
    except Exception as error:
        if type(error).__name__ == "SkipTest":
            pytest.skip(str(error))
        raise


def _data(classes=2):
    rng = np.random.default_rng(0)
    y = np.arange(40) % classes
    return rng.normal(y[:, None], 0.2, (40, 3)), np.array(["a", "b", "c"])[y]


def test_classifier_learns_names():
    lapis.utils.set_random_seed(1)
    X, y = _data(3)
    options = {"loss": "categorical_crossentropy", "units": [16]}
    classifier = SKLearnClassifier(make, model_kwargs=options, fit_kwargs={"verbose": 0, "epochs": 1})
    classifier.fit(X, y, epochs=400)
    assert classifier.score(X, y) > 0.9
    assert classifier.classes_.tolist() == ["a", "b", "c"] and classifier.fit_kwargs == {"verbose": 0, "epochs": 1}
    outputs = classifier.decision_function(X)
    np.testing.assert_array_equal(classifier.classes_[outputs.argmax(-1)], classifier.predict(X))
    assert classifier.epoch_ == 400 and len(classifier.history_.history["loss"]) == 400


def _model(units=1):
    model = lapis.Sequential([lapis.Input((3,)), lapis.layers.Dense(units)])
    model.compile("sgd", "mse")
    return model


def test_given_model_is_copied_unless_warm():
    X, y = _data()[0], np.arange(40.0)
    model = _model()
    before = model.get_weights()
    regressor = SKLearnRegressor(model, fit_kwargs=QUIET).fit(X, y)
    assert regressor.model_ is not model and regressor.predict(X).shape == (40,)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    warm = SKLearnRegressor(model, warm_start=True, fit_kwargs=QUIET).fit(X, y)
    assert warm.model_ is model
    first = warm.fit(X, y).model_
    assert first is model and not np.array_equal(model.get_weights()[0], before[0])
    made = SKLearnRegressor(make, warm_start=True, fit_kwargs=QUIET).fit(X, y)
    assert made.fit(X, y).model_ is made.fit(X, y).model_


def test_clone_keeps_all_arguments():
    model = _model()
    estimator = SKLearnRegressor(model, warm_start=True, model_kwargs={"a": 1}, fit_kwargs={"epochs": 3})
    again = clone(estimator)
    assert again.model is not model and again.warm_start and again.model_kwargs == {"a": 1}
    assert again.fit_kwargs == {"epochs": 3} and again.fit_kwargs is not estimator.fit_kwargs
    np.testing.assert_array_equal(again.model.get_weights()[0], model.get_weights()[0])
    assert again.model.compiled and clone(ESTIMATORS[0]).model is make


def test_pipeline_and_search():
    X, y = _data()
    pipeline = make_pipeline(StandardScaler(), SKLearnTransformer(_model(4), fit_kwargs=QUIET))
    assert pipeline.fit(X, np.arange(40.0)).transform(X).shape == (40, 4)
    search = GridSearchCV(ESTIMATORS[0], {"model_kwargs": [{"loss": "categorical_crossentropy"}]}, cv=2).fit(X, y)
    assert search.best_estimator_.predict(X).shape == (40,)
    again = pickle.loads(pickle.dumps(search.best_estimator_))
    np.testing.assert_array_equal(again.predict(X), search.best_estimator_.predict(X))


def test_routing():
    with pytest.raises(RuntimeError, match="enable_metadata_routing"):
        SKLearnRegressor(make).set_fit_request(sample_weight=True)
    with sklearn.config_context(enable_metadata_routing=True):
        regressor = SKLearnRegressor(make).set_fit_request(sample_weight=True)
        assert regressor.get_metadata_routing().fit.requests == {"sample_weight": True}


def test_errors(monkeypatch):
    X = _data()[0]
    unready = lapis.Sequential([lapis.Input((3,)), lapis.layers.Dense(1)])
    with pytest.raises(RuntimeError, match="compile"):
        SKLearnRegressor(unready).fit(X, np.arange(40.0))
    with pytest.raises(ValueError, match="one class"):
        SKLearnClassifier(make).fit(X, ["a"] * 40)
    with pytest.raises(ValueError, match="Unknown label type"):
        SKLearnClassifier(make).fit(X, np.linspace(0.0, 1.1, 40))
    assert SKLearnClassifier(make).epoch_ == 0
    assert "SKLearnClassifier" in dir(lapis.wrappers)
    with pytest.raises(AttributeError, match="SKLearnClassifier"):
        lapis.wrappers.SKLearnClusterer  # noqa: B018
    monkeypatch.setattr(estimators, "_INSTALLED", False)
    with warnings.catch_warnings(), pytest.raises(ImportError, match=r"lapis\[sklearn\]"):
        SKLearnClassifier(make)
