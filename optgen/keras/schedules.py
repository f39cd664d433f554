"""Schedules that backends compile: Keras's, and the other generated ones as Keras's are.

A name that Keras has too is Keras's class; the formulas are the same.
"""

from __future__ import annotations

from inspect import signature
from typing import Any, ClassVar

import keras
from keras import ops
from keras.optimizers.schedules import LearningRateSchedule, deserialize, serialize

from optgen.keras.arithmetic import HostFunctions
from optgen.keras.registered import package_of
from optgen.optimizers import schedules as generated
from optgen.runtime.schedule import Schedule
from optgen.runtime.suggestions import nearest

#: What Keras computes schedules in.
_DTYPE = "float32"


class GeneratedSchedule(LearningRateSchedule):  # type: ignore[misc]
    """A schedule of Keras with the rule of a generated one. Subclasses are created from rules."""

    rule: ClassVar[type[Schedule]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        #: The schedule for numbers, whose arguments are attributes.
        self.schedule = self.rule(*args, **kwargs)

    def __call__(self, step: Any) -> Any:
        """The value for the call after ``step`` others: a float for a Python number.

        For a variable or a tensor it is a float32 tensor, as of Keras's schedules.
        """
        if isinstance(step, int | float):
            return self.schedule(int(step))
        calls = ops.cast(ops.convert_to_tensor(step), _DTYPE)
        return ops.cast(self.schedule.value_in(HostFunctions(_DTYPE), calls), _DTYPE)

    def get_config(self) -> dict[str, Any]:
        """The arguments, as the constructor takes them."""
        return self.schedule.get_config()

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.schedule == other.schedule

    def __hash__(self) -> int:
        return hash(self.schedule)


_MADE: dict[tuple[str, str], type[GeneratedSchedule]] = {}


def schedule_class(rule: type[Schedule], name: str = "") -> type[GeneratedSchedule]:
    """A ``LearningRateSchedule`` class for any generated schedule.

    It is registered as those of ``optimizer_class`` are: ``"optgen>Name"``, or for a rule of yours
    ``"optgen.own>Name"``. Raises ValueError where another rule has that name already.
    """
    package, name = package_of(rule), name or rule.__name__
    made = _MADE.get((package, name))
    if made is None:
        contents = {
            "rule": rule,
            "__doc__": rule.__doc__,
            "__module__": __name__,
            "__init__": _constructor(rule),
        }
        made = type(name, (GeneratedSchedule,), contents)
        keras.saving.register_keras_serializable(package, name)(made)
        _MADE[package, name] = made
    if made.rule is not rule:
        message = f"another schedule is registered as '{package}>{name}'"
        raise ValueError(f'{message}: give this one a name, schedule_class(…, "{name}2")')
    return made


def _constructor(rule: type[Schedule]) -> Any:
    """The constructor of a class, whose arguments tools can read."""

    def __init__(self: GeneratedSchedule, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        GeneratedSchedule.__init__(self, *args, **kwargs)

    shown: Any = __init__
    shown.__signature__ = signature(rule.__init__)
    return shown


def compiled(schedule: Schedule) -> LearningRateSchedule:
    """A generated schedule as one that backends compile."""
    return schedule_class(type(schedule))(**schedule.get_config())


_OF_KERAS = keras.optimizers.schedules
_NAMES = [name for name in generated.__all__ if isinstance(getattr(generated, name), type)]
globals().update(
    (name, getattr(_OF_KERAS, name, None) or schedule_class(getattr(generated, name)))
    for name in _NAMES
)


def __getattr__(name: str) -> type[GeneratedSchedule]:
    """Raise AttributeError; for type checkers, unlisted names are classes."""
    raise AttributeError(f"module {__name__!r} has no {name!r}{nearest(name, __all__)}")


__all__ = [  # noqa: PLE0604
    "GeneratedSchedule",
    "LearningRateSchedule",
    "deserialize",
    "schedule_class",
    "serialize",
    *_NAMES,
]
