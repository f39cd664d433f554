"""Dot products over all variables, written out as sums that one pass makes.

``global_dot(x, q)`` is ``global_sum(x*q)``. Where ``q = g - a*y``, and ``a`` is a number of all
variables, it is ``global_sum(x*g) - a*global_sum(x*y)``: no sum needs a number, so that all share a
pass, however often a rule subtracts one vector from another. A vector that is made of others
without such a number stays whole, as the parts of its sum could cancel.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from optgen.compiler.ir.condition import ALWAYS, Condition
from optgen.compiler.ir.expression import (
    Expression,
    Name,
    Number,
    Operation,
    names,
    rename,
    rewrite,
    walk,
)
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.extents import Extents
from optgen.compiler.ir.language import GLOBAL_DOT
from optgen.compiler.ir.rule import Block, Input, State, Step
from optgen.compiler.read.parse.names import free_name
from optgen.compiler.read.parse.vector_sums import (
    Sum,
    added,
    is_whole,
    multiple,
    negated,
    scaled,
)


class DotProducts:
    """Writes out the dot products of a spec."""

    def __init__(
        self, states: Sequence[State], inputs: Sequence[Input], taken: Iterable[str]
    ) -> None:
        self._states, self._inputs, self._taken = states, inputs, {*taken}

    def written_out(self, block: Block) -> Block:
        """The block without dot products."""
        return replace(
            block,
            steps=self._written_out(block.steps),
            otherwise=self._written_out(block.otherwise),
            perturb=self._written_out(block.perturb),
        )

    def _written_out(self, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        """The steps without dot products, each behind the sums that it needs."""
        if not any(map(_is_dot, (part for step in steps for part in walk(step.expression)))):
            return steps
        plain = [replace(step, expression=rewrite(step.expression, _plain)) for step in steps]
        extents = Extents(self._states, plain, self._inputs)
        self._taken |= {step.target for step in steps}
        own = {step.target for step in steps}
        return tuple(_used([*_Text(extents, self._taken).all(steps)], own))


class _Text:
    """One pass over steps in their order."""

    def __init__(self, extents: Extents, taken: set[str]) -> None:
        self._extents, self._taken = extents, taken
        #: What vectors are the sum of, under the conditions of their steps.
        self._sums: dict[str, tuple[Sum, Condition]] = {}
        #: The names of products' sums, by the two vectors and the conditions.
        self._known: dict[tuple[frozenset[Expression], Condition], str] = {}
        self._before: list[Step] = []

    def all(self, steps: Sequence[Step]) -> Iterator[Step]:
        for step in steps:
            expression = self._rewritten(step.expression, step)
            yield from self._before
            self._before = []
            found = self._sum(expression, step.guard)
            if not is_whole(found) and any(step.target in names(part) for part in found):
                # What is added to keeps its value under another name.
                old = free_name(f"old_{step.target}", self._taken)
                self._extents.set(old, self._extents.name(step.target))
                yield replace(step, target=old, expression=Name(step.target))
                found = {rename(part, {step.target: old}): n for part, n in found.items()}
            found = {part: self._named(part, n, step) for part, n in found.items()}
            yield from self._before
            self._before = []
            yield replace(step, expression=expression)
            self._note(step.target, found, step.guard)

    def _named(self, part: Expression, number: Expression | None, step: Step) -> Expression | None:
        """A number under a name, unless it is short: it may be multiplied again and again."""
        if not isinstance(number, Operation) or number.operator == "neg":
            return number
        word = part.id if isinstance(part, Name) else "value"
        name = free_name(f"{step.target}_of_{word}"[:56], self._taken)
        self._extents.set(name, self._extents.of(number))
        self._before.append(replace(step, target=name, expression=number))
        return Name(name)

    def _note(self, target: str, found: Sum, guard: Condition) -> None:
        """Record what a vector is now, and forget what depends on what it was."""
        for name, (parts, _) in [*self._sums.items()]:
            if any(target in names(part) for part in parts):
                del self._sums[name]
        for key in [key for key in self._known if any(target in names(one) for one in key[0])]:
            del self._known[key]
        self._sums.pop(target, None)
        is_another = isinstance(next(iter(found)), Name) and {*found} != {Name(target)}
        if is_another or not is_whole(found):
            self._sums[target] = found, guard

    def _rewritten(self, expression: Expression, step: Step) -> Expression:
        if not isinstance(expression, Operation):
            return expression
        operands = tuple(self._rewritten(part, step) for part in expression.operands)
        found = replace(expression, operands=operands)
        return self._dot(found, step) if _is_dot(found) else found

    def _dot(self, dot: Operation, step: Step) -> Expression:
        """A dot product as multiples of sums."""
        left, right = (self._sum(part, step.guard) for part in dot.operands)
        total: Expression | None = None
        for one, times in left.items():
            for other, factor in right.items():
                value = scaled(scaled(Name(self._summed(one, other, step)), times), factor)
                total = value if total is None else Operation("+", (total, value))
        assert total is not None
        return replace(total, location=dot.location)

    def _summed(self, one: Expression, other: Expression, step: Step) -> str:
        """The name of the sum of two vectors' products."""
        key = frozenset({one, other}), step.guard
        if key not in self._known:
            words = [part.id if isinstance(part, Name) else "value" for part in (one, other)]
            name = self._known[key] = free_name("_dot_".join(words)[:56], self._taken)
            operands = (one, other) if one != other else (one, Number(2))
            product = Operation("*" if one != other else "**", operands)
            summed = Operation("global_sum", (product,), step.location)
            self._before.append(replace(step, target=name, expression=summed))
            self._extents.set(name, Extent.OPTIMIZER)
        return self._known[key]

    def _sum(self, expression: Expression, guard: Condition) -> Sum:
        """A vector as a sum; of itself alone, where no part is multiplied by a number."""
        if isinstance(expression, Name):
            found, when = self._sums.get(expression.id, (None, ALWAYS))
            return found if found is not None and when in (ALWAYS, guard) else {expression: None}
        if isinstance(expression, Number) or self._is_number(expression):
            return {expression: None}
        parts = [self._sum(operand, guard) for operand in expression.operands]
        match expression.operator, expression.operands:
            case ("+", _) if not all(map(is_whole, parts)):
                return added(*parts)
            case ("-", _) if not all(map(is_whole, parts)):
                return added(parts[0], negated(parts[1]))
            case ("neg", _) if not is_whole(parts[0]):
                return negated(parts[0])
            case ("*", (number, _)) if self._is_taken_out(number, parts[1]):
                return multiple(parts[1], number)
            case ("*", (_, number)) if self._is_taken_out(number, parts[0]):
                return multiple(parts[0], number)
            case ("/", (_, number)) if self._is_taken_out(number, parts[0]):
                return multiple(parts[0], Operation("/", (Number(1), number)))
        return {expression: None}

    def _is_number(self, expression: Expression) -> bool:
        return self._extents.of(expression) <= Extent.OPTIMIZER

    def _is_taken_out(self, number: Expression, vector: Sum) -> bool:
        """Whether a number multiplies the parts of a vector: one of a call only where it must."""
        extent = self._extents.of(number)
        return extent is Extent.OPTIMIZER or (extent is Extent.CALL and not is_whole(vector))


def _used(steps: Sequence[Step], own: set[str]) -> Iterator[Step]:
    """The steps without new names that nothing needs."""
    found: list[Step] = []
    needed = set(own)
    for step in reversed(steps):
        if step.target in needed:
            needed |= {*names(step.expression)}
            found.append(step)
    yield from reversed(found)


def _is_dot(part: Expression) -> bool:
    return isinstance(part, Operation) and part.operator == GLOBAL_DOT


def _plain(part: Expression) -> Expression | None:
    """A dot product as the sum that it means."""
    if not isinstance(part, Operation) or not _is_dot(part):
        return None
    left, right = (rewrite(operand, _plain) for operand in part.operands)
    return Operation("global_sum", (Operation("*", (left, right)),), part.location)
