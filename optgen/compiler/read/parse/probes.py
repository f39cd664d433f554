"""Probes: values of the last update that are kept for users, each as a state of its own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypedDict

from optgen.compiler.ir.condition import NEVER, Condition
from optgen.compiler.ir.expression import ARITHMETIC, Expression, Name, Operation, names, walk
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.extents import Extents
from optgen.compiler.ir.problem import Location, Problems
from optgen.compiler.ir.reduction import AXIS_REDUCTIONS, REDUCERS
from optgen.compiler.ir.reserved import PERTURBED, PROBING
from optgen.compiler.ir.rule import COUNTERS, Block, Hyperparameter, Input, State, Step

#: How the names of states that hold probes begin.
PROBED = "probed_"


def probing(location: Location) -> Hyperparameter:
    """The switch, which the rule of an optimizer with probes declares, behind its arguments."""
    doc = "Keep the values that the rule probes, for the method probes."
    return Hyperparameter(PROBING, False, location, doc=doc, after_name=True)


def probe(name: str, guard: Condition, location: Location) -> Step:
    """The step that keeps the value of a name."""
    return Step(f"{PROBED}{name}", Name(name, location), guard, location)


def states_of(
    block: Block,
    states: Iterable[State],
    inputs: Sequence[Input],
    problems: Problems,
    atoms: Mapping[str, Expression],
) -> tuple[State, ...]:
    """The states that hold the probes of a block, of as many numbers as each has.

    ``atoms`` are the static conditions by their texts. A state is there for all calls.
    """
    of_calls = {PERTURBED, *COUNTERS, *(one.name for one in inputs)}
    decided = {key for key, asked in atoms.items() if of_calls & {*names(asked)}}
    own, steps, when = tuple(states), block.every_step, block.when
    declared = {state.name for state in own}
    extents, found = Extents(own, steps, inputs), dict[str, State]()
    for step in steps:
        name = step.target.removeprefix(PROBED)
        if step.target in declared or step.expression != Name(name) or name == step.target:
            continue
        extent = extents.name(name)
        if extent is Extent.MATRIX:
            message = f"{name!r} has one number for each matrix of a batch, which no state has"
            problems.add(message, step.location, "reduce it to one number, or probe another value")
        guard = _without(when & step.guard, decided)
        before = found[step.target].when if step.target in found else NEVER
        found[step.target] = State(
            name=step.target,
            location=step.location,
            when=before | guard,
            doc=f"The value of {name} in the last update.",
            extent=Extent.TENSOR if extent is Extent.CALL else extent,
            is_probe=True,
            **_meaning(name, steps, found),
        )
    return tuple(found.values())


def _without(guard: Condition, decided: Collection[str]) -> Condition:
    """The condition without what each call decides."""
    found = NEVER
    for case in guard.cases:
        found |= Condition((tuple(one for one in case if one[0] not in decided),))
    return found


class _Meaning(TypedDict, total=False):
    reduction: str
    formula: Expression


def _meaning(name: str, steps: Sequence[Step], known: Collection[str]) -> _Meaning:
    """What a probed number is the result of: a reduction, or arithmetic with earlier probes."""
    assigned = [step.expression for step in steps if step.target == name]
    if len(assigned) != 1 or not isinstance(found := assigned[0], Operation):
        return {}
    if found.operator in REDUCERS.keys() - AXIS_REDUCTIONS:
        return {"reduction": found.operator}
    parts = (part.operator for part in walk(found) if isinstance(part, Operation))
    is_plain = {*parts} <= ARITHMETIC | {"neg"}
    is_of_probes = all(f"{PROBED}{one}" in known for one in names(found))
    return {"formula": found} if is_plain and is_of_probes else {}
