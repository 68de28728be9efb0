"""Mistakes are told before the first step, and right programs are left alone."""

import pathlib
import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lapis
from lapis.training.checks import preflight
from tests.rows.mistakes import MISTAKES, Mistake
from tests.rows.right_programs import RIGHT

ROOT = pathlib.Path(__file__).parent.parent


class _Begun(Exception):
    pass


class _Stop(lapis.callbacks.Callback):
    """Ends training before its first step."""

    def on_train_begin(self, logs: Any = None) -> None:
        raise _Begun


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_mistakes_are_told_before_the_first_step(mistake: Mistake) -> None:
    model, arguments = mistake.make()
    found = model.check(**arguments)
    assert [(one.code, one.path, one.severity) for one in found] == [(mistake.code, mistake.path, mistake.severity)]
    before = model.get_weights()
    if mistake.severity == "error":
        with pytest.raises(lapis.CheckError, match=re.escape(f"[{mistake.code}]")) as caught:
            model.fit(**arguments, verbose=0)
        assert [one.code for one in caught.value.findings] == [mistake.code]
    else:
        with pytest.warns(lapis.CheckWarning, match=re.escape(f"[{mistake.code}]")), pytest.raises(_Begun):
            model.fit(**arguments, verbose=0, callbacks=[_Stop()])
    assert not getattr(model.train_function, "compilations", 0)
    assert all(map(np.array_equal, before, model.get_weights()[: len(before)]))


