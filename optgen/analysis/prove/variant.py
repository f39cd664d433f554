"""Variants: a rule in one switch setting, as straight-line assignments with known bounds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product

from optgen.analysis.exact.bounds import bounds
from optgen.analysis.exact.branches import branches
from optgen.analysis.exact.composition import TooLargeError, composed
from optgen.analysis.exact.constant_folding import folded
from optgen.analysis.exact.interval import EVERYTHING, NONNEGATIVE, ONE, Interval
from optgen.analysis.exact.matrix_facts import is_call
from optgen.analysis.exact.nested_choices import decided_inside
from optgen.analysis.exact.ranges import bound, comparison
from optgen.analysis.exact.reductions import KNOWN_SHAPES, over_elements
from optgen.analysis.exact.specialization import asked, decided
from optgen.compiler.ir.expression import (
    Expression,
    Name,
    Number,
    Operation,
    names,
    rewrite,
    walk,
)
from optgen.compiler.ir.extent import OF_RANK, Extent
from optgen.compiler.ir.extents import Extents
from optgen.compiler.ir.matrix import OF_RANK_MANY
from optgen.compiler.ir.problem import Location
from optgen.compiler.ir.reserved import MATRIX, PERTURBED
from optgen.compiler.ir.rule import GRAD, LEARNING_RATE, PARAM, STEP, Hyperparameter, Rule, State
from optgen.compiler.ir.rule import Step as Assignment

#: An upper limit on settings of switches; no readable rule has more.
MOST_VARIANTS = 32


#: Why an analysis that takes whole values apart leaves a property open.
PRODUCTS = "the step repeats products of matrices, and is too large as one expression"


@dataclass(frozen=True)
class Variant:
    """A straight-line step: ``values`` are the new values of names as functions of the old ones.

    ``known`` bounds the names at the start of a step; ``relations`` are invariants that relate
    several names.
    """

    label: str
    assignments: tuple[Assignment, ...]
    values: Mapping[str, Expression]
    known: Mapping[str, Interval]
    relations: tuple[Expression, ...]
    states: tuple[State, ...]
    #: The assignment of the parameter, in this setting or another.
    location: Location
    #: Whether the parameter is a matrix in the view of the rule.
    is_matrix: bool = False
    #: Whether its gradient is taken at a second point.
    is_perturbed: bool = False
    #: Values with names of their own in ``values``, each in terms of the earlier ones.
    parts: Mapping[str, Expression] = field(default_factory=dict)
    #: The names in what evaluation uses in place of the parameter.
    evaluated: frozenset[str] = frozenset()
    #: The values of names at the second point, of those that are assigned on the way there.
    moved: Mapping[str, Expression] = field(default_factory=dict)
    #: The states that are assigned on the way to a second point, in this setting or another.
    on_the_way: frozenset[str] = frozenset()

    def behind(self, results: Iterable[str]) -> frozenset[str]:
        """The names that some results of any step depend on, with these."""
        reaching, grows = {*results}, True
        made = {**self.parts, **self.values}
        while grows:
            made_of = {n for name in reaching for n in names(made.get(name, Name(name)))}
            grows = not made_of <= reaching
            reaching |= made_of
        return frozenset(reaching)

    @property
    def change(self) -> Expression:
        """The change of the parameter in a step."""
        return without(self.values[PARAM], PARAM)

    @cached_property
    def elements(self) -> frozenset[int]:
        """The identities of the parts of assignments that have one value for each element."""
        extents = Extents(self.states, self.assignments)
        parts = (part for step in self.assignments for part in walk(step.expression))
        return frozenset(id(part) for part in parts if extents.of(part) is Extent.ELEMENT)

    @property
    def has_products(self) -> bool:
        """Whether libraries compute functions of matrices."""
        return any(is_call(part) for step in self.assignments for part in walk(step.expression))

    @property
    def has_rank(self) -> bool:
        """Whether a matrix has a side of a rank: a state, or one that a function makes."""
        parts = (part for step in self.assignments for part in walk(step.expression))
        made = any(isinstance(one, Operation) and one.operator in OF_RANK_MANY for one in parts)
        return made or any(state.extent in OF_RANK for state in self.states)

    def folded(self, values: Mapping[str, Expression]) -> Expression:
        """The change of the parameter for some values of names; that of a part may stay open."""
        found = dict(values)
        for name, part in self.parts.items():
            value = folded(part, found)
            found[name] = value if isinstance(value, Number) else Name(name)
        return folded(self.change, found)

    def fresh(self) -> dict[str, Expression]:
        """The initial values of states, and the number of the first step."""
        found: dict[str, Expression] = {
            state.name: Name(state.initial)
            if isinstance(state.initial, str)
            else Number(state.initial)
            for state in self.states
        }
        return {**found, STEP: Number(1)}


def variants(rule: Rule) -> Iterator[Variant]:
    """The rule of an optimizer in each feasible setting of its switches.

    Raises TooLargeError for too many settings, and for values that are too large.
    """
    for part, given in branches(rule):
        (block,) = part.blocks
        atoms = [atom for atom in asked(part, block.steps) if atom not in given]
        if 2 ** len(atoms) > MOST_VARIANTS:
            raise TooLargeError
        for setting in product((False, True), repeat=len(atoms)):
            on = {**given, **dict(zip(atoms, setting, strict=True))}
            known = _ranges(part, on)
            if known is not None:
                yield _variant(part, on, known)


def _variant(rule: Rule, on: dict[str, bool], known: dict[str, Interval]) -> Variant:
    every = {**dict.fromkeys(rule.atoms, False), **on}
    (block,) = rule.blocks
    taken, moves = (_taken(steps, on, every) for steps in (block.steps, block.perturb))
    states = tuple(state for state in rule.states if _exists(state, every))
    relations: tuple[Expression, ...] = ()
    for state in states:
        own = None if state.invariant is None else bound(state.invariant, state.name)
        known[state.name] = EVERYTHING if own is None else own
        if state.invariant is not None and own is None:
            relations += (state.invariant,)
    taken, moves = (over_elements(one, Extents(rule.states, block.steps)) for one in (taken, moves))
    parts: dict[str, Expression] = {}
    repeats = any(is_call(part) for step in taken for part in walk(step.expression))
    values = composed(taken, {PARAM: Name(PARAM)}, parts=parts if repeats else None)
    varying = frozenset({PARAM, GRAD, *parts, *(state.name for state in states)})
    for found in (values, parts):
        found |= {name: decided_inside(one, varying) for name, one in found.items()}
    for name, part in parts.items():
        known[name] = bounds(part, known)
    label = ", ".join(atom if holds else f"not {atom}" for atom, holds in on.items())
    moving = (
        s.location for steps in (taken, block.steps) for s in steps[::-1] if s.target == PARAM
    )
    location = next(moving, rule.location)
    views = every.get(MATRIX, False), every.get(PERTURBED, False)
    evaluated = frozenset(names(rule.evaluation) if rule.evaluation is not None else ())
    on_the_way = frozenset(step.target for step in block.perturb)
    moved = composed(moves, {PARAM: Name(PARAM)}) if every.get(PERTURBED, False) else {}
    rest = location, *views, parts, evaluated, moved, on_the_way
    return Variant(label, taken, values, known, relations, states, *rest)


def _taken(
    steps: Iterable[Assignment], on: Mapping[str, bool], every: dict[str, bool]
) -> tuple[Assignment, ...]:
    """The steps that run in a setting."""
    return tuple(
        replace(step, expression=decided(step.expression, on))
        for step in steps
        if step.guard.holds(every)
    )


def _exists(state: State, on: dict[str, bool]) -> bool:
    return state.when.holds({**dict.fromkeys(state.when.atoms, False), **on})


def last_location(variant: Variant) -> Location:
    """The last assignment of the parameter; if there is none, that of another setting."""
    return variant.location


def replaced(variant: Variant, old: Expression, new: Expression) -> Variant:
    """The variant with one subexpression replaced, for runs; its ``values`` are unchanged."""

    def change(part: Expression) -> Expression | None:
        return new if part == old and part.location == old.location else None

    steps = tuple(
        replace(step, expression=rewrite(step.expression, change)) for step in variant.assignments
    )
    return replace(variant, assignments=steps)


def without(expression: Expression, name: str) -> Expression:
    """A sum without one occurrence of a term, the given name.

    An expression that isn't such a sum becomes the difference itself.
    """
    found = _taken_out(expression, name)
    return Operation("-", (expression, Name(name))) if found is None else found


def _taken_out(expression: Expression, name: str) -> Expression | None:
    if not isinstance(expression, Operation):
        return Number(0) if expression == Name(name) else None
    operator, operands = expression.operator, expression.operands
    if operator in ("+", "-"):
        left, right = operands
        found = _taken_out(left, name)
        if found is not None:
            return Operation(operator, (found, right))
        found = _taken_out(right, name) if operator == "+" else None
        return None if found is None else Operation(operator, (left, found))
    if operator == "where":
        yes, no = (_taken_out(operand, name) for operand in operands[1:])
        if yes is not None and no is not None:
            return Operation("where", (operands[0], yes, no))
    return None


def _ranges(rule: Rule, on: Mapping[str, bool]) -> dict[str, Interval] | None:
    """The range of each hyperparameter in a setting of the switches; None if any range is empty."""
    known = {**KNOWN_SHAPES, GRAD: EVERYTHING, PARAM: EVERYTHING}
    known[STEP] = Interval(ONE, None, False, True)
    known["call"] = known[STEP]
    for hyperparameter in rule.hyperparameters:
        known[hyperparameter.name] = _range(hyperparameter)
    known.setdefault(LEARNING_RATE, NONNEGATIVE)
    for atom, holds in on.items():
        bounded = comparison(rule.atoms[atom])
        if bounded is None:
            continue
        name, inside, outside = bounded
        if name in known:
            known[name] = known[name].meet(inside if holds else outside)
            if known[name].is_empty:
                return None
    return known


def _range(hyperparameter: Hyperparameter) -> Interval:
    found = None
    if hyperparameter.range is not None:
        found = bound(hyperparameter.range, hyperparameter.name)
    return EVERYTHING if found is None else found
