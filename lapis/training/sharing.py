"""The program for a model's step, which models of equal graphs share."""

from collections.abc import Callable
from typing import Any

from lapis.core.notes import described, noting
from lapis.training.fingerprint import compile_fingerprint, fingerprint
from lapis.training.program import EagerProgram, Program


def make_program(model: Any, kind: str, step: Callable) -> Any:
    """The program that runs the step, of the kind "train", "test" or "predict"."""

    def noted(state: tuple, data: Any) -> Any:
        def where() -> str:
            given = described({"data": data})
            return f"In the {kind}_step of the model {model.name!r} ({type(model).__name__}), called with {given}."

        with noting(where):
            return step(state, data)

    if not model._compiles:
        return EagerProgram(noted, collects=kind == "predict")

    def share_as(by_name: bool) -> Any:
        graph = fingerprint(model, by_name)
        if graph is None:
            return None
        if kind == "predict":
            compiled = None if "predict_step" in model.__dict__ else ""
        else:
            compiled = compile_fingerprint(model, by_name)
        return None if compiled is None else (kind, graph, compiled)

    return Program(noted, collects=kind == "predict", uses_up=kind == "train", share_as=share_as)
