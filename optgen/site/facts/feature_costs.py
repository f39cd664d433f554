"""What a feature adds to a step of a few rules: bytes, passes and arithmetic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from optgen.analysis.explain import cost_in
from optgen.compiler.ir.expression import names
from optgen.compiler.ir.plan import Plan, Program
from optgen.compiler.ir.reserved import MATRIX, PERTURBED
from optgen.compiler.ir.rule import Rule
from optgen.compiler.library import optional_feature_files
from optgen.compiler.pipeline import checked_rule, load_file, plan_of, surroundings
from optgen.compiler.plan import PERTURB
from optgen.site.facts.records import Table

_HEADINGS = ["rule", "of", "state B", "moved B", "passes", "operations"]

On = Mapping[str, bool]


def feature_costs(feature_file: Path, rules: Sequence[Path]) -> Table:
    """A row for each rule; one for vectors and one for matrices, if they differ."""
    spec = load_file(feature_file)
    feature = checked_rule(spec)
    around = surroundings([spec] if feature_file in optional_feature_files() else [])
    rows, remarks = [], dict[str, None]()
    for path in rules:
        plan = plan_of(load_file(path), around)
        rows += [[plan.rule.name, *cells] for cells in _rows(plan, feature)]
        remarks |= dict.fromkeys(_remarks(plan, feature))
    return {"headings": _HEADINGS, "rows": rows, "remarks": [*remarks]}


def _rows(plan: Plan, feature: Rule) -> Iterator[list[str]]:
    """Where it adds the same to both, one row is of all variables."""
    vectors, matrices = _added(plan, feature, matrix=False), _added(plan, feature, matrix=True)
    if vectors == matrices:
        yield ["all variables", *vectors]
    else:
        yield ["vectors", *vectors]
        yield ["matrices", *matrices]


def _added(plan: Plan, feature: Rule, *, matrix: bool) -> list[str]:
    """Bytes of state and moved, passes and operations of an element, beyond those without it."""
    without = {MATRIX: matrix}
    on = {**without, **_switches(plan, feature)}
    states = cost_in(plan, on).state_bytes - cost_in(plan, without).state_bytes
    pairs = zip(_whole(plan, without), _whole(plan, on), strict=True)
    return [f"{states:+d}", *(f"{after - before:+d}" for before, after in pairs)]


def _whole(plan: Plan, on: On) -> tuple[int, int, int]:
    """Bytes moved, passes and operations of the programs that run in a step."""
    costs = [cost_in(plan, on, one) for one in _programs(plan, on)]
    moved, passes = sum(one.moved_bytes for one in costs), sum(one.passes for one in costs)
    return moved, passes, sum(one.operations for one in costs)


def _programs(plan: Plan, on: On) -> Iterator[Program]:
    """The update, and what moves parameters to where the gradient is taken."""
    update, *others = plan.programs
    yield update
    whole = {**{switch.name: False for switch in plan.switches}, **on}
    yield from (one for one in others if one.name == PERTURB and one.guard.holds(whole))


def _switches(plan: Plan, feature: Rule) -> dict[str, bool]:
    """What is on in a step that does all that the feature does."""
    own = {one.name for one in feature.hyperparameters}
    conditions = {one.name: one.condition for one in plan.switches}
    found = [name for name, one in conditions.items() if one is not None and own & {*names(one)}]
    if any(block.perturb for block in feature.blocks):
        found.append(PERTURBED)
    return dict.fromkeys(found, True)


def _remarks(plan: Plan, feature: Rule) -> Iterator[str]:
    """What bytes of an element leave out: states of other shapes, and a second gradient."""
    shaped = [len(cost_in(plan, on).shaped) for on in ({}, _switches(plan, feature))]
    if more := shaped[1] - shaped[0]:
        yield f"Beside these it has {more} states that aren't arrays of the parameter's shape."
    if any(block.perturb for block in feature.blocks):
        yield "A step takes two gradients; the numbers have the update, and the move before it."
