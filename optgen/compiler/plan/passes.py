"""Passes: the steps of one program as items, split by extent and by reductions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from optgen.compiler.ir.condition import Condition
from optgen.compiler.ir.expression import (
    REDUCTIONS,
    Expression,
    Name,
    Operation,
    is_boolean,
    names,
    rewrite,
    text,
)
from optgen.compiler.ir.extent import ARRAYS, VECTORS, Extent
from optgen.compiler.ir.extents import Extents
from optgen.compiler.ir.plan import Assignment, Item, Keep, Norm, Reduction
from optgen.compiler.ir.randomness import SEED, counted, has_draws, seeded
from optgen.compiler.ir.reduction import REDUCERS, Combination, Reducer
from optgen.compiler.ir.reserved import (
    CHECK_FINITE,
    COUNTS,
    MATRIX,
    NONFINITE,
    RANDOM_KEYS,
    RANDOM_SEED,
    RANDOM_STEP,
    SHAPES,
)
from optgen.compiler.ir.rule import GRAD, PARAM, STEP, Rule, Step
from optgen.compiler.plan.hoisted_names import fresh, words
from optgen.compiler.plan.lower import SQUARE, lower
from optgen.compiler.plan.matrices import Matrices, calls_libraries
from optgen.compiler.plan.scalars import HostScalars
from optgen.compiler.plan.switches import Switches
from optgen.compiler.plan.versions import Versions, reassigned


class Passes:
    """The items of a program in order: of elements, and of numbers and vectors."""

    def __init__(
        self,
        rule: Rule,
        host: HostScalars,
        switches: Switches,
        owned: Sequence[tuple[Step, str]],
    ) -> None:
        self._host, self._switches = host, switches
        self._rough = {block.name for block in rule.blocks if block.observes}
        # Lowered first: a sum to the power of 0 is no reduction.
        lowered = [
            (replace(step, expression=lower(switches.replace(step.expression))), block)
            for step, block in owned
        ]
        self._taken = {*host.names, *SHAPES, *(step.target for step, _ in owned)}
        self._taken |= {one.name for one in rule.states} | {one.name for one in rule.inputs}
        versions, lowered = self._versions(rule, lowered)
        steps = [step for step, _ in lowered]
        given = rule.inputs, versions.made, Extent.TENSOR
        plain = Extents(rule.states, steps, *given)
        kept = {*versions.made, *(state.name for state in rule.states)}
        self._extents = Extents(rule.states, steps, *given, _spread(steps, plain) - kept)
        self._shared = _shared(rule, [step for step, _ in lowered], versions, self._extents)
        self._booleans: frozenset[str] = host.booleans
        self.items: list[Item] = []
        #: The names of draws' keys, by their texts.
        self._keys: dict[str, str] = {}
        self._matrices = Matrices(
            *(self._extents, self._taken, self.items, self._hoist), is_narrow=bool(rule.compute)
        )
        self.norms: list[Norm] = []
        for step, block in lowered:
            self._add(step, block)
        self.keeps = tuple(
            Keep(state, value, switches.translate(guard))
            for state, value, guard in versions.finals()
        )

    def check_gradient(self) -> None:
        """Add a sum, before the gradient is changed, of terms that are 0 if finite and else NaN."""
        term = Operation("-", (Name(GRAD), Name(GRAD)))
        guard = Condition.of(CHECK_FINITE)
        self.items.insert(0, Reduction(NONFINITE, term, guard, "check", Extent.TENSOR))

    @property
    def matrices(self) -> Mapping[str, Extent]:
        """The scratch matrices with their extents."""
        return self._matrices.extents

    def extent(self, name: str) -> Extent:
        """The extent of a name."""
        return self._extents.name(name)

    def _versions(
        self, rule: Rule, owned: list[tuple[Step, str]]
    ) -> tuple[Versions, list[tuple[Step, str]]]:
        steps = [step for step, _ in owned]
        extents = Extents(rule.states, steps, rule.inputs, calls=Extent.TENSOR)
        states = {s.name: s.when for s in rule.states if s.extent not in ARRAYS}
        stored = {PARAM, GRAD, *(s.name for s in rule.states)}
        # Of elements, only a name that also has a value of another extent needs versions, or one
        # that may be kept in a scratch matrix.
        several = reassigned(steps) - stored
        if not any(calls_libraries(step.expression) for step in steps):
            several &= {s.target for s in steps if extents.of(s.expression) is not Extent.ELEMENT}

        def new(wish: str) -> str:
            name = fresh(wish, wish, self._taken)
            self._taken.add(name)
            return name

        versions = Versions(states, several, new)
        return versions, list(versions.renamed(owned))

    def _add(self, step: Step, block: str) -> None:
        guard, target = self._switches.translate(step.guard), step.target
        if has_draws(step.expression):
            step = replace(step, expression=self._seeded(step.expression, guard, block))
        is_shared = target in self._shared
        is_element = self._extents.name(target) in ARRAYS
        step = replace(
            step, expression=rewrite(step.expression, partial(self._matrices.at_hand, guard))
        )
        expression = self._reduce(
            step.expression, guard, block, whole="" if is_element else target, is_shared=is_shared
        )
        expression = self._matrices.sum_at_once(target, expression, guard, block)
        extent = self._extents.name(target) | self._extents.of(expression)
        if extent is Extent.CALL:
            self._host.assign(target, expression, guard, block)
            self._booleans |= self._host.booleans
            return
        if extent is Extent.OPTIMIZER and not is_shared:
            extent = Extent.TENSOR
        self._extents.set(target, extent)
        expression = self._hoist(expression, extent, guard, target, block)
        self._assign(target, expression, guard, block, extent)
        self._matrices.forget(target)
        if isinstance(expression, Name):
            self._matrices.note(target, expression.id, guard)

    def _seeded(self, expression: Expression, guard: Condition, block: str) -> Expression:
        """The expression with draws that depend on the seed and the step."""
        for name, source in ((RANDOM_SEED, SEED), (RANDOM_STEP, STEP)):
            self._host.assign(name, Name(source), guard, block)
        key = partial(self._key, guard, block)
        return seeded(expression, Name(RANDOM_SEED), Name(RANDOM_STEP), key)

    def _key(self, guard: Condition, block: str, key: Expression) -> Name:
        """The name of a draw's key."""
        name = self._keys.setdefault(text(key), RANDOM_KEYS[len(self._keys)])
        self._host.assign(name, counted(key), guard, block)
        return Name(name)

    def _assign(
        self, target: str, expression: Expression, guard: Condition, block: str, extent: Extent
    ) -> None:
        boolean = is_boolean(expression, self._booleans)
        if boolean:
            self._booleans |= {target}
        self.items.append(Assignment(target, expression, guard, block, boolean, extent))

    def _reduce(
        self, expression: Expression, guard: Condition, block: str, *, whole: str, is_shared: bool
    ) -> Expression:
        """Replace each reduction by an expression of its sum, and record the sum.

        A value computed from a sum gets a new name, unless the sum is the complete right-hand side
        assigned to the name ``whole``.
        """
        if not isinstance(expression, Operation):
            return expression
        operands = tuple(
            self._reduce(operand, guard, block, whole="", is_shared=is_shared)
            for operand in expression.operands
        )
        changed = Operation(expression.operator, operands, expression.location)
        if self._extents.is_library_call(changed):
            return self._matrices.call(changed, guard, block)
        if expression.operator not in REDUCTIONS:
            return changed
        reducer, (source, over) = REDUCERS[changed.operator], self._extents.reduction(changed)
        term = self._hoist(operands[0], source, guard, "term", block)
        extent = Extent.TENSOR if over is Extent.OPTIMIZER and not is_shared else over
        target = self._reduction(reducer, term, guard, block, over, source, extent)
        value: Expression = Name(target, expression.location)
        if reducer.is_norm:
            value = Operation("sqrt", (value,), expression.location)
        elif reducer.is_mean:
            value = Operation("/", (value, Name(COUNTS[source, over])), expression.location)
        named = value if whole else self._named(value, guard, "sum", block, extent)
        if reducer.is_norm and term == Name(GRAD) and over in (Extent.TENSOR, Extent.OPTIMIZER):
            name = named.id if isinstance(named, Name) else whole
            self.norms.append(Norm(name, over, guard))
        return named

    def _reduction(
        self,
        reducer: Reducer,
        term: Expression,
        guard: Condition,
        block: str,
        over: Extent,
        source: Extent,
        extent: Extent,
    ) -> str:
        """Record a reduction, and return the name of its result."""
        kind = reducer.name.split("_")[0] + "_" if "_" in reducer.name else ""
        how = "sum" if reducer.combination is Combination.SUM else reducer.combination.value
        squares = "_squares" if reducer.is_norm else ""
        target = fresh(f"{kind}{how}_of_{words(term)}{squares}", f"{block}_sum", self._taken)
        self._taken.add(target)
        self._extents.set(target, extent)
        term = Operation(SQUARE, (term,)) if reducer.is_norm else term
        found = Reduction(target, term, guard, block, over, source, reducer.combination)
        self.items.append(replace(found, is_rough=block in self._rough))
        return target

    def _named(
        self, value: Expression, guard: Condition, stem: str, block: str, extent: Extent
    ) -> Name:
        """A number or vector under a new name."""
        wish = words(value)
        if isinstance(value, Name):
            wish = f"{value.id}_factor" if value.id in SHAPES else f"total_{value.id}"
        name = fresh(wish, f"{stem}_scale", self._taken)
        self._taken.add(name)
        self._extents.set(name, extent)
        self._assign(name, value, guard, block, extent)
        return Name(name, value.location)

    def _hoist(
        self, expression: Expression, extent: Extent, guard: Condition, stem: str, block: str
    ) -> Expression:
        """Replace the largest subexpressions of a smaller extent by names of hoisted values."""
        own = self._extents.of(expression)
        if isinstance(expression, Name) and expression.id in SHAPES and extent in ARRAYS:
            # Passes over elements and squares read no shapes.
            return self._named(expression, guard, stem, block, Extent.TENSOR)
        if not isinstance(expression, Operation):
            return expression
        if own is Extent.CALL:
            name = self._host.hoist(expression, guard, f"{stem}_factor", block)
            self._taken.add(name)
            self._booleans |= self._host.booleans
            return Name(name, expression.location)
        own = own if extent is Extent.OPTIMIZER else own | Extent.TENSOR
        if own < extent:
            inner = self._hoist(expression, own, guard, stem, block)
            return self._named(inner, guard, stem, block, own)
        operands = (self._hoist(part, extent, guard, stem, block) for part in expression.operands)
        return Operation(expression.operator, tuple(operands), expression.location)


def _spread(steps: Sequence[Step], extents: Extents) -> set[str]:
    """Names that are vectors in matrices and have another value in other variables.

    No vector holds both, so each element has a value of its own.
    """
    matrix = Condition.of(MATRIX)
    vectors = (step for step in steps if extents.name(step.target) in VECTORS)
    return {step.target for step in vectors if not step.guard.implies(matrix)}


def _shared(
    rule: Rule, steps: Sequence[Step], versions: Versions, extents: Extents
) -> frozenset[str]:
    """The names that numbers of the optimizer are computed from, themselves included."""
    kept = {state.name for state in rule.states if state.extent is Extent.OPTIMIZER}
    found = {value for state, value, _ in versions.finals() if state in kept}
    for step in reversed(steps):
        if step.target in found:
            used = set(_outside(step.expression))
            found |= {name for name in used if extents.name(name) is Extent.OPTIMIZER}
    return frozenset(found - kept)


def _outside(expression: Expression) -> Iterator[str]:
    """The names outside of reductions."""
    if isinstance(expression, Name):
        yield from names(expression)
    elif isinstance(expression, Operation) and expression.operator not in REDUCTIONS:
        for operand in expression.operands:
            yield from _outside(operand)
