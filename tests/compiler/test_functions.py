"""What the registry says of functions, beside mpmath and NumPy; and that it says it alone."""

from __future__ import annotations

import ast
import importlib
import math
from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest

from optgen.compiler.emit.printer import FUNCTIONS as CALLS
from optgen.compiler.emit.schedule import CALLS_OF
from optgen.compiler.emit.targets import target
from optgen.compiler.emit.targets.keras.printer import KerasPrinter
from optgen.compiler.ir.function import Function, Origin
from optgen.compiler.ir.functions import FUNCTIONS, REGISTRY

ROOT = Path(__file__).parents[2]
EACH = pytest.mark.parametrize("function", REGISTRY.values(), ids=lambda function: function.name)
#: Exact in every format, and far from overflow in any function.
NUMBERS = [Fraction(n, 8) for n in (-80, -25, -8, -3, -1, 0, 1, 4, 8, 17, 40, 90)]
Point = tuple[Fraction, ...]


def meaning(function: Function) -> Any:
    """The function in mpmath, or in Python where that is all there is to it."""
    if function.name == "where":
        return lambda condition, a, b: a if condition else b
    if function.name == "clip":
        return lambda x, low, high: low if x < low else high if x > high else x
    own = {"abs": abs, "max": max, "min": min}
    return own.get(function.name) or getattr(mpmath, function.name)


def points(function: Function) -> Iterator[Point]:
    """Arguments in the domain of a function."""
    for point in product(NUMBERS, repeat=function.arity):
        (first, *_) = point
        if not ((function.domain and first < 0) or (function.domain == "> 0" and first == 0)):
            yield point


def at(function: Function, point: Point) -> Any:
    return meaning(function)(*(mpmath.mpf(one.numerator) / one.denominator for one in point))


@pytest.fixture(autouse=True)
def digits() -> Iterator[None]:
    with mpmath.workdps(40):
        yield


@EACH
def test_values_in_python_and_in_numpy(function: Function) -> None:
    for point in points(function):
        numbers = [float(one) for one in point]
        wanted = float(at(function, point))
        assert float(function.value(*numbers)) == pytest.approx(wanted, rel=1e-14), point
        if function.name != "clip" or numbers[1] <= numbers[2]:
            condition = [bool(numbers[0])] if function.name == "where" else []
            found = getattr(np, function.array)(*condition, *numbers[len(condition) :])
            assert float(found) == pytest.approx(wanted, rel=1e-14), point


@EACH
def test_exact_values(function: Function) -> None:
    if function.exact is not None:
        found = [(point, function.exact(*point)) for point in points(function)]
        known = [(point, value) for point, value in found if value is not None]
        assert known
        for point, value in known:
            assert mpmath.mpf(value.numerator) / value.denominator == at(function, point), point


@EACH
def test_ranges_and_domains(function: Function) -> None:
    for point in points(function):
        value, whole = at(function, point), function.range
        if whole.low is not None:
            assert value > float(whole.low) if whole.is_open else value >= float(whole.low)
        if whole.high is not None:
            assert value < float(whole.high) if whole.is_open else value <= float(whole.high)
    if function.domain:
        with pytest.raises(ValueError, match=r"math|expected"):
            function.value(-1.0)
    if function.domain == "> 0":
        with pytest.raises(ValueError, match=r"math|expected"):
            function.value(0.0)


@EACH
def test_parities(function: Function) -> None:
    if function.parity is not None:
        for point in points(function):
            opposite = at(function, tuple(-one for one in point))
            assert opposite == function.parity * at(function, point)


@EACH
def test_increasing_functions_rise(function: Function) -> None:
    if function.is_increasing:
        for point in points(function):
            for place in range(function.arity):
                more = tuple(v + Fraction(k == place, 16) for k, v in enumerate(point))
                low, high = at(function, point), at(function, more)
                assert low < high if function.is_strict else low <= high


@EACH
def test_symmetries_and_choices(function: Function) -> None:
    for point in points(function):
        if function.is_symmetric:
            assert at(function, point) == at(function, point[::-1])
        if function.selects:
            assert at(function, point) in [float(one) for one in point]


