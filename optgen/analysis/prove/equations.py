"""Linear equations for the degrees of a step and its states in a unit.

Each state has a degree; each sum gives an equation. A small constant that is added for safety takes
the degree of its place, since it should be negligible.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

from optgen.analysis.exact.matrix_facts import FACTS
from optgen.analysis.exact.ranges import number
from optgen.analysis.prove.linear_system import Linear, NoDegreeError, System, plus, scaled
from optgen.analysis.prove.safety_constants import SMALL, small_numbers
from optgen.analysis.prove.variant import Variant
from optgen.compiler.ir.expression import (
    COMPARISONS,
    LOGICAL,
    REDUCTIONS,
    Expression,
    Name,
    Number,
    text,
)
from optgen.compiler.ir.function import Function
from optgen.compiler.ir.functions import REGISTRY
from optgen.compiler.ir.matrix import INVERSE_ROOT, PRODUCT
from optgen.compiler.ir.rule import GRAD, LEARNING_RATE, PARAM


@dataclass
class _Asking:
    """Infers degrees of expressions; None is the degree of 0, which is arbitrary."""

    system: System
    known: Mapping[str, Linear | None]
    small: set[str]
    #: Whether functions accept arguments with a unit; their results then have any degree.
    is_free: bool = False
    #: Whether a choice between different degrees, such as a bound, leaves its degree open.
    may_mix: bool = False
    mixed: int = 0

    def of(self, expression: Expression) -> Linear | None:
        match expression:
            case Number(value):
                return {} if value else None
            case Name(name):
                return self.known.get(name, {})
        operator, operands = expression.operator, expression.operands
        if operator in ("+", "-"):
            return self._together(list(operands), expression)
        function = REGISTRY.get(operator)
        if function is not None and function.degree is not None:
            found = self._joined(function, operands, expression)
            return None if found is None else scaled(found, function.degree)
        if operator in FACTS:
            return self._of_matrices(operator, operands, expression)
        if operator == "where":
            self.of(operands[0])
            return self._chosen(list(operands[1:]), expression)
        if operator in COMPARISONS | LOGICAL:
            # A comparison with 0 doesn't depend on units.
            if Number(0) not in operands:
                self._chosen(list(operands), expression)
            return {}
        return self._own(operator, operands, expression)

    def _joined(
        self, function: Function, operands: tuple[Expression, ...], whole: Expression
    ) -> Linear | None:
        """The common degree of all arguments of a homogeneous function."""
        if function.arity == 1:
            return self.of(operands[0])
        join = self._chosen if function.selects else self._together
        return join(list(operands), whole)

    def _own(
        self, operator: str, operands: tuple[Expression, ...], whole: Expression
    ) -> Linear | None:
        found = [self.of(operand) for operand in operands]
        first = found[0]
        match operator:
            case "*":
                return None if None in found else plus(found[0] or {}, found[1] or {}, Fraction(1))
            case "/":
                return None if first is None else plus(first, found[1] or {}, Fraction(-1))
            case "**":
                exponent = number(operands[1])
                if exponent is not None:
                    return None if first is None else scaled(first, exponent)
            case _ if operator == "neg" or operator in REDUCTIONS:
                return first
        if self.is_free and any(self.system.reduced(part or {}) for part in found):
            return self._any()
        for part in found:
            self.system.equate(
                part or {}, {}, lambda: f"{text(whole)} needs a number without a unit"
            )
        return {}

    def _of_matrices(
        self, operator: str, operands: tuple[Expression, ...], whole: Expression
    ) -> Linear | None:
        """The degree of a product is the sum of those of its factors."""
        if operator == INVERSE_ROOT:
            square, root, added = operands
            own = self._together([square, added], whole)
            if (exponent := number(root)) is None:
                return self.of(FACTS[operator].alone(*operands))
            return None if own is None else scaled(own, -1 / exponent)
        if operator == PRODUCT:
            return self._own("*", operands, whole)
        found, power = self.of(operands[0]), FACTS[operator].degree
        return None if found is None or power is None else scaled(found, power)

    def _chosen(self, operands: list[Expression], whole: Expression) -> Linear | None:
        """The degree of a selection; bounds with other degrees leave it open."""
        try:
            return self._together(operands, whole)
        except NoDegreeError:
            if not self.may_mix:
                raise
            return self._any()

    def _any(self) -> Linear:
        self.mixed += 1
        return {f"mixed {self.mixed}": Fraction(1)}

    def _together(self, operands: list[Expression], whole: Expression) -> Linear | None:
        """The common degree of all terms of a sum."""
        result: Linear | None = None
        for operand in operands:
            found = self._of_small(operand) if _is_small(operand, self.small) else self.of(operand)
            if found is None:
                continue
            if result is not None:
                self.system.equate(
                    result, found, lambda: f"the parts of {text(whole)} have different ones"
                )
            result = found if result is None else result
        return result

    def _of_small(self, operand: Expression) -> Linear:
        unknown = f"small {len(self.system.small)}"
        self.system.small.append(unknown)
        return {unknown: Fraction(1)}


def _is_small(expression: Expression, small: set[str]) -> bool:
    value = number(expression)
    if value is not None and 0 < value <= SMALL:
        return True
    return isinstance(expression, Name) and expression.id in small


def equations(
    variant: Variant,
    defaults: Mapping[str, float],
    units: Mapping[str, int],
    free: Collection[str] = (),
    *,
    may_mix: bool = False,
) -> tuple[System, Linear | None]:
    """The equations between degrees, and the linear form of the step's degree.

    Each name in ``free`` has an independent unit; initial values and functions then imply no
    equations.
    """
    system = System()
    small = small_numbers(variant, defaults) - set(units)
    known: dict[str, Linear | None] = {name: _plain(unit) for name, unit in units.items()}
    known |= {name: {name: Fraction(1)} for name in free}
    for state in variant.states:
        known[state.name] = {state.name: Fraction(1)}
        if state.initial == PARAM:
            system.equate(
                {state.name: Fraction(1)}, known.get(PARAM) or {}, lambda: "it is a parameter"
            )
        # A user-defined initial value, such as a safety constant, takes the required degree.
        elif not free and state.initial not in (0, *defaults) and state.name in variant.values:
            why = partial("{} begins with a number".format, state.name)
            system.equate({state.name: Fraction(1)}, {}, why)
    asking = _Asking(system, known, small, bool(free), may_mix)
    for name, part in variant.parts.items():
        known[name] = asking.of(part)
    for state in variant.states:
        if state.name in variant.values:
            new = asking.of(variant.values[state.name])
            if new is not None:
                why = partial("{} would have another after each step".format, state.name)
                system.equate({state.name: Fraction(1)}, new, why)
    return system, asking.of(variant.change)


def free_degree(variant: Variant, defaults: Mapping[str, float]) -> Fraction | None:
    """The degree in the gradient of the learning rate's factor; None if it is open.

    Any number without an upper bound may have a unit, such as a decay or a bound of a step. Raises
    NoDegreeError if no degree exists even then.
    """
    free = [
        name
        for name in (LEARNING_RATE, *defaults)
        if (found := variant.known.get(name)) is not None and found.high is None
    ]
    system, change = equations(variant, defaults, {GRAD: 1}, free, may_mix=True)
    if change is None:
        return None
    # The parameter has no unit here, and so neither has a step.
    system.equate(change, {}, lambda: "the step and the parameter")
    form = system.reduced({LEARNING_RATE: Fraction(1)})
    return None if any(form) else -form.get("", Fraction(0))


def _plain(unit: int) -> Linear:
    return {"": Fraction(unit)} if unit else {}


def degree(
    variant: Variant,
    defaults: Mapping[str, float],
    units: Mapping[str, int],
    *,
    may_mix: bool = False,
) -> Fraction | None:
    """The exponent of a unit in a step, given its exponents in some names; None if it is open.

    ``may_mix`` allows a choice between different exponents. Raises NoDegreeError if no exponent
    exists.
    """
    system, change = equations(variant, defaults, units, may_mix=may_mix)
    if change is None:
        return None
    for unknown in ["", *system.small]:
        form = system.reduced(change)
        if not any(form):
            return form.get("", Fraction(0))
        if unknown:
            system.equate({unknown: Fraction(1)}, {}, lambda: "a small number without a unit")
    form = system.reduced(change)
    return None if any(form) else form.get("", Fraction(0))


def allows(
    variant: Variant, defaults: Mapping[str, float], units: Mapping[str, int], wanted: int
) -> bool:
    """Whether a step can have the wanted exponent of a unit, given its exponents in some names.

    Each small number takes the unit that its context requires, unless it is one of the names.
    """
    try:
        system, change = equations(variant, defaults, units)
        if change is not None:
            system.equate(change, _plain(wanted), lambda: "the step")
    except NoDegreeError:
        return False
    return True
