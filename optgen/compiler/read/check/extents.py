"""Extents: states hold what their shapes say, and rows and columns are those of matrices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from optgen.compiler.ir.condition import Condition
from optgen.compiler.ir.expression import Name, Operation, walk
from optgen.compiler.ir.extent import MATRICES, VECTORS, Extent
from optgen.compiler.ir.extents import AMOUNTS, Extents
from optgen.compiler.ir.problem import Problem
from optgen.compiler.ir.reduction import AXIS_REDUCTIONS, REDUCERS
from optgen.compiler.ir.reserved import COLUMNS, MATRIX, ROWS
from optgen.compiler.ir.rule import PARAM, Block, Rule, State, Step

_ADD_VIEW = 'add [matrix] view = "last two", or another view'
_UNDER_IF = "put the line under if matrix:"
#: How to reduce a value to a smaller extent.
_REDUCE: Mapping[Extent, str] = {
    Extent.OPTIMIZER: "reduce it with global_sum or global_norm",
    Extent.TENSOR: "reduce it with mean, sum, norm, largest or smallest",
    Extent.ROWS: "reduce it with row_mean, or another function of rows",
    Extent.COLUMNS: "reduce it with column_mean, or another function of columns",
}
_AXES = (Extent.ROWS, Extent.COLUMNS)


def check_extents(rule: Rule) -> Iterator[Problem]:
    """States of a shape with values of a larger extent, and rows of what is no matrix."""
    for state in rule.states:
        yield from _check_state(state, rule)
    for block in rule.blocks:
        for steps in (block.steps, block.otherwise, block.perturb):
            yield from _check_steps(rule, block, steps)
    if rule.view and rule.view_at is not None and not _uses_view(rule):
        message = "no line of the rule uses the view as a matrix"
        hint = "use row_mean, column_mean or if matrix:, or drop [matrix]"
        yield Problem(message, rule.view_at, hint)


def _check_state(state: State, rule: Rule) -> Iterator[Problem]:
    if state.extent is Extent.ELEMENT:
        return
    amount = _amount(state)
    if state.initial == PARAM:
        message = f"{state.name!r} has {amount}, and can't begin as the parameter"
        hint = "begin at a number or a hyperparameter, or drop shape"
        yield Problem(message, state.initial_at or state.location, hint)
    if state.stands_in:
        message = f"{state.name!r} has {amount}, and can't stand in for the parameter"
        yield Problem(message, state.location, "drop shape or stands_in")
    if state.extent in (*VECTORS, *MATRICES) and not state.when.implies(Condition.of(MATRIX)):
        message = f"{state.name!r} has {amount}, and not every tensor is a matrix"
        hint = 'write when = "matrix"' if rule.view else f'{_ADD_VIEW}, and when = "matrix"'
        yield Problem(message, state.location, hint)
    yield from _check_invariant(state, rule)


def _check_invariant(state: State, rule: Rule) -> Iterator[Problem]:
    """A problem for each larger state that the invariant of a number or a vector contains."""
    extents = Extents(rule.states, ())
    for part in walk(state.invariant) if state.invariant is not None else ():
        if isinstance(part, Name) and not extents.name(part.id) <= extents.name(state.name):
            larger = AMOUNTS[extents.name(part.id)]
            message = f"{state.name!r} has {_amount(state)}, and {part.id!r} has {larger}"
            yield Problem(message, part.location, f"make it an invariant of {part.id!r}")


def _check_steps(rule: Rule, block: Block, steps: tuple[Step, ...]) -> Iterator[Problem]:
    extents = Extents(rule.states, steps, rule.inputs)
    states = {state.name: state for state in rule.states}
    for step in steps:
        is_matrix = (block.when & step.guard).implies(Condition.of(MATRIX))
        problems = [
            problem
            for part in walk(step.expression)
            for problem in _check_part(part, extents, rule, is_matrix=is_matrix)
        ]
        problems = problems or [*_check_reach(step, rule)]
        yield from problems
        state = states.get(step.target)
        if state is not None and not problems:
            problems = [*_check_value(state, step, extents)]
            yield from problems or _check_calls(state, step, rule, steps)


def _check_reach(step: Step, rule: Rule) -> Iterator[Problem]:
    """A problem for a state of all variables that only matrices, or only others, would decide."""
    shared = {state.name for state in rule.states if state.extent is Extent.OPTIMIZER}
    if step.target in shared and MATRIX in step.guard.atoms:
        message = f"{step.target!r} is of all variables, and this line runs for some of them"
        hint = "move it out of the if that asks for matrices"
        if rule.fallback:
            hint = 'a rule and its fallback have variables of their own; make the shape "tensor"'
        yield Problem(message, step.location, hint)


def _check_value(state: State, step: Step, extents: Extents) -> Iterator[Problem]:
    """A problem if a state is assigned a value of a larger extent than its own."""
    found = extents.of(step.expression)
    if found <= extents.name(state.name):
        return
    message = f"{state.name!r} has {_amount(state)}, and this has {AMOUNTS[found]}"
    hint = _REDUCE.get(state.extent, "")
    if found in (*VECTORS, Extent.MATRIX) and not (step.guard & Condition.of(MATRIX)).cases:
        hint = "a name has one extent everywhere: under else:, use names that matrices don't use"
    if state.is_of_calls:
        hint = 'shape = "call" takes hyperparameters, call, step and states of that shape only'
    yield Problem(message, step.expression.location, hint)


def _check_calls(
    state: State, step: Step, rule: Rule, steps: tuple[Step, ...]
) -> Iterator[Problem]:
    """A problem if a state of all variables depends on one of calls, which each variable has."""
    if state.extent is not Extent.OPTIMIZER:
        return
    for one in (one for one in rule.states if one.is_of_calls):
        kept = replace(one, extent=Extent.TENSOR, is_of_calls=False)
        states = (kept if other is one else other for other in rule.states)
        if not Extents(states, steps, rule.inputs).of(step.expression) <= Extent.OPTIMIZER:
            message = f"{state.name!r} is of all variables, and each has its own {one.name!r}"
            hint = f'give {one.name!r} the shape "optimizer" too'
            yield Problem(message, step.expression.location, hint)


def _check_part(
    part: object, extents: Extents, rule: Rule, *, is_matrix: bool
) -> Iterator[Problem]:
    if isinstance(part, Name) and part.id in (ROWS, COLUMNS) and not rule.view:
        message = f"no view says what the {'rows' if part.id == ROWS else 'columns'} are"
        yield Problem(message, part.location, _ADD_VIEW)
    if not isinstance(part, Operation) or part.operator not in REDUCERS:
        return
    name, found = part.operator, extents.of(part.operands[0])
    if name in AXIS_REDUCTIONS and not is_matrix:
        message = f"{name} needs a matrix, and this line runs for other tensors too"
        hint = _UNDER_IF if rule.view else f"{_ADD_VIEW}, and {_UNDER_IF}"
        yield Problem(message, part.location, hint)
    elif extents.is_library_call(part):
        return
    elif name in AXIS_REDUCTIONS and found is not Extent.CALL and not _has_axis(name, found):
        axis = "row" if REDUCERS[name].extent is Extent.ROWS else "column"
        message = f"{name} is of many numbers for each {axis}, and this has {AMOUNTS[found]}"
        other = (
            name.replace("row_", "column_") if axis == "row" else name.replace("column_", "row_")
        )
        hint = f"drop {name}, which changes nothing"
        if found in _AXES:
            hint = f"write {other} for one number of each matrix, or drop {name}"
        yield Problem(message, part.location, hint)
    elif REDUCERS[name].extent is Extent.OPTIMIZER and found in VECTORS:
        message = f"{name} is of the elements of all tensors, and this has {AMOUNTS[found]}"
        whole = f"{name}(sum(x)/size)" if name == "global_sum" else f"{name}(norm(x)/sqrt(size))"
        hint = f"write {whole}: a number of a tensor counts for each of its elements"
        yield Problem(message, part.location, hint)


def _has_axis(name: str, found: Extent) -> bool:
    """Whether values of an extent differ along what an axis function reduces."""
    over = REDUCERS[name].extent
    return found is Extent.ELEMENT or (found in _AXES and found is not over)


def _amount(state: State) -> str:
    return AMOUNTS[Extent.CALL if state.is_of_calls else state.extent]


def _uses_view(rule: Rule) -> bool:
    steps = [step for block in rule.blocks for step in block.every_step]
    return MATRIX in rule.atoms or any(
        (isinstance(part, Operation) and part.operator in AXIS_REDUCTIONS)
        or (isinstance(part, Name) and part.id in (ROWS, COLUMNS))
        for step in steps
        for part in walk(step.expression)
    )
