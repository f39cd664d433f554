"""Declarations of generated classes: hyperparameters, switches and states."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Number = float
#: A number, a schedule, or a function without arguments.
Scheduled = float | Callable[..., float]
#: The value of a hyperparameter: None where an optional one is off.
Value = bool | int | float | None


#: What a hyperparameter may bound the sides of.
RANK, BLOCK = "rank", "block"


def always(on: Mapping[str, bool]) -> bool:
    """The condition that holds in every switch setting."""
    return True


def never(on: Mapping[str, bool]) -> bool:
    """The condition that holds in no switch setting."""
    return False


@dataclass(frozen=True)
class Hyperparameter:
    """A number or switch; ``range`` is the text of the condition ``allows``."""

    name: str
    default: Value = None
    range: str = ""
    allows: Callable[[Any], bool] | None = None
    optional: bool = False
    integer: bool = False
    excluded: float | None = None
    #: Whether groups of variables may have different values.
    grouped: bool = False
    #: Whether it is a static loss scale.
    scales_loss: bool = False
    #: Whether it bounds the sides of matrices that have a "rank", or those of a "block" of each
    #: matrix; it is fixed once these exist.
    bounds: str = ""
    #: Whether its value is a list of numbers.
    is_list: bool = False

    @property
    def is_switch(self) -> bool:
        """Whether it is a switch."""
        return isinstance(self.default, bool)

    def check(self, value: object, owner: str) -> Value:
        """The value as a Python scalar.

        Accepts numbers, NumPy scalars, and arrays and tensors of no dimension. Raises TypeError
        for the wrong kind and ValueError for a value outside the range; ``owner`` names the
        optimizer.
        """
        if value is None and self.optional:
            return None
        value = _scalar(value)
        if self.is_switch:
            if not isinstance(value, (bool, np.bool_)):
                raise TypeError(f"{owner}: {self.name} must be True or False, not {value!r}")
            return bool(value)
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
            wanted = "an integer" if self.integer else "a number"
            wanted += " or None" if self.optional else ""
            raise TypeError(f"{owner}: {self.name} must be {wanted}, not {value!r}")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number) or (self.allows is not None and not self.allows(number)):
            allowed = f" (allowed: {self.range})" if self.range else ""
            raise ValueError(f"{owner}: {self.name} = {value!r} is out of range{allowed}")
        if self.integer and number != int(number):
            raise ValueError(f"{owner}: {self.name} must be an integer, not {value!r}")
        return int(number) if self.integer else number


@dataclass(frozen=True)
class Switch:
    """A static condition over the hyperparameters: a constant of the compiled kernels.

    ``asks`` names the numbers that it asks about; none where it is a hyperparameter itself. One
    ``of_calls`` is decided anew in each call, by hyperparameters and counters.
    """

    name: str
    condition: Callable[[Mapping[str, Any]], bool]
    asks: tuple[str, ...] = ()
    of_calls: bool = False


@dataclass(frozen=True)
class Input:
    """A value beside the gradient that a call is given: an array of each variable's shape.

    With the ``shape`` "optimizer" it is one number. A call may leave out an ``optional`` one.
    """

    name: str
    shape: str = "element"
    optional: bool = False

    @property
    def switch(self) -> str:
        """The switch that is on in calls that have it."""
        return f"{self.name}_given"


@dataclass(frozen=True)
class State:
    """An array per variable; ``initial`` is a number, a hyperparameter, or "param".

    ``shape`` is what it has one number for: each "element", or a "tensor" (a variable), the
    "optimizer", and in variables that are matrices the "rows" or the "columns". One that
    ``stands_in`` may take the variable's place for evaluation; one that ``gathers`` is written in
    calls that make no update. One that ``is_nonnegative`` is never below 0;
    where one is ``bounded``, it and another state set bounds for each other. One that
    ``is_probe`` holds a value of the last update, which no step reads and no file holds; it may be
    the result of a ``reduction``, or of a ``formula`` of other probes.
    """

    name: str
    initial: float | str = 0
    when: Callable[[Mapping[str, bool]], bool] = always
    stands_in: bool = False
    gathers: bool = False
    shape: str = "element"
    is_nonnegative: bool = False
    bounded: Callable[[Mapping[str, bool]], bool] = never
    is_probe: bool = False
    reduction: str = ""
    formula: Callable[[Mapping[str, Any]], Any] | None = None


def _scalar(value: object) -> object:
    """The element of an array or a tensor of no dimension; all else as it is."""
    if np.ma.isMaskedArray(value) or getattr(value, "ndim", None) != 0:
        return value
    item = getattr(value, "item", None)
    return item() if callable(item) else value
