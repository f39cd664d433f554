"""Versions: renamed steps compute what the steps with their own names do, in any setting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from optgen.compiler.ir.condition import ALWAYS, Condition
from optgen.compiler.ir.expression import Expression, Name, Number, Operation
from optgen.compiler.ir.problem import Location
from optgen.compiler.ir.rule import Step
from optgen.compiler.plan.versions import Owned, Versions, reassigned

SWITCHES = ("first", "second")
#: States, each with the condition that it exists, and names that are no states.
STATES = {"always": ALWAYS, "sometimes": Condition.of("first")}
LOCALS = ("a", "b")
GUARDS = (
    ALWAYS,
    *(Condition.of(switch, holds) for switch in SWITCHES for holds in (True, False)),
    Condition.of("first") & Condition.of("second"),
    Condition.of("first") | Condition.of("second"),
)
#: What a name stands for: where it came from, as far back as there were steps.
Value = tuple[object, ...]


@st.composite
def programs(draw: st.DrawFn) -> list[Owned]:
    """Steps that read only what has a value."""
    steps = [Step(name, Name("always"), ALWAYS, Location("", 0)) for name in LOCALS]
    for number in range(draw(st.integers(1, 8))):
        read = draw(st.lists(st.sampled_from([*STATES, *LOCALS]), min_size=1, max_size=2))
        target = draw(st.sampled_from([*STATES, *LOCALS]))
        guard = draw(st.sampled_from(GUARDS))
        for name in (target, *read):
            guard &= STATES.get(name, ALWAYS)
        parts: list[Expression] = [Number(number), *map(Name, read)]
        steps.append(Step(target, Operation("max", tuple(parts)), guard, Location("", 0)))
    return [(step, "rule") for step in steps if step.guard.cases]


def settings() -> Iterator[dict[str, bool]]:
    for values in product([False, True], repeat=len(SWITCHES)):
        yield dict(zip(SWITCHES, values, strict=True))


def evaluated(expression: Expression, values: Mapping[str, Value]) -> Value:
    match expression:
        case Name(name):
            return values[name]
        case Operation(operator, operands):
            return (operator, *(evaluated(part, values) for part in operands))
    return (expression.value,)


def run(steps: list[Owned], on: dict[str, bool]) -> dict[str, Value]:
    """The values of all names after some steps."""
    values: dict[str, Value] = {name: ("old", name) for name in STATES}
    for step, _ in steps:
        if step.guard.holds(on):
            values[step.target] = evaluated(step.expression, values)
    return values


def renamed(steps: list[Owned]) -> tuple[Versions, list[Owned]]:
    taken: set[str] = {*STATES, *LOCALS}

    def fresh(wish: str) -> str:
        name = next(n for n in (wish, *(f"{wish}_{k}" for k in range(99))) if n not in taken)
        taken.add(name)
        return name

    several = reassigned([step for step, _ in steps])
    versions = Versions(STATES, several - {*STATES}, fresh)
    return versions, list(versions.renamed(steps))


@given(programs())
def test_versions_have_the_values_of_their_names(steps: list[Owned]) -> None:
    versions, new = renamed(steps)
    finals = list(versions.finals())
    for on in settings():
        before, after = run(steps, on), run(new, on)
        for state, name, guard in finals:
            if guard.holds(on):
                assert after[name] == before[state]
        kept = {state for state, _, guard in finals if guard.holds(on)}
        changed = {step.target for step, _ in steps if step.guard.holds(on)} & {*STATES}
        assert kept == changed


@given(programs())
def test_each_version_is_assigned_once_before_it_is_read(steps: list[Owned]) -> None:
    versions, new = renamed(steps)
    for on in settings():
        assigned = [step.target for step, _ in new if step.guard.holds(on)]
        assert len(assigned) == len({*assigned})
        # A state is what it was before the step.
        assert not {*assigned} & {*STATES}
    assert {versions.made[name] for name in versions.made} == {
        step.target for step, _ in steps if step.target in STATES
    }


@given(programs())
def test_reassigned_names_are_those_with_several_values_at_once(steps: list[Owned]) -> None:
    expected = set()
    for on in settings():
        assigned = [step.target for step, _ in steps if step.guard.holds(on)]
        expected |= {name for name in assigned if assigned.count(name) > 1}
    assert reassigned([step for step, _ in steps]) == expected
