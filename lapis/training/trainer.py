"""The training side of a model: `compile`, `fit`, `evaluate`, `predict`, and what users may override of them."""

import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike
from typing import Any, TypeAlias

from lapis.callbacks import Callback, History
from lapis.core.notes import described, noting
from lapis.core.tracebacks import shortened_tracebacks
from lapis.losses import Loss
from lapis.optimizers import Optimizer
from lapis.training import compiling, loop, on_batch, steps
from lapis.training.own_steps import check_result
from lapis.training.run import Run
from lapis.training.sharing import make_program, outdated
from lapis.training.state import LiveState, assign_state_tree, state_tree

Losses: TypeAlias = str | Loss | Callable[..., Any] | Sequence[Any] | Mapping[str, Any]
Metrics: TypeAlias = list[Any] | tuple[Any, ...] | Mapping[str, Any]
Callbacks: TypeAlias = Callback | Sequence[Callback]

_NOT_COMPILED = "Call compile() before {method}(), for example model.compile(optimizer='adam', loss='mse')."


class Trainer:
    """What `Model` can do besides being a layer."""

    optimizer: Any = None
    loss: Any = None
    compiled: bool = False
    history: History | None = None
    stop_training: bool = False
    stop_evaluating: bool = False
    stop_predicting: bool = False
    train_function: Any = None
    test_function: Any = None
    predict_function: Any = None
    _compile_loss: Any = None
    _compile_metrics: Any = None
    _loss_tracker: Any = None
    _live: LiveState | None = None
    _training_run: Run | None = None  # while `fit` is at work
    _initial_epoch: int | None = None
    _forward_losses: list[Any] | None = None
    _run_eagerly: bool = False
    _jit_compile: bool | None = None
    _steps_per_execution: int | str = "auto"

    def compile(
        self,
        optimizer: str | Optimizer | type[Optimizer] | dict | None = "rmsprop",
        loss: Losses | None = None,
        loss_weights: float | Sequence[Any] | Mapping[str, Any] | None = None,
        metrics: Metrics | None = None,
        weighted_metrics: Metrics | None = None,
        run_eagerly: bool = False,
        steps_per_execution: int | str = "auto",
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
        check: str = "error",
    ) -> None:
        """Say how the model is trained and measured.

        Args:
            optimizer: a name or an optimizer.
            loss: a name, a function `(y_true, y_pred)` or a `Loss`; for several outputs one for all, or a list or dict
                of them by output name. An output without one, or with `None`, is not trained on.
            loss_weights: numbers that the losses are multiplied with before they are summed, in the shape of `loss`.
            metrics: a list of names, functions or `Metric` objects; for several outputs a list per output, or a dict
                by output name. `"accuracy"` becomes the binary, sparse or categorical one, by the shapes of targets
                and outputs.
            weighted_metrics: likewise, but weighted with sample and class weights.
            run_eagerly: run the steps in Python, operation by operation, to debug them.
            steps_per_execution: how many batches run between two calls of the batch callbacks. `"auto"` lets as many
                run together as take about 60 ms, and one by one where a callback is to see every batch. The numbers
                are the same either way.
            jit_compile: whether steps are compiled; `"auto"` does so unless `run_eagerly`.
            auto_scale_loss: under the policy `mixed_float16`, scale the loss so that small gradients do not vanish.
            check: what to do with mistakes found before the first step: `"error"` raises a `CheckError` for what is
                certainly wrong and warns of what probably is, `"warn"` only warns, `"off"` does not look.

        Raises:
            ValueError: for a name that is not known, or metrics that are in no list or dict.

        >>> import lapis
        >>> model = lapis.Sequential([lapis.Input((2,)), lapis.layers.Dense(1)])
        >>> model.compile(optimizer="sgd", loss="mse", metrics=["mae"])
        >>> model.compiled
        True
        """
        given = optimizer, loss, loss_weights, metrics, weighted_metrics
        with shortened_tracebacks():
            compiling.check_steps(steps_per_execution)
            parts = compiling.compiled_parts(self, *given, auto_scale_loss, check)
        self.__dict__.update(  # past the layer's tracking: none of it is a part of the model
            parts,
            _run_eagerly=bool(run_eagerly),
            _jit_compile=compiling.resolve_jit(self, jit_compile, run_eagerly),
            _steps_per_execution=steps_per_execution,
            stop_training=False,
            compiled=True,
        )
        self._drop_programs()

    # Settings

    def _drop_programs(self) -> None:
        self.__dict__.update(train_function=None, test_function=None, predict_function=None)

    @property
    def run_eagerly(self) -> bool:
        """Whether steps run in Python, operation by operation."""
        return self._run_eagerly

    @run_eagerly.setter
    def run_eagerly(self, value: bool) -> None:
        self.__dict__["_run_eagerly"] = bool(value)
        self._drop_programs()

    @property
    def jit_compile(self) -> bool:
        """Whether steps are compiled."""
        if self._jit_compile is None:
            self.__dict__["_jit_compile"] = compiling.resolve_jit(self, "auto", self.run_eagerly)
        return bool(self._jit_compile)

    @jit_compile.setter
    def jit_compile(self, value: bool) -> None:
        self.__dict__["_jit_compile"] = compiling.resolve_jit(self, value, self.run_eagerly)
        self._drop_programs()

    @property
    def steps_per_execution(self) -> int | str:
        """How many batches run between two calls of the batch callbacks, or `"auto"`."""
        return self._steps_per_execution

    @steps_per_execution.setter
    def steps_per_execution(self, value: int | str) -> None:
        compiling.check_steps(value)
        self.__dict__["_steps_per_execution"] = value

    def _assert_compiled(self, method: str) -> None:
        if not self.compiled:
            raise ValueError(_NOT_COMPILED.format(method=method))

    # Metrics

    @property
    def metrics(self) -> list[Any]:
        """The loss's mean, the compiled metrics as one, the losses of several outputs, then metrics of the layers."""
        found: list[Any] = []
        if self.compiled:
            found += [metric for metric in (self._loss_tracker, self._compile_metrics) if metric is not None]
            found += self._compile_loss.metrics if self._compile_loss is not None else []
        for layer in self._flatten_layers():  # pyright: ignore[reportAttributeAccessIssue]
            if layer is self or not isinstance(layer, Trainer):
                found += layer._metrics
        return list({id(metric): metric for metric in found}.values())

    @property
    def metrics_names(self) -> list[str]:
        """The names of `metrics`."""
        return [metric.name for metric in self.metrics]

    @property
    def metrics_variables(self) -> list[Any]:
        """The variables of `metrics`."""
        found = [variable for metric in self.metrics for variable in metric.variables]
        return list({id(variable): variable for variable in found}.values())

    def reset_metrics(self) -> None:
        """Set all metrics back to their start."""
        for metric in self.metrics:
            metric.reset_state()

    def get_metrics_result(self) -> dict[str, Any]:
        """The metrics' values by name."""
        results: dict[str, Any] = {}
        for metric in self.metrics:
            result = metric.result()
            results.update(result if isinstance(result, dict) else {metric.name: result})
        return results

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Update the metrics with a batch, and give all values; override it to add others."""
        if self._compile_metrics is not None:
            targets = y if self._compile_loss is None else self._compile_loss.fill_targets(y, y_pred)
            self._compile_metrics.update_state(targets, y_pred, sample_weight)
        return self.get_metrics_result()

    # Losses

    @property
    def losses(self) -> list[Any]:
        """The losses that layers added in the last call, and the penalties of weight regularizers."""
        given = self._forward_losses
        return super().losses if given is None else given  # pyright: ignore[reportAttributeAccessIssue]

    @contextmanager
    def _using_losses(self, losses: list[Any]) -> Iterator[None]:
        """Within the context, `losses` are those of a forward pass that was run apart."""
        outer = self._forward_losses
        self.__dict__["_forward_losses"] = losses
        try:
            yield
        finally:
            self.__dict__["_forward_losses"] = outer

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The scalar to be minimised: the compiled losses plus `self.losses`; override it for one of your own."""
        return steps.total_loss(self, y, y_pred, sample_weight, training)

    def _call_compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any, training: bool) -> Any:
        takes_training = "training" in inspect.signature(self.compute_loss).parameters
        with noting(
            lambda: f"In compute_loss of the model {self!r}, called with {described({'y': y, 'y_pred': y_pred})}."
        ):
            return self.compute_loss(x, y, y_pred, sample_weight, **{"training": training} if takes_training else {})

    def stateless_compute_loss(
        self,
        trainable_variables: Sequence[Any],
        non_trainable_variables: Sequence[Any],
        metrics_variables: Sequence[Any],
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> tuple[Any, tuple]:
        """`compute_loss` with the variables' values given: `(loss, (trainable, non_trainable, metrics))`."""
        state = trainable_variables, non_trainable_variables, metrics_variables
        return steps.stateless_loss(self, state, x, y, y_pred, sample_weight, training)

    def compute_loss_and_updates(
        self,
        trainable_variables: Sequence[Any],
        non_trainable_variables: Sequence[Any],
        metrics_variables: Sequence[Any],
        x: Any,
        y: Any,
        sample_weight: Any,
        training: bool = False,
        optimizer_variables: Sequence[Any] | None = None,
    ) -> tuple[Any, tuple]:
        """The function that `jax.grad` differentiates.

        Returns:
            The loss, scaled if the optimizer scales it, and
            `(unscaled loss, y_pred, non_trainable_variables, metrics_variables)`.
        """
        return steps.loss_and_updates(
            self,
            trainable_variables,
            non_trainable_variables,
            metrics_variables,
            x,
            y,
            sample_weight,
            training,
            optimizer_variables,
        )

    # Steps

    def train_step(self, state: tuple, data: Any) -> tuple[dict[str, Any], tuple]:
        """One training step as a pure function; override it to train in another way.

        Args:
            state: `(trainable_variables, non_trainable_variables, optimizer_variables, metrics_variables)`, four lists
                of values.
            data: a batch: `x`, `(x,)`, `(x, y)` or `(x, y, sample_weight)`.

        Returns:
            `(logs, state)`: a dict of scalars and the new state.
        """
        return steps.train_step(self, state, data)

    def test_step(self, state: tuple, data: Any) -> tuple[dict[str, Any], tuple]:
        """One step of evaluation as a pure function: like `train_step`, with a state without the optimizer's."""
        return steps.test_step(self, state, data)

    def predict_step(self, state: tuple, data: Any) -> tuple[Any, Any]:
        """One step of prediction: from `(trainable, non_trainable)` values to `(outputs, non_trainable)`."""
        return steps.predict_step(self, state, data)

    def make_train_function(self, force: bool = False) -> None:
        """Make the program that `fit` runs, unless there is one."""
        if force or outdated(self.train_function):
            self.__dict__["train_function"] = make_program(self, "train", self.train_step)

    def make_test_function(self, force: bool = False) -> None:
        """Make the program that `evaluate` runs, unless there is one."""
        if force or outdated(self.test_function):
            self.__dict__["test_function"] = make_program(self, "test", self.test_step)

    def make_predict_function(self, force: bool = False) -> None:
        """Make the program that `predict` runs, unless there is one."""

        def step(state: tuple, batch: Any) -> tuple[Any, tuple]:
            outputs, non_trainable = check_result(self, "predict", self.predict_step(state, batch), state)
            return outputs, (state[0], non_trainable)

        if force or outdated(self.predict_function):
            self.__dict__["predict_function"] = make_program(self, "predict", step)

    @property
    def _compiles(self) -> bool:
        return self.jit_compile and not self.run_eagerly

    def jax_state_sync(self) -> None:
        """Bring the variables up to date with the running program; callbacks do so by reading `self.model`."""
        if self._live is not None:
            self._live.sync()

    # Runs over data

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Callbacks | None = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool | str = True,
        class_weight: dict | None = None,
        sample_weight: Any = None,
        initial_epoch: int | str | PathLike = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
    ) -> History:
        """Train the model.

        Args:
            x: arrays (NumPy, JAX, pandas, torch, scipy.sparse), alone, in a list or in a dict by input name; or a
                `PyDataset`, a torch DataLoader, a tf.data Dataset, a generator or any iterable that yields batches
                `(x,)`, `(x, y)` or `(x, y, sample_weight)`.
            y: targets, arrays in the structure of the outputs or in a dict by output name; not with batches.
            batch_size: samples per step, 32 unless given; for arrays only.
            epochs: the epoch, counted from 1, after which training ends.
            verbose: 0 silent, 1 a progress bar, 2 one line per epoch; `"auto"` is 1.
            callbacks: a list of `Callback`s.
            validation_split: the share of samples, from the end of the arrays, kept for validation.
            validation_data: `(x, y)`, `(x, y, sample_weight)`, or batches like `x`; goes before `validation_split`.
            shuffle: take the samples of arrays in a new order in each epoch; `"batch"` only within each batch.
            class_weight: a dict from class numbers to the weights of their samples; for several outputs a dict of
                such dicts by output name.
            sample_weight: weights of the samples `(samples,)`, or per step `(samples, time)`; one per output in the
                structure of `y`, or one for all.
            initial_epoch: the epoch, counted from 0, to begin with; or a `.keras` file of `ModelCheckpoint`, to set all
                that it holds and go on exactly where it was written.
            steps_per_epoch: batches that make an epoch; needed for endless data.
            validation_steps: batches per validation.
            validation_batch_size: samples per validation step, `batch_size` unless given.
            validation_freq: validate every so many epochs, or in the epochs, counted from 1, of a list.

        Returns:
            A `History`, whose `history` maps the names of metrics to lists of one float per epoch.

        Raises:
            ValueError: if the model is not compiled, the arrays differ in length, or names are not known.

        >>> import lapis, numpy as np
        >>> model = lapis.Sequential([lapis.Input((2,)), lapis.layers.Dense(1)])
        >>> model.compile(optimizer="sgd", loss="mse")
        >>> history = model.fit(np.ones((8, 2)), np.ones((8, 1)), epochs=2, verbose=0)
        >>> len(history.history["loss"])
        2
        """
        with shortened_tracebacks():
            self._assert_compiled("fit")
            if self.optimizer is None:
                raise ValueError("fit() needs an optimizer, but compile() was given optimizer=None.")
            return loop.fit(
                self,
                (x, y, sample_weight),
                batch_size=batch_size,
                epochs=epochs,
                verbose=verbose,
                callbacks=callbacks,
                validation_split=validation_split,
                validation_data=validation_data,
                shuffle=shuffle,
                class_weight=class_weight,
                initial_epoch=initial_epoch,
                steps_per_epoch=steps_per_epoch,
                validation_steps=validation_steps,
                validation_batch_size=validation_batch_size,
                validation_freq=validation_freq,
            )

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """The loss and metrics on data of any kind that `fit` takes.

        Returns:
            The loss alone, or a list that begins with it; with `return_dict` a dict by name.
        """
        with shortened_tracebacks():
            self._assert_compiled("evaluate")
            logs = loop.evaluate(self, (x, y, sample_weight), batch_size, verbose, steps, callbacks)
        return logs if return_dict else loop.in_metrics_order(self, logs)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """The outputs for data of any kind that `fit` takes, as NumPy arrays in the structure of the outputs."""
        with shortened_tracebacks():
            return loop.predict(self, x, batch_size, verbose, steps, callbacks)

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: dict | None = None,
        return_dict: bool = False,
    ) -> Any:
        """One training step on one batch of arrays; the metrics are of this batch alone.

        Returns:
            The loss alone, or a list that begins with it; with `return_dict` a dict by name.
        """
        with shortened_tracebacks():
            self._assert_compiled("train_on_batch")
            return on_batch.train(self, x, y, sample_weight, class_weight, return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """The loss and metrics on one batch of arrays, returned as `train_on_batch` does."""
        with shortened_tracebacks():
            self._assert_compiled("test_on_batch")
            return on_batch.test(self, x, y, sample_weight, return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch of arrays, as NumPy arrays."""
        with shortened_tracebacks():
            return on_batch.predict(self, x)

    # Configs and state

    def get_compile_config(self) -> dict[str, Any] | None:
        """The arguments of `compile` as plain data, `None` if it was not called."""
        return compiling.serialize_compile_config(self) if self.compiled else None

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile as `get_compile_config` of another model says."""
        if type(self).compile is not Trainer.compile:
            warnings.warn(
                f"{type(self).__name__} has a compile() of its own, so it was not called. Call it, or override "
                "get_compile_config() and compile_from_config() too.",
                stacklevel=2,
            )
            return
        compiling.compile_from_config(self, config)

    def _state_groups(self) -> dict[str, list[Any]]:
        return {
            "trainable_variables": self.trainable_variables,  # pyright: ignore[reportAttributeAccessIssue]
            "non_trainable_variables": self.non_trainable_variables,  # pyright: ignore[reportAttributeAccessIssue]
            "optimizer_variables": [] if self.optimizer is None else self.optimizer.variables,
            "metrics_variables": self.metrics_variables,
        }

    def get_state_tree(self, value_format: str = "backend_tensor") -> dict[str, Any]:
        """All values as nested dicts: trainable, non-trainable, optimizer's and metrics' variables by their paths.

        `value_format` is `"backend_tensor"` for JAX arrays or `"numpy_array"`.
        """
        return state_tree(self._state_groups(), value_format)

    def set_state_tree(self, state_tree: dict[str, Any]) -> None:
        """Set variables from what `get_state_tree` gave, whole or in parts."""
        assign_state_tree(self._state_groups(), state_tree)
