"""Switch settings of an optimizer, each with sample values that select it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

from optgen.analysis.exact.reductions import by_sums, of_one_element
from optgen.analysis.exact.specialization import asked, decided, known
from optgen.compiler.ir.expression import GIVEN, Operation, names, rename, text, walk
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.extents import Extents
from optgen.compiler.ir.plan import Assignment, Item, MatrixCall, Plan, Program, Reduction, Switch
from optgen.compiler.ir.reduction import REDUCERS
from optgen.compiler.ir.rule import LEARNING_RATE, Rule, State, Step
from optgen.compiler.ir.value import evaluate

#: An upper limit on switches; no readable rule has more.
MOST_SWITCHES = 5
#: Candidate values of a hyperparameter for the conditions on it.
_TRIED = (0.9, 0.5, 1.0, 2.0, 0.1, 0.0, 10.0)


@dataclass(frozen=True)
class Setting:
    """The steps as written, and as planned."""

    label: str
    numbers: Mapping[str, float]
    steps: tuple[Step, ...]
    states: tuple[State, ...]
    host: tuple[Assignment, ...]
    #: Values of elements in float32, and numbers and vectors in float64, in order.
    body: tuple[Assignment, ...]
    #: The value that each state keeps which is a number or a vector.
    kept: Mapping[str, str]

    @cached_property
    def alone(self) -> tuple[Assignment, ...]:
        """The body for tensors of one element, which runs have."""
        return tuple(replace(one, expression=of_one_element(one.expression)) for one in self.body)

    @cached_property
    def steps_alone(self) -> tuple[Step, ...]:
        """The steps as written, for tensors of one element."""
        return tuple(replace(one, expression=of_one_element(one.expression)) for one in self.steps)


def settings(plan: Plan) -> Iterator[Setting]:
    """Each setting with satisfying numbers, with all features off."""
    own = plan.rule.own
    atoms = asked(plan.rule, own.steps)
    if len(atoms) > MOST_SWITCHES:
        return
    for chosen in product((False, True), repeat=len(atoms)):
        on = dict(zip(atoms, chosen, strict=True))
        numbers = _numbers(plan.rule, on)
        if numbers is None:
            continue
        update, extents = plan.programs[0], Extents(plan.rule.states, own.steps)
        switches = {switch.name: on.get(_atom(switch), False) for switch in plan.switches}
        atoms_on = {**dict.fromkeys(plan.rule.atoms, False), **on}
        yield Setting(
            ", ".join(atom if holds else f"not {atom}" for atom, holds in on.items()),
            numbers,
            tuple(
                replace(step, expression=by_sums(decided(step.expression, on), extents))
                for step in own.steps
                if step.guard.holds(atoms_on)
            ),
            tuple(state for state in plan.rule.states if state.when.holds(atoms_on)),
            _taken(plan.host.assignments, switches),
            _taken(_items(update, {b.name for b in plan.buffers}, switches), switches),
            {keep.state: keep.value for keep in update.keeps if keep.guard.holds(switches)},
        )


def _atom(switch: Switch) -> str:
    """The static condition that a switch is for; matrices have a switch of that name."""
    return switch.name if switch.condition is None else text(switch.condition)


def _items(update: Program, kept: set[str], on: dict[str, bool]) -> Iterator[Assignment]:
    """The items of the passes that run, in order.

    What a pass computes of a state and doesn't store, a later one computes again.
    """
    for number, phase in enumerate(update.phases):
        stage = phase.elements
        if stage is not None and stage.guard.holds(on):
            stored = {one.buffer for one in stage.stores if one.guard.holds(on)}
            new: dict[str, str] = {}
            for item in map(_as_assignment, stage.body):
                expression = rename(item.expression, new)
                if item.target in kept - stored and item.guard.holds(on):
                    new[item.target] = f"{item.target} in pass {number}"
                target = new.get(item.target, item.target)
                yield replace(item, target=target, expression=expression)
        for others in (phase.shared, phase.scalars):
            yield from map(_as_assignment, others.body if others is not None else ())
        yield from map(_as_assignment, phase.calls)


def _as_assignment(item: Item) -> Assignment:
    """An item of a plan with its reduction as an operation of the language."""
    if isinstance(item, Assignment):
        return item
    if isinstance(item, MatrixCall):
        # The error of its sums grows with the size of the matrix, as that of any sum does.
        return Assignment(
            item.target, item.expression, item.guard, item.block, extent=Extent.TENSOR
        )
    assert isinstance(item, Reduction)
    over = item.extent
    if over is Extent.MATRIX:
        over = Extent.COLUMNS if item.source is Extent.ROWS else Extent.ROWS
    name = next(
        name
        for name, one in REDUCERS.items()
        if (one.extent, one.combination) == (over, item.combination)
        and not (one.is_mean or one.is_norm)
    )
    term = Operation(name, (item.term,))
    return Assignment(item.target, term, item.guard, item.block, extent=item.extent)


def _taken(items: Iterable[Assignment], on: dict[str, bool]) -> tuple[Assignment, ...]:
    """The assignments of one setting; decided conditions are added to ``on``."""
    taken = []
    for item in items:
        if item.guard.holds(on):
            expression = decided(item.expression, on)
            holds = known(expression)
            if holds is None:
                taken.append(replace(item, expression=expression))
            else:
                on[item.target] = holds
    return tuple(taken)


def _numbers(rule: Rule, on: Mapping[str, bool]) -> dict[str, float] | None:
    """Defaults, adjusted if a condition requires another number."""
    numbers = {h.name: h.default for h in rule.hyperparameters if h.default is not None}
    numbers.setdefault(LEARNING_RATE, 0.001)
    found = {k: float(v) for k, v in numbers.items() if isinstance(v, int | float)}
    for atom, holds in on.items():
        condition = rule.atoms[atom]
        if any(isinstance(p, Operation) and p.operator == GIVEN for p in walk(condition)):
            # An optional hyperparameter has a number if and only if it is given.
            found |= {name: _TRIED[0] for name in names(condition) if holds}
            continue
        (name, *_) = names(condition)
        tried = (found.get(name, 0.0), *_TRIED)
        kept = (v for v in tried if bool(evaluate(condition, {**found, name: v})) is holds)
        allowed = next((v for v in kept if _is_allowed(rule, name, v)), None)
        if allowed is None:
            return None
        found[name] = allowed
    fits = (
        bool(evaluate(rule.atoms[atom], found)) is holds
        for atom, holds in on.items()
        if not atom.startswith(GIVEN)
    )
    return found if all(fits) else None


def _is_allowed(rule: Rule, name: str, value: float) -> bool:
    found = rule.hyperparameter(name)
    if found is None or found.range is None:
        return True
    return bool(evaluate(found.range, {name: value}))
