"""The class of a plan, as what the template ``optimizer.py.j2`` has holes for."""

from __future__ import annotations

from collections.abc import Iterator

from optgen.compiler.emit.arguments import argument, argument_docs, declaration
from optgen.compiler.emit.digest import rule_digest
from optgen.compiler.emit.docstring import notation, paragraph, quoted
from optgen.compiler.emit.layout import asks, call
from optgen.compiler.emit.meaning import printed
from optgen.compiler.emit.printer import Printer
from optgen.compiler.ir.condition import ALWAYS
from optgen.compiler.ir.expression import GIVEN, Expression, Operation, names, text
from optgen.compiler.ir.plan import Plan, Switch


def optimizer_context(plan: Plan) -> dict[str, object]:
    """Everything that the template shows."""
    rule = plan.rule
    return {
        "name": rule.name,
        "module": rule.module,
        "summary": paragraph(rule.summary or f"The optimizer {rule.name}.", ""),
        "reference": paragraph(f"Reference: {rule.reference}") if rule.reference else "",
        "notation": notation(rule.notation),
        "arguments": argument_docs(rule.hyperparameters),
        "hyperparameters": [declaration(h) for h in rule.hyperparameters],
        "switches": [_switch(switch.name, condition, plan) for switch, condition in _decided(plan)],
        "states": list(_states(plan)),
        "exclusive": _exclusive(plan),
        "signature": [argument(h, "Scheduled") for h in rule.hyperparameters if not h.after_name],
        "keywords": [argument(h, "Scheduled") for h in rule.hyperparameters if h.after_name],
        "names": [h.name for h in rule.hyperparameters],
        "excludable": [h.name for h in rule.hyperparameters if h.excluded is not None],
        "imports": _imports(plan),
        "spec": rule_digest(rule),
        "torch": list(_torch(plan)),
        "label": f'"{quoted(rule.label)}"' if rule.label else "None",
    }


def _imports(plan: Plan) -> list[str]:
    needed = {
        "Array": any(h.excluded is not None for h in plan.rule.hyperparameters),
        "Constraints": True,
        "Hyperparameter": True,
        "OnNonfinite": True,
        "Optimizer": True,
        "PathOptions": True,
        "Scheduled": True,
        "State": bool(plan.rule.states),
        "Switch": any(_decided(plan)),
    }
    return [name for name, used in needed.items() if used]


def _condition(condition: Expression, plan: Plan) -> str:
    """A static condition as an expression over the mapping ``h`` of hyperparameters."""
    if isinstance(condition, Operation) and condition.operator == GIVEN:
        (operand,) = condition.operands
        return f'h["{text(operand)}"] is not None'
    lookups = {h.name: f'h["{h.name}"]' for h in plan.rule.hyperparameters}
    asked = [h for h in plan.rule.hyperparameters if h.optional and h.name in names(condition)]
    # All conditions are asked whenever a hyperparameter is set, also those under a given(…).
    parts = [f"{lookups[h.name]} is not None" for h in asked]
    return " and ".join([*parts, printed(condition, Printer(names=lookups))])


def _switch(name: str, condition: Expression, plan: Plan) -> str:
    asked = list(_asked(condition, plan))
    return call("Switch", [f'"{name}"', f"lambda h: {_condition(condition, plan)}", *asked], 2)


def _decided(plan: Plan) -> Iterator[tuple[Switch, Expression]]:
    """The switches that hyperparameters decide."""
    for switch in plan.switches:
        if switch.condition is not None:
            yield switch, switch.condition


def _asked(condition: Expression, plan: Plan) -> Iterator[str]:
    """The numbers that a condition asks about."""
    numbers = [h.name for h in plan.rule.hyperparameters if not h.is_switch]
    asked = ", ".join(f'"{name}"' for name in names(condition) if name in numbers)
    if asked:
        yield f"asks=({asked},)"


def _states(plan: Plan) -> Iterator[str]:
    guards = {buffer.name: buffer.guard for buffer in plan.buffers}
    gated = [program for program in plan.programs if program.gate]
    gathered = {access.buffer for program in gated for access in program.elements.stores}
    for state in plan.rule.states:
        arguments = [f'"{state.name}"']
        if state.initial != 0:
            initial = state.initial
            shown = f'"{initial}"' if isinstance(initial, str) else repr(initial)
            arguments.append(f"initial={shown}")
        if guards[state.name] != ALWAYS:
            arguments.append(f"when=lambda on: {asks(guards[state.name])}")
        if state.stands_in:
            arguments.append("stands_in=True")
        if state.name in gathered:
            arguments.append("gathers=True")
        yield call("State", arguments, 2)


def _torch(plan: Plan) -> Iterator[str]:
    for name, listed in plan.rule.torch:
        # A feature that there isn't takes the arguments that set it along.
        if all(plan.rule.hyperparameter(one.value) for one in listed):
            names = ", ".join(f'"{one}"' for one in listed)
            comma = "," if len(listed) == 1 else ""
            yield f'("{name}", ({names}{comma})),'


def _exclusive(plan: Plan) -> list[str]:
    """For each set of which only one may be on, the switches that turn its members on."""
    atoms = {text(condition): switch.name for switch, condition in _decided(plan)}
    sets: dict[str, list[str]] = {}
    for block in plan.rule.blocks:
        if block.exclusive:
            sets.setdefault(block.exclusive, []).extend(atoms[a] for a in block.when.atoms)
    return [", ".join(f'"{name}"' for name in names) for names in sets.values() if len(names) > 1]
