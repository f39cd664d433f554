"""The columns of the tables that kernels read, and their named constants.

Columns of features come first and are the same for every optimizer, so code that only features need
is shared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from optgen.compiler.ir.expression import names
from optgen.compiler.ir.extent import VECTORS
from optgen.compiler.ir.plan import Plan, expression_of
from optgen.compiler.ir.rule import COUNTERS

#: Constants of the runtime that kernels import.
_TAKEN = frozenset(
    {"AHEAD", "BLOCK", "CALLS", "FINGERPRINT", "PARTS", "PROGRAMS", "RUNNING", "UPDATES"}
)


@dataclass(frozen=True)
class Columns:
    """Names in the order of their columns: scalars of a call, buffers, scalars of a tensor."""

    scalars: tuple[str, ...] = ()
    buffers: tuple[str, ...] = ()
    factors: tuple[str, ...] = ()
    #: The constant that holds the column of each name.
    constants: Mapping[str, str] = field(default_factory=dict)

    @property
    def tables(self) -> tuple[tuple[str, ...], ...]:
        """The tables, each as the names of its columns."""
        return self.scalars, self.buffers, self.factors


def columns_of(plan: Plan, shared: Columns) -> Columns:
    """The columns of a plan, with those that are ``shared`` first."""
    numbers = [h.name for h in plan.rule.hyperparameters if not h.is_switch]
    factors = [
        item.target
        for program in plan.programs
        for phase in program.phases
        for stage in (phase.shared, phase.scalars)
        for item in (stage.body if stage is not None else ())
        if item.extent not in VECTORS
    ]
    scalars = _joined(shared.scalars, [*numbers, *plan.scalars])
    buffers = _joined(shared.buffers, [buffer.name for buffer in plan.every_buffer])
    joined = _joined(shared.factors, factors)
    named = all_names(plan)
    # Names that clash with those of a target get an underscore there.
    taken = {*named, *(f"{name}_" for name in named), *shared.constants.values(), *_TAKEN}
    constants = dict(shared.constants)
    found = Columns(scalars, buffers, joined, constants)
    for every, before in zip(found.tables, shared.tables, strict=True):
        # A name may be that of a state here, and of a scalar of a feature elsewhere.
        for name in every[len(before) :]:
            constants[name] = _fresh(name.upper(), taken)
            taken.add(constants[name])
    return found


def all_names(plan: Plan) -> set[str]:
    """All names in the code of a plan, except the counters."""
    found = {buffer.name for buffer in plan.every_buffer}
    items = [*plan.host.body, *(item for program in plan.programs for item in program.items)]
    for item in items:
        found |= {item.target, *names(expression_of(item))}
    found |= {h.name for h in plan.rule.hyperparameters} | {one.name for one in plan.switches}
    return found - set(COUNTERS)


def step_names(plan: Plan) -> set[str]:
    """The names that the steps of programs assign, before they are planned."""
    return {step.target for program in plan.programs for step, _ in program.steps}


def blocks_of(columns: Columns, shared: Columns) -> Iterator[tuple[tuple[str, ...], int]]:
    """The constants of each table that aren't shared, with the column of the first."""
    for all_of_it, before in zip(columns.tables, shared.tables, strict=True):
        own = all_of_it[len(before) :]
        if own:
            yield tuple(columns.constants[name] for name in own), len(before)


def _joined(first: Iterable[str], more: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*first, *more]))


def _fresh(wish: str, taken: set[str]) -> str:
    while wish in taken:
        wish += "_"
    return wish
