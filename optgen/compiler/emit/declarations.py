"""Declarations of generated classes: hyperparameters, switches, states, programs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from optgen.compiler.emit.layout import asks
from optgen.compiler.emit.meaning import printed
from optgen.compiler.emit.printer import Printer
from optgen.compiler.ir.condition import ALWAYS, NEVER, Condition
from optgen.compiler.ir.expression import GIVEN, Expression, Name, Number, Operation, names, text
from optgen.compiler.ir.extent import VECTORS, Extent
from optgen.compiler.ir.plan import Keep, MatrixCall, Norm, Phase, Plan, Program, Switch
from optgen.compiler.ir.rule import COUNTERS, Hyperparameter, Input, Rule, State

_FLAGS = ("optional", "integer", "is_list", "grouped", "scales_loss")


def hyperparameter(h: Hyperparameter) -> str:
    """A hyperparameter; its default is in the signature."""
    arguments = [f'"{h.name}"']
    if h.is_switch:
        arguments.append("False")
    if h.range is not None:
        bounds = text(h.range)
        arguments += [f'range="{bounds}"', f"allows=lambda {h.name}: {bounds}"]
    arguments += [f"{flag}=True" for flag in _FLAGS if getattr(h, flag)]
    if h.bounds:
        arguments.append(f'bounds="{h.bounds}"')
    if h.excluded is not None:
        arguments.append(f"excluded={h.excluded!r}")
    return f"Hyperparameter({', '.join(arguments)}),"


def switch(one: Switch, condition: Expression, rule: Rule) -> str:
    """A switch with its condition on hyperparameters."""
    numbers = [h.name for h in rule.hyperparameters if not h.is_switch]
    arguments = [f'"{one.name}"', f"lambda h: {_condition(condition, rule)}"]
    asked = ", ".join(f'"{name}"' for name in names(condition) if name in numbers)
    if one.is_of_calls:
        arguments.append("of_calls=True")
    elif asked:
        arguments.append(f"asks=({asked},)")
    return f"Switch({', '.join(arguments)}),"


def _condition(condition: Expression, rule: Rule) -> str:
    """A static condition as an expression over the mapping ``h`` of hyperparameters."""
    if isinstance(condition, Operation) and condition.operator == GIVEN:
        (operand,) = condition.operands
        return f'h["{text(operand)}"] is not None'
    known = (*(h.name for h in rule.hyperparameters), *COUNTERS)
    lookups = {name: f'h["{name}"]' for name in known}
    asked = [h for h in rule.hyperparameters if h.optional and h.name in names(condition)]
    # All conditions are evaluated when a hyperparameter is set, also those under a given(…).
    parts = [f"{lookups[h.name]} is not None" for h in asked]
    return " and ".join([*parts, printed(condition, Printer(names=lookups))])


def decided(plan: Plan) -> Iterator[tuple[Switch, Expression]]:
    """The switches that depend on hyperparameters."""
    for one in plan.switches:
        if one.condition is not None:
            yield one, one.condition


def state(one: State, plan: Plan) -> str:
    """An array per variable."""
    guard = next(buffer.guard for buffer in plan.buffers if buffer.name == one.name)
    gated = [program for program in plan.programs if program.gate]
    gathered = {access.buffer for program in gated for access in program.elements.stores}
    gathered |= {keep.state for program in gated for keep in program.keeps}
    arguments = [f'"{one.name}"']
    if one.initial != 0:
        initial = f'"{one.initial}"' if isinstance(one.initial, str) else repr(one.initial)
        arguments.append(f"initial={initial}")
    if guard != ALWAYS:
        arguments.append(f"when=lambda on: {asks(guard)}")
    if one.extent is not Extent.ELEMENT:
        arguments.append(f'shape="{one.extent.name.lower()}"')
    arguments += _of_probe(one)
    if one.stands_in:
        arguments.append("stands_in=True")
    if one.name in gathered:
        arguments.append("gathers=True")
    if (related := bounded(one, plan)) != NEVER:
        arguments.append(f"bounded=lambda on: {asks(related)}")
    if is_nonnegative(one):
        arguments.append("is_nonnegative=True")
    return f"State({', '.join(arguments)}),"


def _of_probe(one: State) -> Iterator[str]:
    """What a state is as a value for users."""
    if one.is_probe:
        yield "is_probe=True"
    if one.reduction:
        yield f'reduction="{one.reduction}"'
    if one.formula is not None:
        lookups = {name: f'h["{name}"]' for name in names(one.formula)}
        yield f"formula=lambda h: {printed(one.formula, Printer(names=lookups))}"


def is_nonnegative(one: State) -> bool:
    """Whether a state's invariant says that it is never below 0."""
    match one.invariant:
        case Operation(">=" | ">", (Name(name), Number(number))):
            return name == one.name and number >= 0
    return False


