"""Hyperparameters that vary by call: schedules, and functions without arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from optgen.runtime.hyperparameters.declarations import Hyperparameter, Value
from optgen.runtime.schedule import Schedule, deserialize, serialize


@dataclass(frozen=True)
class Changing:
    """What a value is taken from at every call.

    ``sees_calls`` is true for a schedule: it is given the number of calls before this one.
    """

    source: Callable[..., Any]
    sees_calls: bool

    def after(self, calls: int) -> object:
        """The value for the call after so many others; not yet checked."""
        return self.source(calls) if self.sees_calls else self.source()


#: What a hyperparameter is set to.
Setting = Value | Changing


def accept(hyperparameter: Hyperparameter, value: object, owner: str) -> Setting:
    """A checked number or switch, or what gives the number at every call.

    Takes what ``serialize`` makes of a schedule, too. Raises TypeError or ValueError.
    """
    if isinstance(value, Mapping) and "class_name" in value:
        try:
            value = deserialize(value)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{owner}: {hyperparameter.name}: {error}") from error
    if not callable(value):
        return hyperparameter.check(value, owner)
    if hyperparameter.is_switch:
        message = f"{owner}: {hyperparameter.name} is a switch, which can't change between calls"
        raise TypeError(message)
    if hyperparameter.bounds:
        what = f"{hyperparameter.name} is a {hyperparameter.bounds}"
        raise TypeError(f"{owner}: {what}, which can't change between calls")
    return Changing(value, isinstance(value, Schedule) or _takes_one(value, hyperparameter, owner))


def _takes_one(source: Callable[..., Any], hyperparameter: Hyperparameter, owner: str) -> bool:
    """Whether a function must be given an argument, as Keras's schedules must."""
    try:
        parameters = inspect.signature(source).parameters.values()
    except (TypeError, ValueError):  # Some functions in C have none to look at.
        return False
    positional = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
    required = [p for p in parameters if p.default is p.empty and p.kind in positional]
    if len(required) > 1:
        raise TypeError(
            f"{owner}: {hyperparameter.name} is given by a function of {len(required)} arguments; "
            "it must take none, or the number of calls before"
        )
    return bool(required)


def configured(setting: Setting) -> Any:
    """A setting as a configuration holds it: plain values; functions stay what they are."""
    if not isinstance(setting, Changing):
        return setting
    is_schedule = isinstance(setting.source, Schedule)
    return serialize(setting.source) if is_schedule else setting.source  # type: ignore[arg-type]
