"""Decaying means and sums: states of which a step keeps a share that no gradient changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from optgen.analysis.exact.bounds import Known, bounds
from optgen.analysis.exact.composition import TooLargeError, composed
from optgen.analysis.exact.constant_folding import folded
from optgen.analysis.exact.interval import EVERYTHING
from optgen.analysis.exact.polynomial import NotPolynomialError, Polynomial, powers
from optgen.analysis.exact.quotient import Quotient, Quotients
from optgen.analysis.exact.simplified import written
from optgen.analysis.exact.work import ExhaustedError, Work, bounded
from optgen.analysis.measure.error_bounds import known_intervals
from optgen.analysis.measure.settings import Setting
from optgen.analysis.measure.storage.invariants import compared
from optgen.compiler.ir.expression import Expression, Name, Number, Operation, names, text
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.rule import CALL, COUNTERS, STEP, Rule, State, Step
from optgen.compiler.ir.value import evaluate

#: The number of the step at which shares that depend on it are taken, and a limit on work.
LATE, MOST_WORK = 10**6, 100_000


class Kind(StrEnum):
    """What a state is of the values that come in."""

    MEAN = "mean"
    SUM = "sum"
    MAXIMUM = "maximum"


@dataclass(frozen=True)
class Mean:
    """A state that becomes ``share*state`` plus, or at least, a value without the state."""

    state: str
    kind: Kind
    share: float
    #: The share as an expression of hyperparameters and counters.
    kept: Expression
    #: Whether the state and what comes in are never below 0.
    is_unsigned: bool
    #: Whether it may have codes.
    is_coded: bool = True
    #: Whether its state is stored as it is computed in any case.
    is_wide: bool = False
    #: The feature whose state it is; empty for one of the rule.
    feature: str = ""

    @property
    def shown(self) -> str:
        """The share in words."""
        if not names(self.kept):
            return f"{self.share:g}"
        late = f" at step {LATE:,}" if {*names(self.kept)} & {*COUNTERS} else ""
        return f"{text(self.kept)} = {self.share:.10g}{late}"


def means(rule: Rule, setting: Setting) -> Iterator[Mean]:
    """The decaying means, sums and maxima among the states with a number for each element."""
    known = known_intervals(rule, setting)
    wide = compared(setting.states)
    for mean in _means(setting.steps, setting.states, setting.numbers, known):
        yield replace(mean, is_wide=mean.state in wide)


def means_of_features(rule: Rule) -> Iterator[Mean]:
    """Those of the features around a rule, with their defaults."""
    every = rule.hyperparameters
    numbers = {h.name: float(h.default) for h in every if isinstance(h.default, int | float)}
    for block in rule.blocks:
        if block.slot is not None:
            for mean in _means(block.steps, rule.states, numbers, {}):
                is_coded = mean.state not in rule.uncoded
                yield replace(mean, feature=block.name, is_coded=is_coded)


def _means(
    steps: Sequence[Step], states: Sequence[State], numbers: Mapping[str, float], known: Known
) -> Iterator[Mean]:
    try:
        values = composed(steps, {})
    except TooLargeError:
        return
    late = {**numbers, STEP: float(LATE), CALL: float(LATE)}
    for state in states:
        value = values.get(state.name)
        if value is None or state.extent is not Extent.ELEMENT:
            continue
        try:
            with bounded(Work(MOST_WORK)):
                found = _mean(state, value, late, known)
        except (NotPolynomialError, ExhaustedError, ArithmeticError, ValueError):
            continue
        if found is not None:
            yield found


def _mean(
    state: State, value: Expression, numbers: Mapping[str, float], known: Known
) -> Mean | None:
    kind, kept, rest = Kind.MEAN, _factor(value, state.name), folded(value, _zero(state))
    if kept is None and isinstance(value, Operation) and value.operator == "max":
        for old, new in (value.operands, value.operands[::-1]):
            factor = _factor(old, state.name)
            if factor is not None and state.name not in names(new):
                kind, kept, rest = Kind.MAXIMUM, factor, new
    if kept is None or not {*names(kept)} <= {*numbers}:
        return None
    share = float(evaluate(kept, numbers))
    if not 0 < share <= 1 or (share == 1 and kind is Kind.MAXIMUM):
        return None
    kind = Kind.SUM if share == 1 else kind
    own = known.get(state.name, EVERYTHING)
    is_unsigned = own.is_nonnegative and bounds(rest, known).is_nonnegative
    return Mean(state.name, kind, share, _shown(kept), is_unsigned)


def _shown(kept: Expression) -> Expression:
    """A share without the choice for the first steps, if it has one."""
    late = folded(kept, {STEP: Number(LATE), CALL: Number(LATE)})
    return late if isinstance(late, Name) else kept


def _zero(state: State) -> dict[str, Expression]:
    return {state.name: Number(0)}


def _factor(value: Expression, name: str) -> Expression | None:
    """The factor of a name in an expression that is linear in it."""
    source = Quotients({})
    found = source.of(value)
    parts = powers(found.top, name)
    if len(parts) != 2 or len(powers(found.bottom, name)) != 1:
        return None
    if any(_hides(one, name, source) for one in (found.top, found.bottom)):
        return None
    return folded(written(Quotient(parts[1], found.bottom), source), {})


def _hides(found: Polynomial, name: str, source: Quotients) -> bool:
    """Whether a placeholder in a polynomial stands for a value that depends on a name."""
    for placeholder in {one for monomial in found for one, _ in monomial}:
        square = source.square(placeholder)
        if square is not None:
            if powers(square, name)[1:] or _hides(square, name, source):
                return True
        elif not source.is_plain(placeholder) and name in names(source.meaning(placeholder)):
            return True
    return False
