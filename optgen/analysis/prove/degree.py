"""Scaling of a step with the unit of the gradient, and the step's own unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

from optgen.analysis.prove.equations import allows, degree, free_degree
from optgen.analysis.prove.linear_system import NoDegreeError
from optgen.analysis.prove.variant import Variant, last_location
from optgen.compiler.ir.proof import Finding, Group, Verdict
from optgen.compiler.ir.rule import GRAD, PARAM

STATEMENT = "the step has a degree from 0 to 1 in the gradient"
UNIT = "the step has the parameter's unit, for a learning rate without one"
#: Exponents of the units of the loss and of the parameter in the gradient and the parameter.
_LOSS, _PARAMETER = {GRAD: 1, PARAM: 0}, {GRAD: -1, PARAM: 1}


def degrees(variant: Variant, defaults: Mapping[str, float]) -> Iterator[Finding]:
    """The finding about the homogeneity degree of a step in the gradient."""
    location = last_location(variant)
    common = Group.DEGREE, STATEMENT
    try:
        found = _degree(variant, defaults)
    except NoDegreeError as error:
        reason = f"there is no consistent degree: {error}"
        yield Finding(*common, Verdict.REFUTED, location, variant.label, reason)
        return
    if found is None:
        reason = "the equations leave the degree open"
        yield Finding(*common, Verdict.UNDECIDED, location, variant.label, reason)
        return
    verdict = Verdict.PROVED if 0 <= found <= 1 else Verdict.REFUTED
    yield Finding(*common, verdict, location, variant.label, f"it is {found}")


def _degree(variant: Variant, defaults: Mapping[str, float]) -> Fraction | None:
    try:
        return degree(variant, defaults, {GRAD: 1}, may_mix=True)
    except NoDegreeError as error:
        try:
            found = free_degree(variant, defaults)
            return found if found is not None and 0 <= found <= 1 else None
        except NoDegreeError:
            raise error from None


def units(variant: Variant, defaults: Mapping[str, float]) -> Iterator[Finding]:
    """The finding about the unit of a step, by Zeiler's argument (2012, section 3.2)."""
    common = Group.UNIT, UNIT
    where = last_location(variant), variant.label
    if allows(variant, defaults, _LOSS, 0) and allows(variant, defaults, _PARAMETER, 1):
        yield Finding(*common, Verdict.PROVED, *where, "each small number takes the unit it needs")
        return
    try:
        loss, parameter = (degree(variant, defaults, unit) for unit in (_LOSS, _PARAMETER))
    except NoDegreeError as error:
        yield Finding(*common, Verdict.REFUTED, *where, f"it has no unit: {error}")
        return
    reason = f"its unit is {_unit(loss, parameter)}"
    yield Finding(*common, Verdict.REFUTED, *where, reason)


def _unit(loss: Fraction | None, parameter: Fraction | None) -> str:
    known: dict[tuple[Fraction, Fraction], str]
    known = {(Fraction(1), Fraction(-1)): "the gradient's", (Fraction(0), Fraction(0)): "1"}
    shown = f"loss**{loss} times parameter**{parameter}"
    return "open" if loss is None or parameter is None else known.get((loss, parameter), shown)
