"""What `compile` was given, as settings and as a config."""

import warnings
from typing import Any

import lapis.core.nest as nest
import lapis.optimizers as optimizers
from lapis.core.serialization import deserialize_keras_object, serialize_keras_object
from lapis.metrics import Mean, Metric
from lapis.training.building import is_own
from lapis.training.checks.preflight import Checked, check_mode
from lapis.training.compile_loss import CompileLoss
from lapis.training.compile_metrics import CompileMetrics
from lapis.training.hosting import can_compile


def check_steps(steps_per_execution: Any) -> None:
    """Raise a `ValueError` unless it is a whole number of at least 1, or `"auto"`."""
    if steps_per_execution != "auto" and (not isinstance(steps_per_execution, int) or steps_per_execution < 1):
        raise ValueError(
            f"steps_per_execution is {steps_per_execution!r}; expected a whole number of at least 1, or 'auto'."
        )


def resolve_jit(model: Any, jit_compile: bool | str, run_eagerly: bool) -> bool | None:
    """Whether steps are compiled; `None` while that is to be seen once the model is built."""
    supported = can_compile(model)
    if jit_compile == "auto" and not supported and not model.built:
        return None
    if jit_compile == "auto":
        return supported and not run_eagerly
    if jit_compile and run_eagerly:
        warnings.warn("run_eagerly=True leaves nothing to compile, so jit_compile=True has no effect.", stacklevel=4)
        return False
    if jit_compile and not supported:
        warnings.warn("A layer of the model cannot be compiled, so jit_compile=True has no effect.", stacklevel=4)
        return False
    return bool(jit_compile)


def compiled_parts(
    model: Any,
    optimizer: Any,
    loss: Any,
    loss_weights: Any,
    metrics: Any,
    weighted_metrics: Any,
    auto_scale_loss: bool,
    check: str,
) -> dict[str, Any]:
    """The attributes that `compile` sets on the model."""
    checked = Checked(check_mode(check))
    used: Any = optimizers.get(optimizer)
    given = used
    scales = auto_scale_loss and model.dtype_policy.name == "mixed_float16"
    if scales and used is not None and not isinstance(used, optimizers.LossScaleOptimizer):
        used = optimizers.LossScaleOptimizer(used, name="loss_scale_optimizer")
    names = getattr(model, "output_names", None)
    has_metrics = metrics is not None or weighted_metrics is not None
    return {
        "optimizer": used,
        "loss": loss,
        "_compile_loss": None if loss is None else CompileLoss(loss, loss_weights, names),
        "_compile_metrics": CompileMetrics(metrics, weighted_metrics, output_names=names) if has_metrics else None,
        "_loss_tracker": Mean(name="loss"),
        "_checked": checked,
        "_known_outputs": {},
        "_compile_config": {
            "optimizer": given,
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
            **({} if check == "error" else {"check": check}),
        },
    }


def serialize_compile_config(model: Any) -> dict[str, Any]:
    """The arguments of `compile` as plain data."""
    settings = {
        "run_eagerly": model.run_eagerly,
        # Keras's files know numbers only; one step is what "auto" means to callbacks.
        "steps_per_execution": 1 if model.steps_per_execution == "auto" else model.steps_per_execution,
        "jit_compile": model.jit_compile,
    }
    return serialize_keras_object({**model._compile_config, **settings})


def compile_from_config(model: Any, config: dict[str, Any]) -> None:
    """Compile as the config says, and give the optimizer its variables if the model has its own."""
    arguments = deserialize_keras_object(config)
    if arguments.get("steps_per_execution") == 1:
        arguments["steps_per_execution"] = "auto"
    model.compile(**arguments)
    if model.optimizer is not None and model.built:
        model.optimizer.build(model.trainable_variables)


def compile_like(copy: Any, model: Any) -> None:
    """Compile a copy of a model as the model was, with an optimizer and metrics of its own."""
    if is_own(model, "compile"):
        if is_own(model, "compile_from_config"):  # else only the class knows what its `compile` takes
            copy.compile_from_config(model.get_compile_config())
        return
    arguments = nest.map_structure(
        lambda x: type(x).from_config(x.get_config()) if isinstance(x, (optimizers.Optimizer, Metric)) else x,
        model._compile_config,
    )
    copy.compile(
        **arguments,
        run_eagerly=model.run_eagerly,
        steps_per_execution=model.steps_per_execution,
        jit_compile=model.jit_compile,
    )
    if copy.optimizer is not None and copy.built:
        copy.optimizer.build(copy.trainable_variables)