def bounded(one: State, plan: Plan) -> Condition:
    """When an invariant compares a state with another one, so that rounding might break it."""
    guards = {buffer.name: buffer.guard for buffer in plan.buffers}
    found = NEVER
    for state in plan.rule.states:
        known = [] if state.invariant is None else names(state.invariant)
        if one.name in known:
            for name in sorted(guards.keys() & {*known} - {one.name}):
                found |= guards[name]
    return found


def given(one: Input) -> str:
    """A value that a call is given beside the gradient."""
    arguments = [f'"{one.name}"']
    if one.extent is not Extent.ELEMENT:
        arguments.append(f'shape="{one.extent.name.lower()}"')
    if one.optional:
        arguments.append("optional=True")
    return f"Input({', '.join(arguments)}),"


def exclusive(plan: Plan) -> list[str]:
    """For each exclusive set, the switches of its members."""
    atoms = {text(condition): one.name for one, condition in decided(plan)}
    sets: dict[str, list[str]] = {}
    for block in plan.rule.blocks:
        if block.exclusive:
            sets.setdefault(block.exclusive, []).extend(atoms[a] for a in block.when.atoms)
    return [tupled(names) for names in sets.values() if len(names) > 1]


def tupled(listed: Iterable[str]) -> str:
    """Names as a tuple of strings."""
    quoted = [f'"{name}"' for name in listed]
    return f"({', '.join(quoted)}{',' if len(quoted) == 1 else ''})"


def programs(plan: Plan) -> str:
    """Declarations of the programs, as lines."""
    return "\n".join(line for program in plan.programs for line in _program(program, plan))


def _program(program: Program, plan: Plan) -> Iterator[str]:
    scratch = {one.name for one in plan.matrices}
    held = [bool(phase.calls) or _holds(phase, scratch) for phase in program.phases]
    first = held.index(True) if any(held) else len(held)
    phases = [
        _phase(phase, phase is program.phases[-1], plan, is_held=number >= first)
        for number, phase in enumerate(program.phases)
    ]
    yield "Program("
    yield f'    "{program.name}",'
    if program.gate:
        yield f'    gate="{program.gate}",'
    if program.guard != ALWAYS:
        yield f"    when=lambda on: {asks(program.guard)},"
    for title, lines in (
        ("norms", [_norm(norm) for norm in program.norms]),
        ("phases", phases),
        ("keeps", [_keep(keep, plan) for keep in program.keeps]),
    ):
        if lines and lines != ["Phase(),"]:
            yield f"    {title}=("
            yield from (f"        {line}" for line in lines)
            yield "    ),"
    yield "),"


def _norm(norm: Norm) -> str:
    everywhere = norm.extent is Extent.OPTIMIZER
    return f'Norm("{norm.name}", {everywhere}, lambda on: {asks(norm.guard)}),'


def _keep(keep: Keep, plan: Plan) -> str:
    shape = plan_shape(keep.state, plan)
    return f'Keep("{keep.state}", "{keep.value}", lambda on: {asks(keep.guard)}, "{shape}"),'


def plan_shape(name: str, plan: Plan) -> str:
    """What a buffer has one number for."""
    return next(shape_of(one.extent) for one in plan.every_buffer if one.name == name)