@EACH
def test_degrees(function: Function) -> None:
    if function.degree is not None:
        for point in points(function):
            scaled = at(function, tuple(3 * one for one in point))
            wanted = mpmath.mpf(3) ** float(function.degree) * at(function, point)
            assert mpmath.almosteq(scaled, wanted, 1e-30), point


@EACH
def test_conditions_bound_what_becomes_of_relative_errors(function: Function) -> None:
    if function.condition is not None:
        change = mpmath.mpf(10) ** -12
        for point in points(function):
            value = at(function, point)
            for place in range(function.arity):
                numbers = [mpmath.mpf(v.numerator) / v.denominator for v in point]
                numbers[place] *= 1 + change
                moved = abs(meaning(function)(*numbers) - value)
                assert moved <= abs(value) * change * (float(function.condition) + 1e-9), point


def defined(path: Path) -> set[str]:
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return {node.name for node in body if isinstance(node, ast.FunctionDef)}


@EACH
def test_each_target_has_it(function: Function) -> None:
    name, code = function.name, function.code
    copied = defined(ROOT / "optgen" / "runtime" / "small_functions.py")
    if function.in_kernels:
        assert CALLS[name] == function.kernel
        assert function.kernel in target("cpu").words & target("cuda").words
    if Origin.COMMON in (code.cpu, code.cuda):
        assert function.kernel in copied
    if Origin.MATH in (code.cpu, code.cuda, code.python):
        assert hasattr(math, function.name)
    if code.cpu is Origin.RUNTIME:
        found = importlib.import_module("optgen.runtime.cpu.elementary")
        assert callable(getattr(found, function.kernel))
    if code.cuda is Origin.RUNTIME:
        text = (ROOT / "optgen" / "runtime" / "cuda" / "jit.py").read_text(encoding="utf-8")
        assert f"\n{function.kernel}: " in text
    if code.python is Origin.RUNTIME:
        assert function.python in defined(ROOT / "optgen" / "runtime" / "scalars.py")
    assert function.python == CALLS_OF.get(name, "")
    assert name in FUNCTIONS or function.is_scheduling
    assert function.is_scheduling or KerasPrinter.operations[name] == f"ops.{function.array}"


#: What else names three functions or more: algebra, which is that of roots, magnitudes, extremes
#: and signs whatever other functions there are; and tables of what can't be derived.
MEANINGS = {
    "optgen/compiler/ir/functions.py",
    "optgen/analysis/compare/canonical_form.py",
    "optgen/analysis/compare/certificates.py",
    "optgen/analysis/compare/normal_form.py",
    "optgen/analysis/exact/bounds.py",
    "optgen/analysis/exact/quotient.py",
    "optgen/analysis/exact/signs.py",
    "optgen/analysis/measure/rounding_analysis.py",
    "optgen/analysis/prove/ratio.py",
} | {
    # What torch has no function for, or has for tensors only, is made of others.
    "optgen/compiler/emit/targets/torch/__init__.py",
    "optgen/compiler/emit/targets/torch/ejected.py",
    "optgen/compiler/emit/targets/torch/expressions.py",
    # The machine's own functions, without Numba.
    "optgen/runtime/plain/stand_ins.py",
    # From functions of Python and of torch to those of the language.
    "optgen/tracing/evaluation.py",
    "optgen/tracing/mathematics.py",
    "optgen/tracing/operations.py",
    "optgen/tracing/tensors.py",
}


def test_no_other_file_lists_functions() -> None:
    # A choice is a construct of the language, as conditions are.
    listed = [function for function in REGISTRY.values() if function.name != "where"]
    spelled = {called for f in listed for called in (f.name, f.kernel, f.array)}
    spelled |= {f"{module}.{name}" for module in ("math", "np", "ops") for name in spelled}
    found = set()
    for path in (ROOT / "optgen").rglob("*.py"):
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        literals = {n.value for n in nodes if isinstance(n, ast.Constant)}
        if len({one for one in literals if isinstance(one, str)} & spelled) > 2:
            found.add(path.relative_to(ROOT).as_posix())
    assert found == MEANINGS
