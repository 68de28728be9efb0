"""Where a training is, as plain values, and going on from there."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lapis.state import global_seed_state, host_random_state, set_global_seed_state, set_host_random_state


class Run:
    """One `fit` at work: the model, its callbacks and the feeds of training and validation.

    A state is made of dicts, lists, numbers, texts and arrays. It says which epoch comes next, or is at work with some
    of its batches done, and holds all that decides how training goes on: variables, seeds, the order of the data and
    the callbacks' own states.
    """

    def __init__(self, model: Any, batches: Any = None, validation: Any = None) -> None:
        self._model = model
        self._callbacks: list[Any] = []
        self._feeds = [feed for feed in (validation, batches) if feed is not None]  # what training draws comes last
        self._batches = batches
        self._restored: dict[str, Any] | None = None
        self._host_random: Any = None
        self._logs_before: dict[str, Any] | None = None  # of the batches done in the epoch that was broken off
        self.is_over = False  # a callback had stopped training when it was broken off
        self.told: dict[str, Any] | None = None  # what a file of the model that is being saved takes along
        self._track_positions(True)

    def attach(self, callbacks: Any) -> None:
        """Take in the callbacks, which may keep states of the run."""
        self._callbacks = callbacks.callbacks
        self._track_positions(any(getattr(callback, "keeps_position", False) for callback in self._callbacks))

    def _track_positions(self, track: bool) -> None:
        for feed in self._feeds:
            feed.epochs.tracks_position = track

    def state(self, epoch: int, batch: int, logs: dict[str, Any]) -> dict[str, Any]:
        """The state after `batch` batches of epoch number `epoch`, whose metrics so far are `logs`."""
        return self._state(epoch, batch, logs, _variables(self._model))

    @contextmanager
    def saving(self, callback: Any, epoch: int, batch: int | None, logs: dict[str, Any]) -> Iterator[None]:
        """Within the block, a file of the model takes the state along, without the variables that it holds anyway.

        `callback` is being told of the end of a batch, or of an epoch where `batch` is `None`; those after it have not
        been told yet, which is made up for when training goes on.
        """
        place = 1 + self._callbacks.index(callback) if callback in self._callbacks else len(self._callbacks)
        after = (epoch + 1, 0, {}) if batch is None else (epoch, batch + 1, logs)
        untold = {"epoch": epoch, "batch": batch, "logs": logs, "callbacks": place}
        self.told = {**self._state(*after, self._model.metrics_variables), "untold": untold}
        try:
            yield
        finally:
            self.told = None

    def _state(self, epoch: int, batch: int, logs: dict[str, Any], variables: list[Any]) -> dict[str, Any]:
        model = self._model
        return {
            "epoch": epoch,
            "batch": batch,
            "logs": logs,
            "stopped": model.stop_training,
            "variables": [[variable.name, variable.numpy()] for variable in variables],
            "global_seed": global_seed_state(),
            "host_random": host_random_state(),
            "callbacks": [[type(one).__name__, _state_of(one)] for one in self._callbacks],
            "feeds": [feed.position(bool(batch) and feed is self._batches) for feed in self._feeds],
            "batches": None if self._batches is None else self._batches.num_batches,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Set the variables, and note the rest for when training begins.

        Raises:
            ValueError: if the state is that of another model or of other data; nothing is changed.
        """
        variables, kept = self._kept(state), state["variables"]
        problems = [] if len(variables) == len(kept) else [f"it holds {len(kept)} variables, not {len(variables)}"]
        for variable, (name, value) in zip(variables, kept):
            found = _spec(name, value.shape, value.dtype)
            expected = _spec(variable.name, variable.shape, variable.dtype)
            if found != expected:
                problems.append(f"{variable.path!r} is a {expected}, the backup holds a {found}")
        before, now = state["batches"], None if self._batches is None else self._batches.num_batches
        if state["batch"] and None not in (before, now) and before != now:
            problems.append(f"its epochs have {before} batches, not {now}")
        if problems:
            raise ValueError(f"The backup is not one of this training: {'; '.join(problems[:5])}.")
        self._model._initial_epoch = state["epoch"]
        self._restored = state
        self._set_values(state)

    def begin(self) -> None:
        """Go to the restored place in the data; all callbacks have been told of the beginning."""
        state = self._restored
        if state is None:
            return
        self._set_all(state)
        for feed, position in zip(self._feeds, state["feeds"]):
            feed.go_to(position, state["batch"] if feed is self._batches else 0)
        # Inside an epoch, batches have been drawn ahead: reading them again has led to the right place.
        self._host_random = host_random_state() if state["batch"] else state["host_random"]
        set_host_random_state(self._host_random)
        if not state["batch"]:
            self._restored = None
            self._tell_the_rest(state)
            self.is_over = self._model.stop_training

    def begin_epoch(self) -> None:
        """Undo what the beginning of an epoch changes if it is the one that was broken off."""
        state, self._restored = self._restored, None
        if state is not None:
            self._set_all(state)
            set_host_random_state(self._host_random)
            self._logs_before = state["logs"]
            self._tell_the_rest(state)

    def rest_of_epoch(self, train: Callable[[], dict[str, Any] | None]) -> dict[str, Any] | None:
        """The epoch's logs after `train()`, or those from before where nothing of it was left to do."""
        before, self._logs_before = self._logs_before, None
        if before is not None and self._model.stop_training:
            return before
        logs = train()
        return before if logs is None else logs

    def _set_all(self, state: dict[str, Any]) -> None:
        self._set_values(state)
        self._model.stop_training = state["stopped"]
        for callback, place in self._places(state):
            if (own := state["callbacks"][place][1]) is not None:
                callback.set_training_state(own)

    def _places(self, state: dict[str, Any]) -> list[tuple[Any, int]]:
        """The callbacks that the state knows, with their places in it: those of one class in their order."""
        names, found = [name for name, _ in state["callbacks"]], []
        for callback in self._callbacks:
            name = type(callback).__name__
            if name in names:
                place = names.index(name)
                names[place] = ""
                found.append((callback, place))
        return found

    def _tell_the_rest(self, state: dict[str, Any]) -> None:
        """Tell the callbacks that came after the one that saved the state what that one had been told."""
        if "untold" not in state:
            return
        untold = state["untold"]
        for callback, place in self._places(state):
            if place >= untold["callbacks"] and untold["batch"] is None:
                callback.on_epoch_end(untold["epoch"], untold["logs"])
            elif place >= untold["callbacks"]:
                callback.on_train_batch_end(untold["batch"], untold["logs"])

    def _set_values(self, state: dict[str, Any]) -> None:
        set_global_seed_state(state["global_seed"])
        for variable, (_, value) in zip(self._kept(state), state["variables"]):
            variable.assign(value)

    def _kept(self, state: dict[str, Any]) -> list[Any]:
        """The variables whose values the state holds."""
        return self._model.metrics_variables if "untold" in state else _variables(self._model)


def _variables(model: Any) -> list[Any]:
    """All that training changes, each once."""
    optimizer = [] if model.optimizer is None else model.optimizer.variables
    found = [*model.trainable_variables, *model.non_trainable_variables, *optimizer, *model.metrics_variables]
    return list({id(variable): variable for variable in found}.values())


def _spec(name: str, shape: tuple[int, ...], dtype: Any) -> str:
    """What must agree for a value to be a variable's; numbers in names count what was made before."""
    return f"{re.sub('_[0-9]+', '', name)} of shape {tuple(shape)} and type {dtype}"


def _state_of(callback: Any) -> Any:
    return callback.get_training_state() if hasattr(callback, "get_training_state") else None