def shape_of(extent: Extent) -> str:
    """An extent as the shape of a state or scratch array."""
    return extent.name.lower()


def _holds(phase: Phase, scratch: Collection[str]) -> bool:
    """Whether a pass leaves scratch matrices."""
    stage = phase.elements
    return stage is not None and any(one.buffer in scratch for one in stage.stores)


def _phase(phase: Phase, is_last: bool, plan: Plan, *, is_held: bool) -> str:
    """``is_held`` says that there are scratch matrices by then."""
    arguments: dict[str, object] = {}
    stage = phase.elements
    if stage is None:
        arguments["is_pass"] = False
    else:
        of_axes = [one.extent for one in stage.reductions if one.extent in VECTORS]
        arguments["sums"] = len(stage.numbers)
        orders = [one.combination.order for one in stage.numbers]
        arguments["orders"] = tuple(orders) if any(orders) else ()
        arguments["rows"] = of_axes.count(Extent.ROWS)
        arguments["columns"] = of_axes.count(Extent.COLUMNS)
        made = [one for one in stage.reductions if one.extent in VECTORS]
        pairs = ", ".join(f'("{one.target}", {one.combination.order})' for one in made)
        arguments["vectors"] = f"({pairs},)" if made else ""
        arguments["is_axial"] = stage.is_axial
        scratch = {one.name for one in plan.matrices}
        kept = [one for one in stage.stores if one.buffer not in scratch]
        arguments["stores"] = bool(kept) and not is_last
        arguments["holds"] = _holds(phase, scratch)
        totals = [one for one in stage.numbers if one.extent is Extent.OPTIMIZER]
        arguments["has_totals"] = is_held and bool(totals)
        if stage.over is not Extent.ELEMENT:
            arguments["over"] = f'"{shape_of(stage.over)}"'
        arguments["is_due_anyway"] = not all(
            item.guard.implies(stage.guard)
            for made in (phase.shared, phase.scalars)
            if made is not None
            for item in made.body
        )
    arguments["has_shared"] = phase.shared is not None
    arguments["has_scalars"] = phase.scalars is not None
    calls = ", ".join(_call(one, plan) for one in phase.calls)
    arguments["calls"] = f"({calls},)" if calls else ""
    said = [f"{name}={value}" for name, value in arguments.items() if value or name == "is_pass"]
    if stage is not None and stage.guard != ALWAYS and not is_last:
        said.append(f"when=lambda on: {asks(stage.guard)}")
    return f"Phase({', '.join(said)}),"


def matrices_and_numbers(
    call: MatrixCall, plan: Plan
) -> tuple[Sequence[Expression], Sequence[Expression]]:
    """The operands of a function of whole matrices: matrices, and numbers."""
    matrices = {one.name for one in plan.matrices}
    whole = [one for one in call.function.operands if {*names(one)} & matrices]
    if (added := call.added) is not None:
        return [*whole, added.matrix], [added.times, added.number]
    return whole, [one for one in call.function.operands if one not in whole]


def _call(call: MatrixCall, plan: Plan) -> str:
    """A function of whole matrices, with the names of its operands, and its numbers."""
    operands, numbers = matrices_and_numbers(call, plan)
    arguments = [f'"{call.target}"', f'"{call.function.operator}"']
    arguments.append(tupled(names(one)[0] for one in operands))
    if any(isinstance(one, Operation) for one in operands):
        turned = ", ".join(str(isinstance(one, Operation)) for one in operands)
        arguments.append(f"transposed=({turned},)")
    if numbers:
        said = (repr(n.value) if isinstance(n, Number) else f'"{text(n)}"' for n in numbers)
        arguments.append(f"numbers=({', '.join(said)},)")
    if call.guard != ALWAYS:
        arguments.append(f"when=lambda on: {asks(call.guard)}")
    is_inner = any(one.name == call.target and one.is_inner for one in plan.matrices)
    if plan.rule.compute and is_inner:
        arguments.append("is_inner=True")
    return f"MatrixCall({', '.join(arguments)})"
