"""The program for a model's step, which models of equal graphs share."""

from collections.abc import Callable
from typing import Any

from lapis.core.notes import described, noting
from lapis.core.watching import watching
from lapis.state import is_sanitizer_enabled
from lapis.training.fingerprint import compile_fingerprint, fingerprint
from lapis.training.own_steps import check_arguments, check_result
from lapis.training.program import EagerProgram, Program
from lapis.training.sanitizing import SanitizedProgram, flagged


def outdated(program: Any) -> bool:
    """Whether there is no program yet, or one that was made before the sanitizer was switched on or off."""
    return program is None or isinstance(program, SanitizedProgram) != is_sanitizer_enabled()


def make_program(model: Any, kind: str, step: Callable) -> Any:
    """The program that runs the step, of the kind "train", "test" or "predict"."""
    check_arguments(model, kind)

    def noted(state: tuple, data: Any) -> Any:
        def where() -> str:
            given = described({"data": data})
            return f"In the {kind}_step of the model {model.name!r} ({type(model).__name__}), called with {given}."

        with noting(where):
            outputs, new = check_result(model, kind, step(state, data), state)
        if watching.watch is not None and kind == "train":
            watching.watch.weights(new[0], model.trainable_variables)
        return outputs, new

    sanitizes = is_sanitizer_enabled()
    run, collects = (flagged(noted), True) if sanitizes else (noted, kind == "predict")

    def share_as(by_name: bool) -> Any:
        graph = fingerprint(model, by_name)
        if graph is None:
            return None
        if kind == "predict":
            compiled = None if "predict_step" in model.__dict__ else ""
        else:
            compiled = compile_fingerprint(model, by_name)
        return None if compiled is None else (kind, graph, compiled)

    if model._compiles:
        uses_up = kind == "train" and not sanitizes
        program = Program(run, collects, uses_up, sized=kind != "predict", share_as=share_as)
    else:
        program = EagerProgram(run, collects)
    return SanitizedProgram(program, noted, collects=kind == "predict") if sanitizes else program
