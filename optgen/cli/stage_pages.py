"""The nouns of the compiler as text: one page per stage of ``optgen show``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from optgen.cli.step_lines import line_of
from optgen.compiler.emit.layout import Line, lay_out, spell
from optgen.compiler.ir.condition import ALWAYS, Condition
from optgen.compiler.ir.expression import text
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.language import SPELLED_SHAPES, language_of
from optgen.compiler.ir.plan import (
    Access,
    ElementPass,
    Item,
    Plan,
    Program,
    Reduction,
    expression_of,
)
from optgen.compiler.ir.reduction import Combination
from optgen.compiler.ir.rule import Block, Hyperparameter, Rule, State, Step
from optgen.compiler.ir.spec import HyperparameterEntry, Spec


def spec_page(spec: Spec) -> str:
    """The contents of the file, with locations."""
    lines = [
        f"{'feature' if spec.slot else language_of(spec).noun} {spec.name}   {spec.name.location}"
    ]
    shown = (("summary", spec.summary), ("reference", spec.reference), ("slot", spec.slot))
    lines += [f"  {key}: {value}" for key, value in shown if value]
    lines += ["", "hyperparameters"]
    lines += _columns([_entry(entry) for entry in spec.hyperparameters])
    if not spec.is_schedule:
        lines += ["", "states"]
        lines += _columns(
            [
                (str(s.name), f"when {s.when}" if s.when else "always", f"{s.name.location}")
                for s in spec.states
            ]
        )
    for title, part in (
        ("when", spec.when),
        ("proceed", spec.proceed),
        ("rule", spec.rule),
        ("otherwise", spec.otherwise),
    ):
        if part is not None:
            lines += ["", f"{title}   {part.location}"]
            lines += [f"  {row}" for row in part.value.strip("\n").split("\n")]
    return "\n".join(lines) + "\n"


def _entry(entry: HyperparameterEntry) -> tuple[str, ...]:
    default = "optional" if entry.optional else f"default {entry.default}"
    if entry.required:
        default = "required"
    bounds = f"range {entry.range}" if entry.range else ""
    return (str(entry.name), default, bounds, str(entry.name.location))


def rule_page(rule: Rule) -> str:
    """The steps of a rule, block by block, with their guards."""
    lines = [f"rule {rule.name}", "", "hyperparameters"]
    lines += _columns([_hyperparameter(h) for h in rule.hyperparameters])
    if not rule.is_schedule:
        lines += ["", "states"]
        lines += _columns([_state(state) for state in rule.states])
    for block in rule.blocks:
        lines += ["", _block_title(block)]
        if block.proceed is not None:
            lines += [f"  proceed when {text(block.proceed)}", "  otherwise"]
            lines += [_steps(block.otherwise, block.when, 2)]
            lines += ["  proceeding"]
        lines += [_steps(block.steps, block.when, 2 if block.proceed is not None else 1)]
    return "\n".join(lines) + "\n"


def _block_title(block: Block) -> str:
    slot = f" in slot {block.slot}" if block.slot else ""
    when = "" if block.when == ALWAYS else f", when {spell(block.when)}"
    every = ", for every variable" if block.every_variable else ""
    return f"{block.name}{slot}{when}{every}"


def _steps(steps: Sequence[Step], known: Condition, depth: int) -> str:
    case = known.cases[0] if len(known.cases) == 1 else ()
    lines = [Line(line_of(step), step.guard.given(case)) for step in steps]
    return lay_out(lines, depth)


def _hyperparameter(h: Hyperparameter) -> tuple[str, ...]:
    default = "required" if h.required else repr(h.default)
    return (h.name, default, text(h.range) if h.range is not None else "", h.doc)


def _state(state: State) -> tuple[str, ...]:
    when = "always" if state.when == ALWAYS else f"when {spell(state.when)}"
    holds = f"holds {text(state.invariant)}" if state.invariant is not None else ""
    return (state.name, f"from {state.initial}", when, holds)


def plan_page(plan: Plan) -> str:
    """The programs of a plan: the computations per call, per tensor and per element."""
    lines = [f"plan {plan.rule.name}", "", "switches"]
    decided = [(switch.name, switch.condition) for switch in plan.switches]
    lines += _columns(
        [(name, "set by the runtime" if c is None else text(c)) for name, c in decided]
    )
    lines += ["", "buffers"]
    lines += _columns([(buffer.name, _when(buffer.guard)) for buffer in plan.buffers])
    lines += ["", "host: once per call and row of hyperparameters, in float64"]
    lines += [_assignments(plan.host.body)]
    lines += [f"    -> {', '.join(plan.scalars)}"]
    for program in plan.programs:
        lines += ["", *_program(program)]
    return "\n".join(lines) + "\n"


def _program(program: Program) -> Iterator[str]:
    gate = f", instead of the update while not {program.gate}" if program.gate else ""
    yield f"program {program.name}: {_when(program.guard)}{gate}"
    for phase in program.phases:
        is_last = phase is program.phases[-1]
        if phase.elements is not None:
            title = "elements" if is_last else f"sums: {_when(phase.elements.guard)}"
            yield f"  {title}{_visited(phase.elements)}"
            yield from _accesses("load", phase.elements.loads)
            yield _assignments(phase.elements.body)
            yield from _accesses("store", phase.elements.stores)
        if phase.shared is not None:
            yield "  scalars of the optimizer, in float64"
            yield _assignments(phase.shared.body)
        if phase.scalars is not None:
            yield "  scalars of each tensor, in float64"
            yield _assignments(phase.scalars.body)
        if phase.calls:
            yield "  functions of matrices, by a library"
            yield _assignments(phase.calls)
    for keep in program.keeps:
        yield f"  keep {keep.state} = {keep.value}: {_when(keep.guard)}"


def _visited(stage: ElementPass) -> str:
    """What a pass goes over, if not simply all elements."""
    if stage.is_axial:
        return ", row by row where matrix"
    return "" if stage.over is Extent.ELEMENT else f", over {SPELLED_SHAPES[stage.over]}"


def _accesses(verb: str, accesses: Iterable[Access]) -> Iterator[str]:
    for access in accesses:
        when = "" if access.guard == ALWAYS else f"   when {spell(access.guard)}"
        yield f"    {verb} {access.buffer}{when}"


_OVER = {
    Extent.OPTIMIZER: "all tensors",
    Extent.TENSOR: "this tensor",
    Extent.MATRIX: "each matrix",
    Extent.ROWS: "each row",
    Extent.COLUMNS: "each column",
}


def _assignments(items: Iterable[Item]) -> str:
    lines = []
    for item in items:
        if isinstance(item, Reduction):
            how = "sum" if item.combination is Combination.SUM else item.combination.value
            said = f"{item.target} = {how} over {_OVER[item.extent]} of {text(item.term)}"
        else:
            said = f"{item.target} = {text(expression_of(item))}"
        lines.append(Line(said, item.guard, ""))
    return lay_out(lines, 1)


def _when(condition: Condition) -> str:
    return "always" if condition == ALWAYS else f"when {spell(condition)}"


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    if not rows:
        return ["  none"]
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return [
        "  "
        + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
