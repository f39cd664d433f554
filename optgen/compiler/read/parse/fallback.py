"""A rule with a fallback as one rule: its own where matrices are, and the other elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from optgen.compiler.ir.change import taken_off
from optgen.compiler.ir.condition import ALWAYS, Condition
from optgen.compiler.ir.expression import Name
from optgen.compiler.ir.problem import Problems
from optgen.compiler.ir.randomness import draws_of
from optgen.compiler.ir.reserved import MATRIX
from optgen.compiler.ir.rule import CHANGE, CHANGED, LEARNING_RATE, PARAM, Rule, Step
from optgen.compiler.ir.spec import Fallback
from optgen.compiler.read.parse.fallback_arguments import arguments_of
from optgen.compiler.read.parse.fallback_names import names_for
from optgen.compiler.read.parse.guards import MOST_ATOMS
from optgen.compiler.read.parse.names import free_name
from optgen.compiler.read.parse.renaming import Renaming

MATRICES, OTHERS = Condition.of(MATRIX), Condition.of(MATRIX, False)


def with_fallback(own: Rule, other: Rule, fallback: Fallback, problems: Problems) -> Rule:
    """The rule ``own`` for matrices, and the rule ``other`` for other variables."""
    names = names_for(own, other, fallback, problems)
    renaming = Renaming(names, other.atoms)
    hyperparameters = arguments_of(own, other, fallback, names, problems)
    (block,), (other_block,) = own.blocks, other.blocks
    steps = renaming.steps(other_block.steps, _draws(block.steps))
    atoms = {MATRIX: Name(MATRIX, fallback.extends.location), **own.atoms, **renaming.atoms}
    if len(atoms) > MOST_ATOMS:
        message = f"the rule and its fallback have more than {MOST_ATOMS} different conditions"
        problems.add(message, fallback.extends.location)
    branches = [replace(b, around=MATRICES & b.around) for b in block.branches]
    branches += [replace(b, around=OTHERS & b.around) for b in renaming.branches(other_block)]
    states = [replace(state, when=MATRICES & state.when) for state in own.states]
    states += [replace(state, when=OTHERS & state.when) for state in renaming.states(other)]
    merged = replace(
        block, steps=tuple(_joined(block.steps, steps, own.module)), branches=tuple(branches)
    )
    return replace(
        own,
        hyperparameters=hyperparameters,
        states=tuple(states),
        blocks=(merged,),
        atoms=atoms,
        notation=_notation(own, renaming.lines(other.notation)),
        fallback=other.name,
        fallback_rate=names[LEARNING_RATE],
    )


def _draws(steps: Sequence[Step]) -> int:
    """The largest number of a draw."""
    numbers = (number for step in steps for number in draws_of(step.expression))
    return max(numbers, default=0)


def _joined(own: Sequence[Step], other: Sequence[Step], module: str) -> Iterator[Step]:
    """The steps of both rules; one last step takes both of their changes off, if they have any."""
    left, right = _computing_change(own), _computing_change(other)
    if left is not None and right is not None:
        yield from _where(MATRICES, left)
        yield from _where(OTHERS, right)
        yield Step(PARAM, CHANGED, ALWAYS, own[-1].location)
        return
    taken = {step.target for step in (*own, *other)}
    # One of the rules has no change, so that the other one's is just a value.
    value = Renaming({CHANGE: free_name(f"{module}_{CHANGE}", taken)}, {})
    yield from _where(MATRICES, own if left is None else value.steps(own))
    yield from _where(OTHERS, other if right is None else value.steps(other))


def _where(where: Condition, steps: Sequence[Step]) -> Iterator[Step]:
    return (replace(step, guard=where & step.guard) for step in steps)


def _computing_change(steps: Sequence[Step]) -> list[Step] | None:
    """The steps of a rule up to its change; None if it assigns the parameter in another way."""
    if not steps:
        return None
    *before, last = steps
    change = taken_off(last)
    if change is None or any(step.target == PARAM for step in before):
        return None
    if change == Name(CHANGE):
        return before
    return [*before, Step(CHANGE, change, ALWAYS, last.location)]


def _notation(own: Rule, other: str) -> str:
    """The rule for readers."""
    if not own.notation or not other:
        return ""
    parts = [f"if {MATRIX}:", *_indented(own.notation), "else:", *_indented(other)]
    return "\n".join(parts)


def _indented(lines: str) -> Iterator[str]:
    return (f"    {line}" if line.strip() else line for line in lines.split("\n"))
