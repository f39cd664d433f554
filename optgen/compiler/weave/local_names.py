"""Local names: unique among all parts of a step."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from optgen.compiler.ir.expression import rename
from optgen.compiler.ir.randomness import MOST_DRAWS, redrawn
from optgen.compiler.ir.rule import CHANGE, GIVEN_NAMES, Block, Rule, Step


def with_own_names(part: Rule, taken: set[str], place: int) -> Block:
    """The block of a part, with complete guards, and unique local names and random numbers."""
    block = part.blocks[0]
    declared = {h.name for h in part.hyperparameters} | {state.name for state in part.states}
    assigned = {step.target for step in block.every_step}
    clashing = (assigned & taken) - declared - {*GIVEN_NAMES, CHANGE}
    new: dict[str, str] = {}
    for name in sorted(clashing):
        new[name] = fresh(f"{block.name}_{name}", {*taken, *assigned, *new.values()})

    def renamed(step: Step) -> Step:
        return Step(
            new.get(step.target, step.target),
            redrawn(rename(step.expression, new), MOST_DRAWS * place),
            block.when & step.guard,
            step.location,
        )

    return replace(
        block,
        steps=tuple(map(renamed, block.steps)),
        otherwise=tuple(map(renamed, block.otherwise)),
        perturb=tuple(map(renamed, block.perturb)),
    )


def fresh(wish: str, taken: Collection[str]) -> str:
    """The wished name, or one with a number behind it."""
    name, count = wish, 1
    while name in taken:
        count += 1
        name = f"{wish}_{count}"
    return name
