"""Properties of a function of the language, independent of analyses and targets."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import Any


class Origin(Enum):
    """The module from which generated code takes a function."""

    #: None: unavailable, or printed as operators.
    NOWHERE = "nowhere"
    BUILTIN = "builtins"
    MATH = "math"
    #: The runtime, which has one definition for all targets.
    COMMON = "common"
    #: The runtime of the target.
    RUNTIME = "runtime"


@dataclass(frozen=True)
class Code:
    """The origins and spellings of a function in generated code.

    ``kernel`` is what kernels call it, ``cpu`` and ``cuda`` say where those have it from,
    ``python`` where schedules do. ``array`` is its name in NumPy and in ``keras.ops``.
    """

    cpu: Origin
    cuda: Origin
    python: Origin
    kernel: str = ""
    array: str = ""


@dataclass(frozen=True)
class Range:
    """The numbers between two ends, of which None is infinite; ends belong to it unless open."""

    low: Fraction | None = None
    high: Fraction | None = None
    is_open: bool = False


@dataclass(frozen=True)
class Notation:
    """A function in formulas; what is empty is its name, with its arguments in brackets.

    ``latex`` stands before, between and behind the arguments, ``fences`` around them in MathML,
    unless there is an ``element`` for it. ``python`` is it in Python after ``from math import *``,
    with places for arguments; ``word`` begins names of hoisted values.
    """

    latex: tuple[str, ...] = ()
    fences: tuple[str, str] | None = None
    element: str = ""
    python: str = ""
    word: str = ""


@dataclass(frozen=True)
class Errors:
    """The largest errors of implementations, in units in the last place; 1/2 is rounded correctly.

    Those of the CPU are measured, by ``tests/runtime/cpu/test_elementary.py``, and have a margin;
    those of CUDA are what NVIDIA's documentation of its mathematical functions has as maxima.
    """

    cpu: Fraction = Fraction(0)
    cuda: Fraction = Fraction(0)

    @property
    def roundings(self) -> Fraction:
        """The largest of them as a number of roundings, of half a unit each, with a margin."""
        most = max(self.cpu, self.cuda)
        return 2 * most + (Fraction(1, 100) if most > Fraction(1, 2) else 0)


@dataclass(frozen=True)
class Function:
    """A function of numbers, of which an optimizer's rule may use those that aren't ``scheduling``.

    ``domain`` is ``>= 0``, ``> 0`` or, for every number, empty; ``noun`` is what its value is
    called. ``parity`` is 1 for an even function and -1 for an odd one. An ``increasing`` function
    never falls in any argument; a ``strictly`` increasing one always rises. ``degree`` is the power
    to which a unit of all arguments comes out; a function that ``selects`` has one of its arguments
    as its value. ``condition`` bounds, for each argument, the relative change of the value for a
    relative change of that argument; None where there is no such bound, of which ``unbounded`` says
    why. ``doing`` is what an argument does whose error matters.

    ``exact`` gives rational values of rational arguments, and None for others. ``value`` computes
    with Python's numbers. ``digits`` is its name in mpmath; empty where ``value`` does for any
    numbers; ``is_steep`` where values outgrow memory. ``doc`` is what the documentation says.
    """

    name: str
    arguments: tuple[str, ...]
    doc: str
    code: Code
    errors: Errors = Errors()
    domain: str = ""
    noun: str = "value"
    range: Range = Range()
    parity: int | None = None
    is_increasing: bool = False
    is_strict: bool = False
    is_symmetric: bool = False
    degree: Fraction | None = None
    selects: bool = False
    condition: Fraction | None = None
    doing: str = ""
    unbounded: str = "nothing is known of the rounding of {0}"
    notation: Notation = Notation()
    exact: Callable[..., Fraction | None] | None = None
    own_value: Callable[..., Any] | None = None
    digits: str = ""
    is_steep: bool = False
    is_scheduling: bool = False
    #: Whether it takes no arithmetic, as choices do.
    is_free: bool = False

    @property
    def arity(self) -> int:
        """The number of arguments."""
        return len(self.arguments)

    @property
    def signature(self) -> str:
        """A call of it."""
        return f"{self.name}({', '.join(self.arguments)})"

    @property
    def role(self) -> str:
        """What an argument of it does."""
        return self.doing or f"is an argument of {self.name}"

    @property
    def kernel(self) -> str:
        """Its name in kernels."""
        return self.code.kernel or self.name

    @property
    def in_kernels(self) -> bool:
        """Whether kernels call it."""
        return self.code.cpu is not Origin.NOWHERE

    @property
    def array(self) -> str:
        """Its name in NumPy and ``keras.ops``."""
        return self.code.array or self.name

    @property
    def python(self) -> str:
        """Its name in schedules; empty if unavailable."""
        match self.code.python:
            case Origin.NOWHERE:
                return ""
            case Origin.MATH:
                return f"math.{self.name}"
        return self.name

    @property
    def value(self) -> Callable[..., Any]:
        """It, on numbers that Python computes with; what is out of its domain raises ValueError."""
        if self.own_value is not None:
            return self.own_value
        module = math if self.code.python is Origin.MATH else builtins
        found: Callable[..., Any] = getattr(module, self.name)
        return found

    @property
    def is_rounded_correctly(self) -> bool:
        """Whether IEEE 754 settles what every implementation gives."""
        return self.errors.roundings <= 1
