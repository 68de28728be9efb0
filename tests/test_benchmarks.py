"""The benchmarks' arithmetic on made-up figures, and that each work builds, counts and trains small. No timing."""

import importlib
import json
import math
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lapis
from benchmarks import arithmetic, chart, data, keras_models, machine, measure, peers, refitting, report, works
from benchmarks.keras_session import Session

TINY: dict[str, dict[str, Any]] = {
    "mlp": {"width": 4},
    "toy_resnet": {"width": 2},
    "lstm": {"width": 2},
    "autoencoder": {"width": 2},
    "transformer": {"width": 8, "blocks": 1, "heads": 2},
    "gru": {"width": 4},
    "resnet50": {"stages": ((2, 1, 1), (4, 1, 2))},
    "mobilenet": {"stages": ((1, 4, 1, 1), (2, 4, 2, 2))},
}
driver = importlib.import_module("benchmarks.__main__")


def _line(peer: str, work: str, **figures: float) -> dict[str, Any]:
    return {"peer": peer, "work": work, "figures": figures, "load": 0.5, "version": "1.0", "data": "made up"}


def _document(lines: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "date": "2026-01-01",
        "machine": machine.describe(),
        "settings": {"device": "cpu", "dtype": "float32", "batch_factor": 1, "rounds": 3, "quick": False},
        "limits": {"matrix": {"float32": {"one": 5e10, "all": 1e11}}, "bandwidth": {"copy": {"all": 2e10}}},
        "flops": {"mlp": 5_000_000},
        "lines": lines,
    }


LINES = [
    *(_line("lapis", "mlp", step=step) for step in (1e-4, 9e-4, 2e-4)),
    *(_line("keras-jax", "mlp", step=step) for step in (8e-4, 6e-4)),
    _line("torch", "mlp", step=5e-4),
    _line("lapis", "lstm", step=3e-2),
    _line("torch", "lstm", step=2e-2),
    {"peer": "flax", "work": "lstm", "load": 0.5, "error": "ValueError: no such cell"},
    {"peer": "lapis", "work": "transformer", "load": 0.5, "error": "AttributeError: no such layer"},
    _line("torch", "transformer", step=1.0),
]


def test_medians_ratios_and_the_best_peer() -> None:
    (mlp, lstm, transformer) = report.results(LINES)["Training, milliseconds a step"]
    assert mlp.ours == 2e-4 and mlp.cells["lapis"].count == 3
    assert mlp.cells["keras-jax"].value == pytest.approx(7e-4)
    assert mlp.best_peer == "torch" and mlp.lead == pytest.approx(2.5)
    assert mlp.ratio("keras-jax") == pytest.approx(3.5)
    assert lstm.best_peer == "torch" and lstm.lead == pytest.approx(2 / 3)
    assert lstm.cells["flax"].error == "ValueError: no such cell" and lstm.ratio("flax") is None
    assert transformer.ours is None and transformer.lead is None


def test_a_run_beside_other_work_counts_only_where_there_is_no_calmer_one() -> None:
    calm, disturbed = ({**_line("torch", "mlp", step=s), "busy_elsewhere": b} for s, b in ((1e-3, 0.1), (9e-3, 1.2)))
    assert report.cell([calm, disturbed], "step") == report.Cell(1e-3, 1)
    assert report.cell([disturbed], "step") == report.Cell(9e-3, 1, disturbed=True)
    assert "| ~9 |" in report.markdown(_document([disturbed]))


def test_the_report_says_where_lapis_is_ahead_and_where_not() -> None:
    text = report.markdown(_document(LINES), "chart.svg")
    assert "ahead of every peer on 1 of 3 rows" in text
    assert "2.50x torch" in text and "**behind** torch, 0.67x" in text
    assert "no figure for Lapis (AttributeError: no such layer)" in text
    assert "- Flax NNX, lstm: ValueError: no such cell" in text
    assert "![Training steps against Lapis](chart.svg)" in text
    # 5 MFLOP at 100 GFLOP/s are 50 µs: a quarter of 0.2 ms, a tenth of 0.5 ms.
    assert "| 0.005 | 0.05 | 25% | 10% torch |" in text
    assert machine.describe()["cpu"] in text


def test_the_chart_has_a_bar_for_each_figure() -> None:
    results = report.results(LINES)["Training, milliseconds a step"]
    picture = chart.svg(results)
    assert picture.count("<rect") == 1 + 3 + 2  # the ground, and the bars of the two rows that Lapis has
    assert "3.50x" in picture and "0.2 ms" in picture


def test_work_of_this_process_is_not_elsewhere() -> None:
    elsewhere = machine.busy_elsewhere()
    until = time.process_time() + 0.3
    while time.process_time() < until:
        pass
    cores = elsewhere()
    assert cores is None or 0 <= cores <= (os.cpu_count() or 1)


