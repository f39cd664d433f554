"""Passes: the steps of one program, split by extent and by reductions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from optgen.compiler.ir.condition import Condition
from optgen.compiler.ir.expression import (
    GLOBAL_REDUCTIONS,
    REDUCTIONS,
    Expression,
    Name,
    Operation,
    is_boolean,
    names,
)
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.plan import Assignment, Item, Norm, Reduction, expression_of
from optgen.compiler.ir.reserved import CHECK_FINITE, NONFINITE, TENSOR_SIZE
from optgen.compiler.ir.rule import GRAD, Rule, Step
from optgen.compiler.plan.extents import Extents
from optgen.compiler.plan.hoisted_names import fresh, words
from optgen.compiler.plan.lower import SQUARE, lower
from optgen.compiler.plan.scalars import HostScalars
from optgen.compiler.plan.slices import Slice
from optgen.compiler.plan.switches import Switches

Slicer = Callable[[Sequence[Item], dict[str, Condition], Condition], Slice]


class Passes:
    """Element items in order, sums included, and tensor scalars by the depth of their sums.

    A sum that depends on no other sum has depth 1. A sum that depends on one of depth 1 has depth
    2, and so on.
    """

    def __init__(
        self,
        rule: Rule,
        host: HostScalars,
        switches: Switches,
        owned: Sequence[tuple[Step, str]],
        slicer: Slicer,
    ) -> None:
        self._host, self._switches, self._slicer = host, switches, slicer
        # Lowered first: a sum to the power of 0 is no reduction.
        lowered = [
            (replace(step, expression=lower(switches.replace(step.expression))), block)
            for step, block in owned
        ]
        self._extents = Extents(rule, [step for step, _ in lowered])
        self._extents.sum(TENSOR_SIZE)
        self._depths: dict[str, int] = {}
        self._taken = {*host.names, TENSOR_SIZE, *(step.target for step, _ in owned)}
        self._tensor: list[Assignment] = []
        self._booleans: frozenset[str] = host.booleans
        self.items: list[Item] = []
        self.norms: list[Norm] = []
        for step, block in lowered:
            self._add(step, block)

    def check_gradient(self) -> None:
        """Add a sum, before the gradient is changed, of terms that are 0 if finite and else NaN."""
        term = Operation("-", (Name(GRAD), Name(GRAD)))
        guard = Condition.of(CHECK_FINITE)
        self.items.insert(0, Reduction(NONFINITE, term, guard, "check", Extent.TENSOR))
        self._depths[NONFINITE] = 1

    @property
    def depth(self) -> int:
        """The number of prepasses."""
        return max(self._depths.values(), default=0)

    def reductions(self, depth: int) -> list[Reduction]:
        """The reductions of one prepass."""
        return [
            item
            for item in self.items
            if isinstance(item, Reduction) and self._depths[item.target] == depth
        ]

    def scalars(self, depth: int) -> tuple[Assignment, ...]:
        """The tensor scalars that can be computed after this prepass, but not before it."""
        return tuple(item for item in self._tensor if self._depths[item.target] == depth)

    def _add(self, step: Step, block: str) -> None:
        guard = self._switches.translate(step.guard)
        is_element = self._extents.name(step.target) is Extent.ELEMENT
        expression = self._sum_up(
            step.expression, guard, block, whole="" if is_element else step.target
        )
        extent = self._extents.name(step.target) | self._extents.of(expression)
        if extent is Extent.CALL:
            self._host.assign(step.target, expression, guard, block)
            self._booleans |= self._host.booleans
            return
        expression = self._hoist(expression, extent, guard, step.target, block)
        if extent is Extent.TENSOR:
            self._tensor_scalar(step.target, expression, guard, block)
        else:
            self.items.append(self._assignment(step.target, expression, guard, block))

    def _assignment(
        self, target: str, expression: Expression, guard: Condition, block: str
    ) -> Assignment:
        boolean = is_boolean(expression, self._booleans)
        if boolean:
            self._booleans |= {target}
        return Assignment(target, expression, guard, block, boolean)

    def _tensor_scalar(
        self, target: str, expression: Expression, guard: Condition, block: str
    ) -> None:
        self._tensor.append(self._assignment(target, expression, guard, block))
        found = max((self._depths.get(name, 0) for name in names(expression)), default=0)
        self._depths[target] = max(self._depths.get(target, 1), found)

    def _sum_up(
        self, expression: Expression, guard: Condition, block: str, *, whole: str
    ) -> Expression:
        """Replace each reduction by an expression of a sum, and record the sum.

        A sum is available only directly after its own prepass. A value computed from it therefore
        gets a new name, unless the sum is the complete right-hand side assigned to the name
        ``whole``.
        """
        if not isinstance(expression, Operation):
            return expression
        operands = tuple(
            self._sum_up(operand, guard, block, whole="") for operand in expression.operands
        )
        operator = expression.operator
        if operator not in REDUCTIONS:
            return Operation(operator, operands, expression.location)
        of_all = operator in GLOBAL_REDUCTIONS
        term = self._hoist(operands[0], Extent.ELEMENT, guard, "term", block)
        is_norm = operator.endswith("norm")
        wish = f"{'global_' if of_all else ''}sum_of_{words(term)}{'_squares' if is_norm else ''}"
        target = fresh(wish, f"{block}_sum", self._taken)
        self._taken.add(target)
        self._extents.sum(target)
        squared = Operation(SQUARE, (term,)) if is_norm else term
        over = Extent.OPTIMIZER if of_all else Extent.TENSOR
        reduction = Reduction(target, squared, guard, block, over)
        self._depths[target] = 1 + self._needed_depth(reduction)
        self.items.append(reduction)
        value: Expression = Name(target, expression.location)
        if is_norm:
            value = Operation("sqrt", (value,), expression.location)
        elif operator == "mean":
            value = Operation("/", (value, Name(TENSOR_SIZE)), expression.location)
        named = value if whole else self._named(value, guard, "sum", block)
        if is_norm and term == Name(GRAD):
            name = named.id if isinstance(named, Name) else whole
            self.norms.append(Norm(name, over, guard))
        return named

    def _named(self, value: Expression, guard: Condition, stem: str, block: str) -> Name:
        """A tensor scalar under a new name."""
        wish = f"total_{value.id}" if isinstance(value, Name) else words(value)
        name = fresh(wish, f"{stem}_scale", self._taken)
        self._taken.add(name)
        self._extents.sum(name)
        self._tensor_scalar(name, value, guard, block)
        return Name(name, value.location)

    def _needed_depth(self, reduction: Reduction) -> int:
        assignments = [item for item in self.items if isinstance(item, Assignment)]
        found = self._slicer([*assignments, reduction], {}, reduction.guard)
        used = [name for item in found.items for name in names(expression_of(item))]
        return max((self._depths.get(name, 0) for name in used), default=0)

    def _hoist(
        self, expression: Expression, extent: Extent, guard: Condition, stem: str, block: str
    ) -> Expression:
        """Replace the largest subexpressions of a smaller extent by names of hoisted values."""
        own = self._extents.of(expression)
        if not isinstance(expression, Operation):
            return expression
        if own is Extent.CALL:
            name = self._host.hoist(expression, guard, f"{stem}_factor", block)
            self._taken.add(name)
            self._booleans |= self._host.booleans
            return Name(name, expression.location)
        if own is Extent.TENSOR and extent is Extent.ELEMENT:
            inner = self._hoist(expression, Extent.TENSOR, guard, stem, block)
            return self._named(inner, guard, stem, block)
        operands = (self._hoist(part, extent, guard, stem, block) for part in expression.operands)
        return Operation(expression.operator, tuple(operands), expression.location)
