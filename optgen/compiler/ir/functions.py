"""The registry of functions, from which printers and analyses derive.

To add a function, add an entry and a row in ``docs/language.md``. Some analyses have tables for
properties that can't be derived; a test reports each entry that is missing there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from optgen.compiler.ir.function import Code, Errors, Function, Notation, Origin, Range

_ONE = Fraction(1)
#: Slightly more than the ratio of a circle's circumference to its diameter.
PI_ABOVE = Fraction(355, 113)
_BUILTIN = Code(Origin.BUILTIN, Origin.BUILTIN, Origin.BUILTIN)
_MATH = Code(Origin.MATH, Origin.MATH, Origin.MATH)
#: Element loops on the CPU have separate versions, which compilers vectorize.
_VECTORIZED = Code(Origin.RUNTIME, Origin.MATH, Origin.MATH)
_COMMON = Code(Origin.COMMON, Origin.COMMON, Origin.RUNTIME)


def _clipped(a: Any, low: Any, high: Any) -> Any:
    # As in kernels, also if low is above high.
    return low if a < low else high if a > high else a


_ALL = (
    Function(
        "sqrt",
        ("x",),
        "the square root",
        _MATH,
        Errors(Fraction(1, 2), Fraction(1, 2)),
        domain=">= 0",
        noun="root",
        range=Range(Fraction(0)),
        is_increasing=True,
        is_strict=True,
        degree=Fraction(1, 2),
        condition=Fraction(1, 2),
        doing="is under a root",
        notation=Notation((r"\sqrt{", "}"), element="msqrt", word="root_of"),
        exact=lambda a: a if a in (0, 1) else None,
        digits="sqrt",
    ),
    Function(
        "abs",
        ("x",),
        "the absolute value",
        _BUILTIN,
        range=Range(Fraction(0)),
        parity=1,
        degree=_ONE,
        condition=_ONE,
        notation=Notation((r"\left|", r"\right|"), ("|", "|"), word="size_of"),
        exact=abs,
    ),
    Function(
        "exp",
        ("x",),
        "the exponential",
        _VECTORIZED,
        Errors(Fraction(11, 10), Fraction(2)),
        range=Range(Fraction(0), is_open=True),
        is_increasing=True,
        is_strict=True,
        doing="is an exponent",
        exact=lambda a: None if a else _ONE,
        digits="exp",
        is_steep=True,
    ),
    Function(
        "log",
        ("x",),
        "the natural logarithm",
        _VECTORIZED,
        Errors(Fraction(11, 10), Fraction(2)),
        domain="> 0",
        noun="logarithm",
        is_increasing=True,
        is_strict=True,
        unbounded="{0} is near 0 where {1} is near 1",
        digits="log",
    ),
    Function(
        "tanh",
        ("x",),
        "the hyperbolic tangent",
        _VECTORIZED,
        Errors(Fraction(3), Fraction(2)),
        range=Range(-_ONE, _ONE, is_open=True),
        parity=-1,
        is_increasing=True,
        is_strict=True,
        condition=_ONE,
        exact=lambda a: None if a else a,
        digits="tanh",
    ),
    Function(
        "atan2",
        ("y", "x"),
        "the angle from the axis of `x` to the point `(x, y)`, from -π to π; `atan2(0, 0)` is 0",
        Code(Origin.RUNTIME, Origin.MATH, Origin.MATH, array="arctan2"),
        Errors(Fraction(3), Fraction(3)),
        range=Range(-PI_ABOVE, PI_ABOVE),
        degree=Fraction(0),
        condition=_ONE,
        exact=lambda y, x: y if y == 0 and x >= 0 else None,
        digits="atan2",
    ),
    Function(
        "floor",
        ("x",),
        "the largest whole number that isn't above `x`",
        Code(Origin.RUNTIME, Origin.RUNTIME, Origin.MATH),
        is_increasing=True,
        unbounded="rounding may decide {0}",
        notation=Notation((r"\left\lfloor ", r" \right\rfloor"), ("⌊", "⌋")),
        exact=lambda a: Fraction(math.floor(a)),
        digits="floor",
    ),
    Function(
        "max",
        ("a", "b"),
        "the larger one; NaN if either is NaN",
        Code(Origin.COMMON, Origin.COMMON, Origin.BUILTIN, "maximum", "maximum"),
        is_increasing=True,
        is_symmetric=True,
        degree=_ONE,
        selects=True,
        exact=max,
    ),
    Function(
        "min",
        ("a", "b"),
        "the smaller one; NaN if either is NaN",
        Code(Origin.COMMON, Origin.COMMON, Origin.BUILTIN, "minimum", "minimum"),
        is_increasing=True,
        is_symmetric=True,
        degree=_ONE,
        selects=True,
        exact=min,
    ),
    Function(
        "clip",
        ("x", "low", "high"),
        "`low` where `x < low`, else `high` where `x > high`, else `x`; NaN stays NaN",
        _COMMON,
        degree=_ONE,
        selects=True,
        notation=Notation(python="({1} if {0} < {1} else {2} if {0} > {2} else {0})"),
        exact=_clipped,
        own_value=_clipped,
        is_free=True,
    ),
    Function(
        "sign",
        ("x",),
        "-1, 0 or 1",
        _COMMON,
        range=Range(-_ONE, _ONE),
        parity=-1,
        is_increasing=True,
        degree=Fraction(0),
        condition=Fraction(0),
        doing="decides a sign",
        notation=Notation(python="copysign({0} != 0, {0})"),
        exact=lambda a: Fraction((a > 0) - (a < 0)),
        own_value=lambda a: math.copysign(1.0, a) if a else 0.0,
        digits="sign",
    ),
    Function(
        "where",
        ("condition", "a", "b"),
        "`a` where the condition holds, else `b`; per element, or per call",
        Code(Origin.NOWHERE, Origin.NOWHERE, Origin.NOWHERE),
        notation=Notation(python="({1} if {0} else {2})"),
        own_value=lambda condition, a, b: a if condition else b,
        is_free=True,
    ),
    Function(
        "cos",
        ("x",),
        "the cosine of an angle",
        Code(Origin.NOWHERE, Origin.NOWHERE, Origin.MATH),
        Errors(_ONE, _ONE),
        range=Range(-_ONE, _ONE),
        parity=1,
        digits="cos",
        is_steep=True,
        is_scheduling=True,
    ),
)
#: All functions by name.
REGISTRY: Mapping[str, Function] = {function.name: function for function in _ALL}
#: The functions available in both kinds of rules, and their numbers of arguments.
FUNCTIONS: Mapping[str, int] = {f.name: f.arity for f in _ALL if not f.is_scheduling}
#: The functions available in schedules only.
OF_SCHEDULES: Mapping[str, int] = {f.name: f.arity for f in _ALL if f.is_scheduling}
#: The commutative functions.
SYMMETRIC = frozenset(function.name for function in _ALL if function.is_symmetric)