@pytest.mark.parametrize("program", RIGHT, ids=lambda program: program.__name__.replace("_", " "))
def test_right_programs_are_left_alone(program: Callable[[], tuple[Any, dict[str, Any]]]) -> None:
    model, arguments = program()
    assert model.check(**{name: value for name, value in arguments.items() if name in _CHECKED}) == []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = model.fit(**arguments, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


_CHECKED = ("x", "y", "sample_weight", "class_weight", "validation_data")


def _classifier(check: str = "error") -> lapis.Model:
    model = lapis.Sequential([lapis.Input((4,)), lapis.layers.Dense(3, activation="softmax", name="out")])
    model.compile("sgd", "sparse_categorical_crossentropy", check=check)
    return model


X, WRONG = np.ones((8, 4), "float32"), np.arange(8)


def test_the_mode_says_what_mistakes_lead_to() -> None:
    with pytest.warns(lapis.CheckWarning, match="labels-range"):
        _classifier("warn").fit(X, WRONG, verbose=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _classifier("off").fit(X, WRONG, verbose=0)
    with pytest.raises(ValueError, match="expected 'error', 'warn' or 'off'"):
        _classifier("on")


def test_the_mode_is_saved_where_it_is_not_the_usual_one() -> None:
    assert "check" not in _classifier().get_compile_config()
    assert _classifier("off").get_compile_config()["check"] == "off"
    model = _classifier("warn")
    model.compile_from_config(model.get_compile_config())
    assert model.get_compile_config()["check"] == "warn"


@pytest.mark.parametrize("run", ["fit", "evaluate", "train_on_batch", "test_on_batch"])
def test_every_run_is_checked(run: str) -> None:
    model = _classifier()
    before = model.get_weights()
    with pytest.raises(lapis.CheckError, match="labels-range"):
        getattr(model, run)(X, WRONG)
    assert all(map(np.array_equal, before, model.get_weights()))


def test_labels_of_later_runs_are_looked_at_too() -> None:
    model = _classifier()
    model.fit(X, WRONG % 3, verbose=0)
    with pytest.raises(lapis.CheckError, match="labels-range"):
        model.fit(X, WRONG, verbose=0)


def test_warnings_come_once_and_point_to_the_program() -> None:
    model = lapis.Sequential([lapis.Input((4,)), lapis.layers.Dense(3)])
    model.compile("sgd", "mse")
    with pytest.warns(lapis.CheckWarning, match="targets-broadcast") as told:
        model.fit(X, np.ones((8, 1)), verbose=0)
        model.fit(X, np.ones((8, 1)), verbose=0)
    assert [pathlib.Path(one.filename).name for one in told] == ["test_checks.py"]


def test_findings_name_the_line_of_the_layer() -> None:
    inputs = lapis.Input((4,))
    outputs = lapis.layers.Dense(1)(inputs)  # this line
    model = lapis.Model(inputs, outputs)
    model.compile("sgd", "mse")
    (found,) = model.check(X, np.ones((8, 2)))
    path, line = found.source.rsplit(":", 1)
    assert path == __file__ and "# this line" in pathlib.Path(path).read_text().splitlines()[int(line) - 1]
    assert found.source in str(found) and found.code in str(found) and found.advice in str(found)


def test_batches_of_a_generator_are_checked() -> None:
    read = []

    def batches():
        for _ in range(4):
            read.append(1)
            yield X, WRONG

    with pytest.raises(lapis.CheckError, match="labels-range"):
        _classifier().fit(batches(), verbose=0)
    assert len(read) == 1


def test_a_model_without_data_is_checked() -> None:
    model = lapis.Sequential([lapis.Input((4,)), lapis.layers.Dense(3, name="out")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert [(one.code, one.path) for one in model.check()] == [("logits-as-probabilities", "out")]


def test_steps_of_ones_own_are_left_alone() -> None:
    class Own(lapis.Model):
        def train_step(self, state: tuple, data: Any) -> Any:
            x, y = data
            return super().train_step(state, (x, y[:, :1]))

    inputs = lapis.Input((4,))
    model = Own(inputs, lapis.layers.Dense(1)(inputs))
    model.compile("sgd", "mse")
    model.fit(X, np.zeros((8, 7)), verbose=0)


def test_class_weights_per_output() -> None:
    y = {"a": np.array([0, 1, 2, 0]), "b": np.array([[0.0], [1.0], [1.0], [0.0]])}
    weights = {"a": {0: 2.0, 2: 0.5}, "b": {1: 3.0}}
    by_hand = {"a": np.array([2.0, 1.0, 0.5, 2.0]), "b": np.array([1.0, 3.0, 3.0, 1.0])}
    ones = np.ones(4)

    def trained(y: Any, run: Callable[[Any, Any, Any], Any]) -> list[np.ndarray]:
        lapis.utils.clear_session()
        lapis.utils.set_random_seed(1)
        inputs = lapis.Input((4,))
        a = lapis.layers.Dense(3, activation="softmax", name="a")(inputs)
        b = lapis.layers.Dense(1, activation="sigmoid", name="b")(inputs)
        model = lapis.Model(inputs, [a, b])
        model.compile("sgd", {"a": "sparse_categorical_crossentropy", "b": "binary_crossentropy"})
        run(model, np.arange(16.0).reshape(4, 4), y)
        return model.get_weights()

    ways = [
        trained(y, lambda model, x, y: model.fit(x, y, class_weight=weights, shuffle=False, verbose=0)),
        trained(list(y.values()), lambda model, x, y: model.fit(x, y, class_weight=weights, shuffle=False, verbose=0)),
        trained(y, lambda model, x, y: model.fit(iter([(x, y)]), class_weight=weights, verbose=0)),
        trained(y, lambda model, x, y: model.train_on_batch(x, y, class_weight=weights)),
        trained(y, lambda model, x, y: model.fit(x, y, sample_weight=by_hand, shuffle=False, verbose=0)),
    ]
    for other in ways[:-1]:
        for got, expected in zip(other, ways[-1]):
            np.testing.assert_allclose(got, expected, rtol=1e-6)
    only_b = trained(y, lambda model, x, y: model.fit(x, y, class_weight={"b": {1: 3.0}}, verbose=0))
    same = trained(y, lambda model, x, y: model.fit(x, y, sample_weight={"a": ones, "b": by_hand["b"]}, verbose=0))
    for got, expected in zip(only_b, same):
        np.testing.assert_allclose(got, expected, rtol=1e-6)
    assert not np.allclose(ways[0][0], only_b[0])


def test_a_kind_of_data_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    model = lapis.Sequential([lapis.Input((3,)), lapis.layers.Dense(1)])
    model.compile("sgd", "mse")
    looked_at = []
    monkeypatch.setattr(preflight, "findings", lambda subject: looked_at.append(subject.method) or [])
    x, y = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")

    def run() -> list[str]:
        looked_at.clear()
        model.fit(x, y, verbose=0)
        model.evaluate(x, y, verbose=0)
        model.train_on_batch(x, y)
        return looked_at

    assert run()[:3] == ["fit", "evaluate", "train_on_batch"]
    run()  # the optimizer has been built since the first was looked at
    assert run() == []
    model.compile("sgd", "mae")
    assert run() == ["fit", "evaluate", "train_on_batch"]
    model.fit(x, y, verbose=0, batch_size=4, steps_per_epoch=2)
    assert looked_at == ["fit", "evaluate", "train_on_batch", "fit"]
    x = x[:, :, None]
    assert run() == ["fit", "evaluate", "train_on_batch"]


def test_the_program_of_the_front_page_is_right(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    exec(program, {"x_train": rng.random((40, 784), "float32"), "y_train": rng.integers(0, 10, 40)})  # warnings raise


def _codes_in_the_source() -> set[str]:
    """The words with hyphens in the files that make findings."""
    sources = [path.read_text() for path in (ROOT / "lapis").rglob("*.py")]
    quoted = [re.findall(r'"([a-z0-9]+(?:-[a-z0-9]+)+)"', text) for text in sources if "core.findings" in text]
    return {word for words in quoted for word in words}


def test_the_table_lists_the_codes() -> None:
    rows = re.findall(r"^\| `([a-z0-9-]+)` \|", (ROOT / "docs" / "checks.md").read_text(), re.MULTILINE)
    assert rows == sorted(set(rows)) and set(rows) == _codes_in_the_source()


def test_the_rows_cover_the_codes_of_data_targets_and_losses() -> None:
    assert len(MISTAKES) >= 60
