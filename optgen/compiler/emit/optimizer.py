"""The class of a plan, as what the template ``optimizer.py.j2`` has holes for."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from optgen.compiler.emit.layout import WIDTH, asks, call
from optgen.compiler.emit.meaning import printed
from optgen.compiler.emit.printer import Printer
from optgen.compiler.nouns.condition import ALWAYS
from optgen.compiler.nouns.expression import GIVEN, Expression, Operation, names, text
from optgen.compiler.nouns.plan import Plan, Switch
from optgen.compiler.nouns.rule import Hyperparameter

_UNPRINTABLE = re.compile(r"[^\t\n\x20-\x7e\xa0-\u2027\u202f-\u2065\u2070-\ufffd]")


def optimizer_context(plan: Plan) -> dict[str, object]:
    """Everything that the template shows."""
    rule = plan.rule
    return {
        "name": rule.name,
        "module": rule.module,
        "summary": _paragraph(rule.summary or f"The optimizer {rule.name}.", ""),
        "reference": _paragraph(f"Reference: {rule.reference}") if rule.reference else "",
        "notation": _notation(rule.notation),
        "arguments": "\n".join(_argument_docs(plan)),
        "hyperparameters": [_hyperparameter(h) for h in rule.hyperparameters],
        "switches": [
            call(
                "Switch", [f'"{switch.name}"', f"lambda h: {_condition(condition, plan)}", *_asked(condition, plan)], 2
            )
            for switch, condition in _decided(plan)
        ],
        "states": list(_states(plan)),
        "exclusive": _exclusive(plan),
        "signature": [_argument(h) for h in rule.hyperparameters],
        "names": [h.name for h in rule.hyperparameters],
        "excludable": [h.name for h in rule.hyperparameters if h.excluded is not None],
        "imports": _imports(plan),
        "label": f'"{quoted(rule.label)}"',
    }


def _imports(plan: Plan) -> list[str]:
    needed = {
        "Array": any(h.excluded is not None for h in plan.rule.hyperparameters),
        "Hyperparameter": True,
        "Number": True,
        "Optimizer": True,
        "State": bool(plan.rule.states),
        "Switch": bool(plan.switches),
    }
    return [name for name, used in needed.items() if used]


def printable(prose: str) -> str:
    """Text of a spec without what can't be printed."""
    return _UNPRINTABLE.sub(" ", prose)


def quoted(prose: str) -> str:
    """Text of a spec as it may stand inside a string literal of generated source."""
    return printable(prose).replace("\\", "\\\\").replace('"', '\\"')


def _wrapped(prose: str, hanging: str) -> list[str]:
    """Lines of a docstring; quoted after they are cut, so that no escape is cut in two."""
    return [
        quoted(line)
        for line in textwrap.wrap(printable(prose), WIDTH - 8, subsequent_indent=hanging)
    ]


def _paragraph(prose: str, hanging: str = "    ") -> str:
    return "\n    ".join(_wrapped(prose, hanging))


def _notation(rule: str) -> str:
    rows = textwrap.dedent(printable(rule.replace("\t", "    "))).split("\n")
    safe = (row.rstrip().replace("\\", "\\\\").replace('"""', '\\"\\"\\"') for row in rows)
    return "\n".join(f"        {row}" if row else "" for row in safe)


def _argument_docs(plan: Plan) -> Iterator[str]:
    for h in plan.rule.hyperparameters:
        words = h.doc or "See the rule above."
        if not words.endswith("."):
            words += "."
        if h.range is not None:
            words += f" Range: {text(h.range)}."
        yield "\n".join(f"        {line}" for line in _wrapped(f"{h.name}: {words}", "    "))


def _hyperparameter(h: Hyperparameter) -> str:
    arguments = [f'"{h.name}"', repr(h.default)]
    if h.range is not None:
        bounds = text(h.range)
        arguments += [f'range="{bounds}"', f"allows=lambda {h.name}: {bounds}"]
    flags = ("optional", "integer", "grouped", "scales_loss")
    arguments += [f"{flag}=True" for flag in flags if getattr(h, flag)]
    if h.excluded is not None:
        arguments.append(f"excluded={h.excluded!r}")
    return call("Hyperparameter", arguments, 2)


def _argument(h: Hyperparameter) -> str:
    kind = "bool" if h.is_switch else "int" if h.integer else "Number"
    return f"{h.name}: {kind}{' | None' if h.optional else ''} = {h.default!r}"


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
        yield call("State", arguments, 2)


def _exclusive(plan: Plan) -> list[str]:
    """For each set of which only one may be on, the switches that turn its members on."""
    atoms = {text(condition): switch.name for switch, condition in _decided(plan)}
    sets: dict[str, list[str]] = {}
    for block in plan.rule.blocks:
        if block.exclusive:
            sets.setdefault(block.exclusive, []).extend(atoms[a] for a in block.when.atoms)
    return [", ".join(f'"{name}"' for name in names) for names in sets.values() if len(names) > 1]
