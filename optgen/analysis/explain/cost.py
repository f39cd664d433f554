"""The cost of a step, counted in the plan, for an optimizer alone and with each feature."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from optgen.analysis.explain.matrix_cost import calls_of, scratch_of
from optgen.analysis.explain.passes import passes_of
from optgen.compiler.ir.condition import Condition
from optgen.compiler.ir.cost import Cost
from optgen.compiler.ir.expression import (
    ARITHMETIC,
    Operation,
    text,
    walk,
)
from optgen.compiler.ir.expression import names as names_in
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.functions import REGISTRY
from optgen.compiler.ir.plan import Item, Plan, Program, Reduction, expression_of
from optgen.compiler.ir.problem import UsageError
from optgen.compiler.ir.reserved import CHECK_FINITE, CONSTRAINED, MATRIX
from optgen.compiler.ir.rule import Step

_FUNCTIONS = {function.name for function in REGISTRY.values() if not function.is_free}
_COUNTED = ARITHMETIC | _FUNCTIONS | {"neg", "square"}
#: Buffers that aren't states.
_GIVEN = ("param", "grad")

#: The beginning of the label of a setting of the optimizer's own update.
_WHERE = "where "

On = Mapping[str, bool]


def costs(plan: Plan, together: Sequence[str] = ()) -> Iterator[Cost]:
    """The cost of the optimizer with its switches off, with each switch, and with each feature.

    ``together`` names features, switches or hyperparameters that are enabled jointly in an
    additional row. Raises UsageError for an unknown one.
    """
    plain = {switch.name: False for switch in plan.switches}
    update = plan.programs[0]
    yield _cost("plain", plan, update, plain, is_own=True)
    for label, names in _settings(plan):
        on = {**plain, **dict.fromkeys(names, True)}
        yield _cost(label, plan, update, on, is_own=label.startswith(_WHERE))
    if any(switch.name == CHECK_FINITE for switch in plan.switches):
        yield _cost("with finite gradients checked", plan, update, {**plain, CHECK_FINITE: True})
    if together:
        names = [name for wish in together for name in _wished(plan, wish)]
        label = f"with {', '.join(together)}"
        yield _cost(label, plan, update, {**plain, **dict.fromkeys(names, True)})


def whole_cost(plan: Plan) -> Cost:
    """The cost of the rule without its own options, with every feature that others allow."""
    chosen: dict[str, str] = {}
    for block in plan.rule.blocks:
        if block.slot is not None:
            chosen.setdefault(block.exclusive or block.name, block.name)
    wanted = {f"with {name}" for name in chosen.values()}
    on = {name for label, names in _settings(plan) if label in wanted for name in names}
    switches = {switch.name: switch.name in on for switch in plan.switches}
    return _cost("with every feature", plan, plan.programs[0], switches)


def cost_in(plan: Plan, on: On, program: Program | None = None) -> Cost:
    """The cost of one setting of the switches; those that aren't named are off.

    It is that of an update, or of another ``program`` of the plan.
    """
    known = {switch.name: on.get(switch.name, False) for switch in plan.switches}
    return _cost("", plan, program or plan.programs[0], known)


def moved_bytes(plan: Plan, on: On) -> int:
    """The bytes that an update reads and writes per float32 parameter."""
    return cost_in(plan, on).moved_bytes


def _wished(plan: Plan, wish: str) -> list[str]:
    """The switches that enable a feature, a switch, or every use of a hyperparameter."""
    found = next((names for label, names in _settings(plan) if label == f"with {wish}"), [])
    if found:
        return found
    conditions = [(s.name, s.condition) for s in plan.switches if s.condition is not None]
    found = [name for name, one in conditions if text(one) == wish or wish in names_in(one)]
    if not found:
        known = [label.partition(" ")[2] for label, _ in _settings(plan)]
        raise UsageError(f"nothing is switched on by {wish!r}; there are {', '.join(known)}")
    return found


def _settings(plan: Plan) -> Iterator[tuple[str, list[str]]]:
    """The switches that enable each option of the optimizer's own update, and each feature."""
    by_atom = {
        text(switch.condition): switch.name
        for switch in plan.switches
        if switch.condition is not None
    }
    by_atom |= {switch.name: switch.name for switch in plan.switches if switch.name == MATRIX}
    for block in plan.rule.blocks:
        if block.slot is not None:
            yield f"with {block.name}", [by_atom[a] for a in block.when.atoms if a in by_atom]
            continue
        asked = [atom for step in block.steps for atom in step.guard.atoms]
        for atom in dict.fromkeys(asked):
            if atom in by_atom:
                around = [MATRIX] if _is_of_matrices(atom, block.steps) else []
                label = ", ".join([*around, atom])
                yield f"{_WHERE}{label}", [by_atom[one] for one in (*around, atom)]


def _is_of_matrices(atom: str, steps: Sequence[Step]) -> bool:
    """Whether a condition only decides about variables that are matrices."""
    guards = [step.guard for step in steps if atom in step.guard.atoms]
    return atom != MATRIX and all(guard.implies(Condition.of(MATRIX)) for guard in guards)


def _cost(setting: str, plan: Plan, update: Program, on: On, *, is_own: bool = False) -> Cost:
    whole = {**_all_off(plan), **on}
    states = [
        buffer for buffer in plan.buffers if buffer.name not in _GIVEN and buffer.guard.holds(whole)
    ]
    every = (one.elements for one in update.phases if one.elements is not None)
    passes = [one for one in every if one.over is Extent.ELEMENT and one.guard.holds(whole)]
    calls = calls_of(plan, update, whole)
    return Cost(
        setting,
        tuple(one.name for one in states if one.extent is Extent.ELEMENT),
        tuple((one.name, one.extent) for one in states if one.extent is not Extent.ELEMENT),
        tuple(passes_of(update, whole)),
        sum(_operations(one.body, whole) for one in passes),
        is_own,
        calls,
        scratch_of(plan) if calls else (),
        plan.rule.uncoded,
    )


def _all_off(plan: Plan) -> dict[str, bool]:
    return {
        **{switch.name: False for switch in plan.switches},
        CHECK_FINITE: False,
        CONSTRAINED: False,
    }


def _operations(body: Iterable[Item], on: dict[str, bool]) -> int:
    """The number of operations of a body; a reduction counts as one more."""
    total = 0
    for item in body:
        if item.guard.holds(on):
            is_sum = isinstance(item, Reduction)
            total += is_sum + sum(
                isinstance(part, Operation) and part.operator in _COUNTED
                for part in walk(expression_of(item))
            )
    return total