def test_a_quick_work_is_the_same_model_with_fewer_rows() -> None:
    work = works.TRAINED["mlp"].quick()
    assert (work.batch, work.samples, work.epochs) == (64, 9600, 3) and "rebuild" not in work.extras
    assert all(work.quick().steps >= 2 for work in works.TRAINED.values())
    larger = works.TRAINED["resnet50"].times(8)
    assert larger.batch == 128 and larger.steps == works.TRAINED["resnet50"].steps


def test_numbers_are_short() -> None:
    assert [report.number(value) for value in (0.01234, 1.234, 12.34, 123.4, 12345.6)] == [
        "0.0123",
        "1.23",
        "12.3",
        "123",
        "12,346",
    ]


def test_steady_steps_leave_the_first_epoch_out() -> None:
    found = measure.steady(10.0, [15.0, 17.0, 18.0, 20.5], steps=10)
    assert found == {"first_epoch": 5.0, "step": pytest.approx(0.2)}


def test_peers_take_turns_and_another_is_first_in_each_round() -> None:
    turns = list(driver.in_turn(["mlp", "toy_resnet"], ["lapis", "torch", "torch-channels-last"], 2))
    assert turns[:2] == [(0, "mlp", "lapis"), (0, "mlp", "torch")]  # a layout of pictures says nothing about rows
    assert [peer for _, work, peer in turns if work == "toy_resnet"] == [
        "lapis",
        "torch",
        "torch-channels-last",
        "torch",
        "torch-channels-last",
        "lapis",
    ]


def test_writing_and_a_failed_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "results" / "figures.json"
    driver.write(_document(LINES), path)
    assert json.loads(path.read_text())["lines"] == LINES
    assert "figures.svg" in path.with_suffix(".md").read_text() and path.with_suffix(".svg").exists()

    monkeypatch.setattr("sys.argv", ["benchmarks", "--timeout", "60"])
    line = driver.run_child(driver.options(), "false", "torch", "mlp", str(tmp_path))
    assert line["error"].startswith("ended with 1") and line["peer"] == "torch"


def test_environments_lie_outside_the_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("LAPIS_BENCHMARK_CACHE", raising=False)
    assert data.CHECKOUT not in peers.cache_folder(None).parents
    assert peers.cache_folder(str(tmp_path)) == tmp_path
    for peer in peers.PEERS.values():
        assert peer.environment_name is None or set(peer.packages) == {"cpu", "gpu"}


@pytest.mark.parametrize("name", works.TRAINED)
def test_random_rows_stand_in_for_missing_files(name: str, tmp_path: Path) -> None:
    work = works.TRAINED[name]
    rows = work.data(5, tmp_path)
    assert list(rows.y) == list(work.losses)
    assert all(len(array) == 5 for array in [*rows.x.values(), *rows.y.values()])
    assert "MNIST" not in rows.source and "CIFAR" not in rows.source


@pytest.mark.parametrize("name", works.TRAINED)
def test_every_work_trains_with_lapis(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if name == "transformer" and not hasattr(lapis.layers, "MultiHeadAttention"):
        pytest.skip("no attention layer yet")
    build = keras_models.MODELS[name]
    monkeypatch.setitem(keras_models.MODELS, name, lambda k: build(k, **TINY[name]))
    work = works.TRAINED[name]
    session = Session("lapis", "float32", "cpu")
    session.build(work)
    assert [tensor.name for tensor in session.model.inputs] == list(work.data(1, tmp_path).x)
    rows = work.data(2, tmp_path)
    ends, losses = session.fit(rows, 2)
    assert len(ends) == len(losses) == 2 and ends[0] < ends[1] and all(map(math.isfinite, losses))
    if "predict" in work.extras:
        assert session.predict(rows).shape == (2, 10)
        np.testing.assert_allclose(session.call(rows), session.predict(rows), rtol=1e-5, atol=1e-6)


def test_products_of_known_models() -> None:
    assert arithmetic.products(keras_models.mlp(lapis)) == 784 * 64 + 64 * 64 + 64 * 10
    assert arithmetic.products(keras_models.gru(lapis, length=7)) == 7 * 3 * 128 * (64 + 128) + 128
    toy = 30**2 * 9 * 3 * 32 + 28**2 * 9 * 32 * 64 + 4 * 9**2 * 9 * 64 * 64 + 7**2 * 9 * 64 * 64 + 64 * 256 + 256 * 10
    assert arithmetic.products(keras_models.toy_resnet(lapis)) == toy
    assert arithmetic.training_flops(keras_models.mlp(lapis), 64) == 6 * 64 * 54_912


def test_refitting(monkeypatch: pytest.MonkeyPatch) -> None:
    build = keras_models.MODELS["mlp"]
    monkeypatch.setitem(keras_models.MODELS, "mlp", lambda k: build(k, width=4))
    figures = refitting.child("mlp")
    assert 0 < figures["rebuilt"] < figures["first"] and figures["xla"] > 0
    shown = refitting.line("mlp", dict(figures, first=2.0, rebuilt=0.09), dict(figures, first=0.2))
    assert "90 ms   4.5% ok" in shown and "200 ms  10.0% over" in shown
