"""Hyperparameters as mutable attributes of a Keras optimizer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from keras import ops
from keras.optimizers.schedules import LearningRateSchedule

from optgen.keras.schedules import compiled
from optgen.keras.synchronized import Watched
from optgen.runtime.hyperparameters.declarations import Hyperparameter
from optgen.runtime.hyperparameters.dynamic import accept
from optgen.runtime.hyperparameters.settings import Row, Settings
from optgen.runtime.optimizer import Optimizer
from optgen.runtime.schedule import Schedule

#: The hyperparameter that Keras keeps as a variable.
LEARNING_RATE = "learning_rate"


class Hyperparameters:
    """Current attributes as settings for kernels and as operands of operations."""

    def __init__(self, owner: str, rule: type[Optimizer], look: Callable[[], list[Any]]) -> None:
        """``look`` returns the current values in the order of declaration."""
        self._owner, self._rule, self._look = owner, rule, look
        self._seen: list[Any] = []
        self._settings: Settings | None = None
        self._fixed: dict[str, bool] | None = None

    def settings(self) -> Settings:
        """The settings, rebuilt after a change of an attribute.

        Raises TypeError or ValueError for a value that isn't allowed, and for one that turns a
        part of the rule on or off once the states exist.
        """
        now = self._look()
        if self._settings is None or not _same(now, self._seen):
            rule = self._rule
            names = [h.name for h in rule.hyperparameters]
            values = {name: _source(value) for name, value in zip(names, now, strict=True)}
            declared = rule.hyperparameters, rule.switches, rule.exclusive
            settings = Settings(
                self._owner, *declared, values, None, rule.states, rule.layout.columns
            )
            self._refuse_switching(settings.on())
            self._settings, self._seen = settings, now
        return self._settings

    def fix(self) -> None:
        """Fix the switches."""
        self._fixed = self.settings().on()

    def _refuse_switching(self, on: Mapping[str, bool]) -> None:
        before = self._fixed or on
        changed = ", ".join(name for name in on if on[name] != before[name])
        if changed:
            raise ValueError(
                f"{self._owner}: {changed} can't be switched once the optimizer is built; make a "
                "new one"
            )

    def operands(self, row: Row, iterations: Any, dtype: str) -> dict[str, Any]:
        """Python floats, and tensors of a dtype, by name; ``iterations`` counts calls so far."""
        self.settings()
        found = {}
        for h, value in zip(self._rule.hyperparameters, self._seen, strict=True):
            if h.name in row.excluded or (value is None and h.excluded is not None):
                found[h.name] = float(h.excluded or 0)
            else:
                found[h.name] = _operand(value, iterations, dtype)
        return found


def _same(now: list[Any], before: list[Any]) -> bool:
    return all(one is other or _equal(one, other) for one, other in zip(now, before, strict=True))


def _equal(one: Any, other: Any) -> bool:
    return isinstance(one, bool | int | float) and type(one) is type(other) and one == other


def _source(value: Any) -> Any:
    """What kernels read a value from; a variable is read before each call."""
    return Watched(value).read if hasattr(value, "assign") else value


def _operand(value: Any, iterations: Any, dtype: str) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, LearningRateSchedule):
        found = value(iterations)
    else:
        found = value() if callable(value) else value
    return ops.cast(ops.convert_to_tensor(found), dtype)


def checked(hyperparameter: Hyperparameter, value: Any, owner: str) -> Any:
    """An argument in the form of its attribute: a Python number, a schedule or a function.

    Raises TypeError or ValueError for what isn't allowed.
    """
    value = compiled(value) if isinstance(value, Schedule) else value
    try:
        setting = accept(hyperparameter, value, owner)
    except ValueError as error:
        raise ValueError(_in_words_of_keras(hyperparameter, value, str(error))) from error
    return value if callable(value) else setting


def _in_words_of_keras(hyperparameter: Hyperparameter, value: Any, said: str) -> str:
    """The message, in Keras's words for a number out of bounds, which callers may match."""
    bounds = re.fullmatch(r"(\S+) <= \w+ <= (\S+)", hyperparameter.range)
    if bounds is None:
        return said
    between = f"must be a float between [{bounds[1]}, {bounds[2]}]"
    return f"`{hyperparameter.name}` {between}. Received: {hyperparameter.name}={value}. ({said})"
