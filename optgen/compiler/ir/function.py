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
    """The module from which generated code imports a function."""

    #: None: unavailable, or printed as operators.
    NOWHERE = "nowhere"
    BUILTIN = "builtins"
    MATH = "math"
    #: The runtime, with one definition for all targets.
    COMMON = "common"
    #: The runtime of the target.
    RUNTIME = "runtime"


@dataclass(frozen=True)
class Code:
    """The origins and spellings of a function in generated code.

    ``kernel`` is its name in kernels. ``cpu`` and ``cuda`` are its origins for kernels, ``python``
    for schedules. ``array`` is its name in NumPy and in ``keras.ops``.
    """

    cpu: Origin
    cuda: Origin
    python: Origin
    kernel: str = ""
    array: str = ""


@dataclass(frozen=True)
class Range:
    """The numbers between two ends; None is infinite, and ends are included unless open."""

    low: Fraction | None = None
    high: Fraction | None = None
    is_open: bool = False


@dataclass(frozen=True)
class Notation:
    """A function in formulas; an empty notation is its name with its arguments in brackets.

    ``latex`` are the texts before, between and after the arguments. ``fences`` enclose the
    arguments in MathML unless there is an ``element`` for the function. ``python`` is its form in
    Python after ``from math import *``, with placeholders for arguments. ``word`` begins names of
    hoisted values.
    """

    latex: tuple[str, ...] = ()
    fences: tuple[str, str] | None = None
    element: str = ""
    python: str = ""
    word: str = ""


@dataclass(frozen=True)
class Errors:
    """The largest errors of implementations, in units in the last place; 1/2 is correct rounding.

    Errors on the CPU are measured, by ``tests/runtime/cpu/test_elementary.py``, and include a
    margin. Errors of CUDA are the maxima in NVIDIA's documentation of its mathematical functions.
    """

    cpu: Fraction = Fraction(0)
    cuda: Fraction = Fraction(0)

    @property
    def roundings(self) -> Fraction:
        """The largest error as a number of roundings, of half a unit each, with a margin."""
        most = max(self.cpu, self.cuda)
        return 2 * most + (Fraction(1, 100) if most > Fraction(1, 2) else 0)


@dataclass(frozen=True)
class Function:
    """A function of numbers; the rule of an optimizer can use those that aren't ``scheduling``.

    ``domain`` is ``>= 0``, ``> 0`` or, for all numbers, empty; ``noun`` is the name of its value.
    ``parity`` is 1 for an even function and -1 for an odd one. An ``increasing`` function is
    monotone in each argument; a ``strictly`` increasing one is strictly monotone. ``degree`` is the
    power of a common unit of all arguments in the value. A function that ``selects`` returns one of
    its arguments. ``condition`` bounds, for each argument, the relative change of the value for a
    relative change of that argument; it is None if there is no such bound, for the reason in
    ``unbounded``. ``doing`` is the role of an argument whose error matters.

    ``exact`` returns rational values of rational arguments, and None for others. ``value`` computes
    with Python's numbers. ``digits`` is its name in mpmath; it is empty if ``value`` accepts all
    number types. ``is_steep`` marks functions whose values can exceed memory. ``doc`` is the text
    for the documentation.
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
    #: Whether it needs no arithmetic, as choices do.
    is_free: bool = False

    @property
    def arity(self) -> int:
        """The number of arguments."""
        return len(self.arguments)

    @property
    def signature(self) -> str:
        """A call of the function."""
        return f"{self.name}({', '.join(self.arguments)})"

    @property
    def role(self) -> str:
        """The role of an argument of the function."""
        return self.doing or f"is an argument of {self.name}"

    @property
    def kernel(self) -> str:
        """Its name in kernels."""
        return self.code.kernel or self.name

    @property
    def in_kernels(self) -> bool:
        """Whether kernels call the function."""
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
        """The function on Python's numbers; an argument outside its domain raises ValueError."""
        if self.own_value is not None:
            return self.own_value
        module = math if self.code.python is Origin.MATH else builtins
        found: Callable[..., Any] = getattr(module, self.name)
        return found

    @property
    def is_rounded_correctly(self) -> bool:
        """Whether IEEE 754 specifies the result of every implementation."""
        return self.errors.roundings <= 1
