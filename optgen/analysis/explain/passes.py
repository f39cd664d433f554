"""The passes of a step: what each reads and writes, and which reductions make it wait."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from optgen.compiler.ir.cost import Pass
from optgen.compiler.ir.expression import Expression, Number, Operation, names, rewrite, text
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.plan import Access, ElementPass, Item, Phase, Program, Reduction
from optgen.compiler.ir.plan import expression_of as value_of
from optgen.compiler.ir.reduction import REDUCERS
from optgen.compiler.ir.reserved import NONFINITE

#: The reductions that a name depends on.
Sources = dict[str, tuple[str, ...]]
_CHECK = "the check of gradients"


def passes_of(update: Program, on: dict[str, bool]) -> Iterator[Pass]:
    """The passes of a program in a setting of its switches."""
    sources: Sources = {}
    for phase in update.phases:
        stage = phase.elements
        if stage is not None and stage.guard.holds(on):
            yield _pass(stage, sources, on)
        _follow(phase, sources, on)


def _pass(stage: ElementPass, sources: Sources, on: dict[str, bool]) -> Pass:
    items = [item for item in stage.body if item.guard.holds(on)]
    needs = dict.fromkeys(one for item in items for one in _needed(item, sources))
    made = dict.fromkeys(reduction(i) for i in items if isinstance(i, Reduction))
    accesses = _made(stage.loads, on), _made(stage.stores, on)
    return Pass(*accesses, tuple(made), tuple(needs), stage.over)


def _made(accesses: Iterable[Access], on: dict[str, bool]) -> tuple[str, ...]:
    return tuple(access.buffer for access in accesses if access.guard.holds(on))


def _follow(phase: Phase, sources: Sources, on: dict[str, bool]) -> None:
    """Record what the reductions of a phase, and the values computed from them, depend on."""
    for stage in (phase.elements, phase.shared, phase.scalars):
        for item in stage.body if stage is not None else ():
            if not item.guard.holds(on):
                continue
            if stage is not phase.elements:
                sources[item.target] = tuple(dict.fromkeys(_needed(item, sources)))
            elif isinstance(item, Reduction):
                sources[item.target] = (reduction(item),)


def _needed(item: Item, sources: Sources) -> Iterator[str]:
    for name in names(value_of(item)):
        yield from sources.get(name, ())


def reduction(item: Reduction) -> str:
    """A reduction in the notation of specs."""
    if item.target == NONFINITE:
        return _CHECK
    over = item.extent
    if over is Extent.MATRIX:
        over = Extent.COLUMNS if item.source is Extent.ROWS else Extent.ROWS
    name = next(
        name
        for name, one in REDUCERS.items()
        if (one.extent, one.combination) == (over, item.combination)
    )
    return text(Operation(name, (_with_powers(item.term),)))


def _with_powers(expression: Expression) -> Expression:
    def change(part: Expression) -> Expression | None:
        if isinstance(part, Operation) and part.operator == "square":
            return Operation("**", (_with_powers(part.operands[0]), Number(2)))
        return None

    return rewrite(expression, change)
