"""Invariants of states after they are encoded: which of them rounding keeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from optgen.analysis.exact.ranges import bound
from optgen.analysis.measure.settings import Setting
from optgen.compiler.ir.expression import COMPARISONS, Name, Operation, names, text
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.formats import FLOAT32, Blockwise, Format, state_format
from optgen.compiler.ir.rule import State
from optgen.compiler.ir.storage import Stored
from optgen.compiler.ir.value import evaluate

_SIGN = "rounding keeps signs"
_COMPARED = "these states stay float32, since an invariant compares them"


@dataclass(frozen=True)
class Encoded:
    """An invariant, and whether stored states have it if the computed ones do."""

    statement: str
    survives: bool
    reason: str

    def said(self) -> str:
        """The verdict in words."""
        return f"{self.statement} {'survives' if self.survives else 'may break'}: {self.reason}"


def encoded(setting: Setting, stored: Stored) -> Iterator[Encoded]:
    """The declared invariants of states that have a number for each element."""
    own = {state.name for state in setting.states if state.extent is Extent.ELEMENT}
    for state in setting.states:
        condition = state.invariant
        if condition is None or not isinstance(condition, Operation) or state.name not in own:
            continue
        used = {*names(condition)} & own
        formats = {
            one.name: format_of(one, stored, setting) for one in setting.states if one.name in used
        }
        yield Encoded(text(condition), *_verdict(condition, formats, setting.numbers, stored))


def compared(states: Sequence[State]) -> frozenset[str]:
    """The states that an invariant compares with another one: they are stored as computed."""
    own = {state.name for state in states}
    pairs = [own & {*names(one.invariant)} for one in states if one.invariant is not None]
    return frozenset(name for pair in pairs if len(pair) > 1 for name in pair)


def format_of(state: State, stored: Stored, setting: Setting) -> Format:
    """The format of a state; its invariant decides which codes a block has, if it has any."""
    if state.name in compared(setting.states):
        return FLOAT32
    found = None if state.invariant is None else bound(state.invariant, state.name)
    is_unsigned = found is not None and found.is_nonnegative
    return state_format(stored.states, is_unsigned=is_unsigned)


def _verdict(
    condition: Operation,
    formats: Mapping[str, Format],
    numbers: Mapping[str, float],
    stored: Stored,
) -> tuple[bool, str]:
    if len(formats) > 1:
        return True, _COMPARED
    sides = condition.operands
    plain = all(isinstance(side, Name) or {*names(side)} <= {*numbers} for side in sides)
    if condition.operator not in COMPARISONS or not plain:
        return False, "each side is rounded by itself, so it holds up to their errors"
    (state,) = (one.id for one in sides if isinstance(one, Name) and one.id in formats)
    is_left = sides[0] == Name(state)
    limit = float(evaluate(sides[is_left], numbers))
    is_low = is_left == (condition.operator in (">", ">="))
    bounded = _Bounded(limit, is_low, condition.operator in ("<", ">"))
    return bounded.verdict(formats[state], is_drawn=stored.draws(formats[state]))


@dataclass(frozen=True)
class _Bounded:
    """A bound of one state by a number: from below, or from above."""

    limit: float
    is_low: bool
    is_strict: bool

    def verdict(self, found: Format, *, is_drawn: bool) -> tuple[bool, str]:
        """Whether a format keeps the bound, and why."""
        if self.limit == 0:
            return (True, _SIGN) if not self.is_strict else _above_zero(found)
        if isinstance(found, Blockwise):
            return False, "it holds up to a step of its block"
        # Rounding is monotonic: no number beyond the limit gets nearer than the limit itself.
        nearest = found.nearest(self.limit)
        is_beyond = nearest > self.limit if self.is_low else nearest < self.limit
        if is_beyond and not is_drawn:
            return True, f"{self.limit:g} itself is rounded to {nearest:.6g}"
        if nearest != self.limit:
            return False, f"{found.name} has no {self.limit:g}, so it holds up to a unit"
        reason = f"{found.name} has {self.limit:g}, and rounding crosses no number of a format"
        return not self.is_strict, reason


def _above_zero(found: Format) -> tuple[bool, str]:
    """Whether a number of one sign never becomes 0."""
    if isinstance(found, Blockwise):
        if found.stays_positive:
            return True, "a positive number has a code above 0"
        return False, f"below {float(found.grid[1] / 2):.2g} of its block's largest it is 0"
    if found.has_denormals:
        return False, f"below {found.smallest / 2:.1g} it is 0"
    return True, f"{found.name} has the exponents of float32"
