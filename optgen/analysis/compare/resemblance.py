"""The finding about known rules: equal to one, one slip away, or unrelated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from optgen.analysis.compare.canonical_form import Node, spelled
from optgen.analysis.compare.difference import Edit
from optgen.analysis.compare.drawn import POINTS
from optgen.analysis.compare.nearest import Nearest, nearest
from optgen.analysis.compare.outline import Outline, new, outlines
from optgen.compiler.ir.expression import (
    NOWHERE,
    REDUCTIONS,
    Expression,
    Name,
    Operation,
    rename,
    text,
    walk,
)
from optgen.compiler.ir.problem import Location
from optgen.compiler.ir.proof import Finding, Group, Verdict
from optgen.compiler.ir.rule import PARAM, Rule

#: A rule is a variation of a known one up to an edit cost of the first number or, for large rules,
#: of the second number times the rule's size, at most the third number.
CLOSE, SHARE, MOST = 3.0, 0.1, 8.0
_SHOWN = 3
_LONG = 90


def resemblances(rule: Rule, library: Sequence[Outline]) -> Iterator[Finding]:
    """A finding for each setting of the switches: the nearest known rule."""
    own = list(outlines(rule))
    found = [(one, nearest(one, library)) for one in own]
    for outline, near in found:
        variant = outline.setting if len(own) > 1 else ""
        location = _location(rule, PARAM)
        if near is None:
            statement, reason = "the rule resembles a known one", "no known rule is like it"
            yield Finding(Group.KNOWN, statement, Verdict.UNDECIDED, location, variant, reason)
        else:
            yield _finding(rule, outline, near, variant)


def _finding(rule: Rule, outline: Outline, near: Nearest, variant: str) -> Finding:
    name = near.known.name
    if not near.cost:
        is_same = near.is_written_alike and not near.is_of_tensors
        verdict = Verdict.PROVED if is_same else Verdict.UNDECIDED
        where = _location(rule, PARAM), variant, _of_equal(near)
        return Finding(Group.KNOWN, f"the rule is {name}'s", verdict, *where)
    reason = "; ".join(_said(edit, near) for edit in near.edits.every[:_SHOWN])
    reason = reason or f"a state begins with another value in {name}"
    statement = f"the rule is a step away from {name}"
    # Nobody takes the mean of rows by mistake: what reduces a value is no slip.
    slips = [edit for edit in near.edits.every if not _is_reduction(edit)]
    meant = sum(edit.cost for edit in near.edits.every) - sum(edit.cost for edit in slips)
    most = max(CLOSE, min(MOST, SHARE * outline.size))
    is_close = near.cost > meant and near.cost - meant <= most
    if not is_close:
        count = len(near.edits.every)
        statement = (
            f"the nearest known rule is {name}, which differs in {count} place{'s' * (count != 1)}"
        )
    verdict = Verdict.REFUTED if is_close else Verdict.UNDECIDED
    location = next(filter(None, map(_place, near.edits.every)), _location(rule, PARAM))
    return Finding(Group.KNOWN, statement, verdict, location, variant, reason)


def _of_equal(near: Nearest) -> str:
    """How a rule equals a known one."""
    if near.is_of_tensors:
        return "the same but for names, and for what is reduced over"
    if near.is_written_alike:
        return "the same but for names and the order of operands"
    return f"written otherwise, and worth the same at {POINTS} points"


def _is_reduction(edit: Edit) -> bool:
    """Whether one side of a difference is a reduction, and the other one isn't."""
    sides = (edit.here, edit.there)
    reduces = [node is not None and node.operator in REDUCTIONS for node in sides]
    return reduces[0] is not reduces[1]


def _said(edit: Edit, near: Nearest) -> str:
    here, there = _shown(edit.around[0], {}), _shown(edit.around[1], near.names)
    if here == there:
        here, there = _shown(edit.here, {}), _shown(edit.there, near.names)
    return f"here is {here} where {near.known.name} has {there}"


def _shown(node: Node | None, names: Mapping[str, str]) -> str:
    """The source text of a node, in the names of the checked rule."""
    if node is None:
        return "nothing"
    origin = spelled(node)
    plain = {name.id: name.id for name in walk(origin) if isinstance(name, Name)}
    shown = {**plain, **names}
    shown |= {new(old): now for old, now in shown.items()}
    said = text(rename(origin, {k: v.removeprefix(new("")) for k, v in shown.items()}))
    said = said.replace(new(""), "")
    return f"`{said}`" if len(said) <= _LONG else f"`{said[:_LONG]}…`"


def _place(edit: Edit) -> Location | None:
    for node in (edit.here, edit.around[0]):
        parts = () if node is None else node.walk()
        found = next(filter(None, (_written(part.origin) for part in parts)), None)
        if found is not None:
            return found
    return None


def _written(origin: Expression) -> Location | None:
    if origin.location != NOWHERE and origin.location.line:
        return origin.location
    if isinstance(origin, Operation):
        return next(filter(None, map(_written, origin.operands)), None)
    return None


def _location(rule: Rule, target: str) -> Location:
    steps = [step for block in rule.blocks for step in block.steps]
    return next((s.location for s in reversed(steps) if s.target == target), rule.location)
