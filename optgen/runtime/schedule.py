"""The base class of generated schedules: a function of the number of earlier calls."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, NoReturn, Self

import numpy as np

from optgen.runtime.hyperparameters.declarations import Hyperparameter, Value
from optgen.runtime.suggestions import refuse_unknown

#: The argument of a schedule.
_STEP = Hyperparameter("step", 0, "step >= 0", lambda step: step >= 0, integer=True)
#: Keys that Keras adds to the class name and the configuration of a schedule.
_FROM_KERAS = {"module", "registered_name"}

_classes: dict[str, type[Schedule]] = {}


class Schedule:
    """A value for each call, such as a learning rate. Subclasses are generated from specs.

    Schedules don't change: their arguments are read-only attributes, and equal arguments make
    equal schedules. A subclass is known to ``deserialize`` by its name; of two with one name,
    the one that was defined last is.
    """

    hyperparameters: ClassVar[tuple[Hyperparameter, ...]] = ()
    name: str
    _values: dict[str, Any]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        _classes[cls.__name__] = cls

    def __init__(self, name: str, unknown: Mapping[str, object], /, **values: object) -> None:
        kind = type(self).__name__
        refuse_unknown(kind, unknown, [*values, "name"])
        if not isinstance(name, str):
            raise TypeError(f"{kind}: name must be a string, not {name!r}")
        checked = {h.name: _check(h, values[h.name], kind) for h in self.hyperparameters}
        self.__dict__.update(name=name, _values=checked)
        # Arguments that are valid one by one may be inconsistent.
        self(0)

    def __call__(self, step: int) -> float:
        """The value for the call after ``step`` earlier ones; 0 is the first.

        Raises TypeError or ValueError where ``step`` is not a whole number from 0 on, and
        ValueError where the schedule has no finite value.
        """
        kind = type(self).__name__
        calls = _STEP.check(step, kind)
        try:
            value = float(self.value_after(float(calls or 0)))
        except (ArithmeticError, ValueError) as error:
            raise ValueError(f"{kind}: no value after {calls} calls: {error}") from error
        if not math.isfinite(value):
            raise ValueError(f"{kind}: no finite value after {calls} calls")
        return value

    def value_after(self, calls: float) -> float:
        """The rule of the spec."""
        raise NotImplementedError(f"{type(self).__name__} has no rule")

    def value_in(self, ops: Any, calls: Any) -> Any:
        """The rule in functions of a library of arrays, for a tensor with the number of calls.

        Numbers that don't depend on it are Python's, and functions of these are, too.
        """
        raise NotImplementedError(f"{type(self).__name__} has no rule for tensors")

    def __getattr__(self, name: str) -> Any:
        values = self.__dict__.get("_values", {})
        if name in values:
            return values[name]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __setattr__(self, name: str, value: object) -> NoReturn:
        kind = type(self).__name__
        raise AttributeError(f"{kind}: {name} can't be set; make a new {kind}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__}: {name} can't be deleted")

    def get_config(self) -> dict[str, Any]:
        """The configuration: arguments as plain Python values."""
        plain = {k: list(v) if isinstance(v, tuple) else v for k, v in self._values.items()}
        return {**plain, "name": self.name}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """A schedule from what ``get_config`` returned; the mapping isn't changed."""
        return cls(**config)  # type: ignore[call-arg]

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).from_config, (self.get_config(),)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{k}={v!r}" for k, v in self.get_config().items())
        return f"{type(self).__name__}({arguments})"

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return self.get_config() == other.get_config()

    def __hash__(self) -> int:
        return hash((type(self), self.name, *self._values.values()))


def serialize(schedule: Schedule) -> dict[str, Any]:
    """The class name and the configuration of a schedule; ``json`` can write them."""
    if not isinstance(schedule, Schedule):
        raise TypeError(f"a schedule is needed, not {schedule!r}")
    return {"class_name": type(schedule).__name__, "config": schedule.get_config()}


def deserialize(mapping: Mapping[str, Any]) -> Schedule:
    """A schedule from what ``serialize`` returned; the mapping isn't changed.

    Takes what Keras makes of a schedule of the same name, too. Only classes that are there
    already are found: nothing is imported. Raises TypeError or ValueError for anything else.
    """
    if not isinstance(mapping, Mapping):
        raise TypeError(f"a serialized schedule is a mapping, not {mapping!r}")
    if not {"class_name", "config"} <= {*mapping} <= {"class_name", "config", *_FROM_KERAS}:
        found = ", ".join(map(repr, mapping))
        raise ValueError(f"a serialized schedule has 'class_name' and 'config', not {found}")
    name, config = mapping["class_name"], mapping["config"]
    if not isinstance(name, str) or not isinstance(config, Mapping):
        raise TypeError("'class_name' must be a string, and 'config' a mapping")
    if name not in _classes:
        near = difflib.get_close_matches(name, _classes, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(_classes))}"
        raise ValueError(f"there is no schedule {name!r}; {hint}")
    return _classes[name].from_config(config)


def _check(h: Hyperparameter, value: object, owner: str) -> Value | tuple[Value, ...]:
    if not h.is_list:
        return h.check(value, owner)
    if isinstance(value, np.ndarray) and value.ndim == 1:
        value = value.tolist()
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"{owner}: {h.name} must be a list of numbers, not {value!r}")
    return tuple(
        replace(h, name=f"{h.name}[{index}]").check(item, owner) for index, item in enumerate(value)
    )
