"""What a script declares of a rule: hyperparameters, switches, states and programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from optgen.compiler.emit.declarations import decided, exclusive, matrices_and_numbers
from optgen.compiler.emit.targets.javascript.braces import INDENT, block, spelled
from optgen.compiler.emit.targets.javascript.expressions import arithmetic, script_of
from optgen.compiler.ir.condition import ALWAYS, Condition
from optgen.compiler.ir.expression import GIVEN, Expression, Number, Operation, names, text
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.plan import MatrixCall, Phase, Plan, Program
from optgen.compiler.ir.rule import Hyperparameter, Input, State

#: What conditions are given: the settings with the counters, or the switches.
_SETTINGS, _SWITCHES = "settings", "on"


def declarations(plan: Plan) -> Iterator[str]:
    """The properties of a rule besides its functions, as lines."""
    rule = plan.rule
    yield f"name: {quoted(rule.name)},"
    for title, said in (
        ("summary", rule.summary),
        ("reference", rule.reference),
        ("notation", rule.notation),
        ("view", rule.view),
    ):
        if said:
            yield f"{title}: {quoted(said)},"
    yield from _list("hyperparameters", (_hyperparameter(h) for h in rule.hyperparameters))
    yield from block("switches:", _switches(plan, of_calls=False), "},")
    yield from block("decided:", _switches(plan, of_calls=True), "},")
    yield f"exclusive: [{', '.join(_of_pythons(one) for one in exclusive(plan))}],"
    yield from _list("states", (_state(one, plan) for one in rule.states))
    yield from _list("inputs", map(_input, rule.inputs))
    for title, scratch in (("vectors", plan.vectors), ("matrices", plan.matrices)):
        pairs = (_object(name=quoted(b.name), shape=quoted(_shape(b.extent))) for b in scratch)
        yield from _list(title, pairs)
    yield "programs: ["
    for program in plan.programs:
        yield from (f"{INDENT}{line}" for line in _program(program, plan))
    yield "],"


def quoted(said: str) -> str:
    """Text of a spec as a literal; it can't end the script that it stands in."""
    return json.dumps(said).replace("<", "\\u003c")


def _list(title: str, entries: Iterable[str]) -> Iterator[str]:
    listed = [*entries]
    if listed:
        yield from (f"{title}: [", *(f"{INDENT}{one}," for one in listed), "],")


def _object(**properties: str) -> str:
    said = (f"{name}: {value}" for name, value in properties.items() if value)
    return f"{{ {', '.join(said)} }}"


def _flag(holds: bool) -> str:
    return "true" if holds else ""


def _number(value: object) -> str:
    return json.dumps(value)


def _condition(condition: Expression, optional: Iterable[str] = ()) -> str:
    """A condition on settings, of which some may be missing: then it doesn't hold."""
    own = names(condition)
    lookups = {name: f"{_SETTINGS}.{name}" for name in own}
    printer = arithmetic(lookups)
    missing = [name for name in own if name in optional]
    if isinstance(condition, Operation) and condition.operator == GIVEN:
        missing = []
    parts = [f"math.given({lookups[name]})" for name in missing]
    return " && ".join([*parts, script_of(condition, printer)])


def _hyperparameter(h: Hyperparameter) -> str:
    return _object(
        name=quoted(h.name),
        default=_number(h.default),
        optional=_flag(h.optional),
        integer=_flag(h.integer),
        range=quoted(text(h.range)) if h.range is not None else "",
        allows=f"({_SETTINGS}) => {_condition(h.range)}" if h.range is not None else "",
        excluded=_number(h.excluded) if h.excluded is not None else "",
        bounds=quoted(h.bounds) if h.bounds else "",
        doc=quoted(h.doc) if h.doc else "",
    )


def _switches(plan: Plan, *, of_calls: bool) -> Iterator[str]:
    """Switches with their conditions: those of the settings, or those that each call decides."""
    optional = [h.name for h in plan.rule.hyperparameters if h.optional]
    for one, condition in decided(plan):
        if one.is_of_calls is of_calls:
            yield f"{one.name}: ({_SETTINGS}) => {_condition(condition, optional)},"


def _of_pythons(names_in_brackets: str) -> str:
    """A tuple of strings as a list."""
    return f"[{names_in_brackets.strip('(),')}]"


def _when(guard: Condition) -> str:
    if guard == ALWAYS:
        return ""
    return f"({_SWITCHES}) => {spelled(guard, f'{_SWITCHES}.{{}}'.format)}"


def _shape(extent: Extent) -> str:
    return extent.name.lower()


def _state(one: State, plan: Plan) -> str:
    guard = next(buffer.guard for buffer in plan.buffers if buffer.name == one.name)
    return _object(
        name=quoted(one.name),
        shape=quoted(_shape(one.extent)),
        initial=quoted(one.initial) if isinstance(one.initial, str) else _number(one.initial),
        when=_when(guard),
        standsIn=_flag(one.stands_in),
        isProbe=_flag(one.is_probe),
        doc=quoted(one.doc) if one.doc else "",
    )


def _input(one: Input) -> str:
    shape, doc = quoted(_shape(one.extent)), quoted(one.doc) if one.doc else ""
    return _object(name=quoted(one.name), shape=shape, optional=_flag(one.optional), doc=doc)


def _program(program: Program, plan: Plan) -> Iterator[str]:
    head = {"name": quoted(program.name), "gate": quoted(program.gate or ""), "when": ""}
    head["when"] = _when(program.guard)
    head = {name: said for name, said in head.items() if said and said != '""'}
    inside = [f"{name}: {said}," for name, said in head.items()]
    inside += _list("phases", _phases(program, plan))
    inside += _list(
        "keeps",
        (
            _object(state=quoted(one.state), value=quoted(one.value), when=_when(one.guard))
            for one in program.keeps
        ),
    )
    yield "{"
    yield from (f"{INDENT}{line}" for line in inside)
    yield "},"


def _phases(program: Program, plan: Plan) -> Iterator[str]:
    first = 1 if program.phases[0].elements is not None else 0
    for number, phase in enumerate(program.phases, first):
        yield _phase(program.name, number, phase, phase is program.phases[-1], plan)


def _phase(name: str, number: int, phase: Phase, is_last: bool, plan: Plan) -> str:
    """The functions of a phase by name, and where its pass runs."""
    stage, ending = phase.elements, "" if number == 1 else f"_{number}"
    passing = name if is_last else f"{name}_sums{ending}"
    is_due = stage is not None and not all(
        item.guard.implies(stage.guard)
        for made in (phase.shared, phase.scalars)
        if made is not None
        for item in made.body
    )
    calls = ", ".join(_call(one, plan) for one in phase.calls)
    return _object(
        elements=quoted(passing) if stage is not None else "",
        axes=quoted(f"{passing}_axes") if stage is not None and stage.is_axial else "",
        when=_when(stage.guard) if stage is not None and not is_last else "",
        isDueAnyway=_flag(is_due),
        totals=_totals(phase),
        shared=quoted(f"{name}_shared{ending}") if phase.shared is not None else "",
        shares=_listed(one.target for one in phase.shared.body) if phase.shared is not None else "",
        scalars=quoted(f"{name}_scalars{ending}") if phase.scalars is not None else "",
        calls=f"[{calls}]" if calls else "",
    )


def _totals(phase: Phase) -> str:
    """The results that are sums over all variables."""
    stage = phase.elements
    found = [o.target for o in stage.numbers if o.extent is Extent.OPTIMIZER] if stage else []
    return _listed(found) if found else ""


def _listed(names_of: Iterable[str]) -> str:
    return f"[{', '.join(map(quoted, dict.fromkeys(names_of)))}]"


def _call(call: MatrixCall, plan: Plan) -> str:
    """A function of whole matrices."""
    operands, numbers = matrices_and_numbers(call, plan)
    turned = (_number(isinstance(one, Operation)) for one in operands)
    said = (_number(n.value) if isinstance(n, Number) else quoted(text(n)) for n in numbers)
    return _object(
        target=quoted(call.target),
        function=quoted(call.function.operator),
        operands=f"[{', '.join(quoted(names(one)[0]) for one in operands)}]",
        transposed=f"[{', '.join(turned)}]",
        numbers=f"[{', '.join(said)}]",
        when=_when(call.guard),
    )
