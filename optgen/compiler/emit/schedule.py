"""The class of a schedule: the context of ``schedule.py.j2``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from optgen.compiler.emit.arguments import argument, argument_docs, attribute, declaration
from optgen.compiler.emit.docstring import notation, paragraph, quoted
from optgen.compiler.emit.layout import Line, lay_out
from optgen.compiler.emit.meaning import printed
from optgen.compiler.emit.printer import Printer
from optgen.compiler.emit.targets.array_operations import host_operations
from optgen.compiler.ir.condition import ALWAYS, Condition, Literal
from optgen.compiler.ir.expression import (
    GIVEN,
    NEGATIONS,
    Expression,
    Name,
    Operation,
    rewrite,
    text,
    walk,
)
from optgen.compiler.ir.function import Origin
from optgen.compiler.ir.functions import OF_SCHEDULES, REGISTRY
from optgen.compiler.ir.language import PI, PIECEWISE, VALUE
from optgen.compiler.ir.rule import Hyperparameter, Rule, Step

#: How generated schedules call the functions of the language. A power is one of real numbers,
#: where Python's own would turn into a complex number, or into an integer without bounds.
CALLS_OF: Mapping[str, str] = {
    **{function.name: function.python for function in REGISTRY.values() if function.python},
    "**": "math.pow",
    PIECEWISE: PIECEWISE,
}
#: The same as functions of a library of arrays.
OPERATIONS: Mapping[str, str] = {
    **host_operations("ops", "ops"),
    **{name: f"ops.{REGISTRY[name].array}" for name in OF_SCHEDULES},
    PIECEWISE: f"ops.{PIECEWISE}",
}
#: Those that the runtime has; the others are Python's.
_OF_RUNTIME = sorted(
    [PIECEWISE, *(f.python for f in REGISTRY.values() if f.code.python is Origin.RUNTIME)]
)


def schedule_context(rule: Rule) -> dict[str, object]:
    """Everything that the template shows."""
    parts = [part for step in _steps(rule) for part in walk(step.expression)]
    operators = {part.operator for part in parts if isinstance(part, Operation)}
    called = {CALLS_OF[operator] for operator in operators if operator in CALLS_OF}
    hyperparameters = rule.hyperparameters
    return {
        "name": rule.name,
        "summary": paragraph(rule.summary or f"The schedule {rule.name}.", ""),
        "reference": paragraph(f"Reference: {rule.reference}") if rule.reference else "",
        "notation": notation(rule.notation),
        "arguments": argument_docs(hyperparameters),
        "hyperparameters": "\n".join(declaration(h) for h in hyperparameters),
        "attributes": [attribute(h) for h in hyperparameters],
        "signature": list(_signature(hyperparameters, quoted(rule.label))),
        "names": [h.name for h in hyperparameters],
        "has_lists": any(h.is_list for h in hyperparameters),
        "uses_math": Name(PI) in parts or any(name.startswith("math.") for name in called),
        "functions": [name for name in _OF_RUNTIME if name in called],
        "body": _body(rule, CALLS_OF),
        "operations": _body(rule, OPERATIONS),
    }


def _signature(hyperparameters: tuple[Hyperparameter, ...], label: str) -> Iterator[str]:
    yield from (argument(h) for h in hyperparameters if not h.after_name)
    yield f'name: str = "{label}"'
    yield from (argument(h) for h in hyperparameters if h.after_name)


def _steps(rule: Rule) -> tuple[Step, ...]:
    (block,) = rule.blocks
    return block.steps


def _body(rule: Rule, functions: Mapping[str, str]) -> str:
    """The steps as the body of a method; the last says what is returned."""
    printer = schedule_printer(rule, functions)
    lines = [
        Line(f"{step.target} = {printed(_with_names(step.expression), printer)}", step.guard)
        for step in _steps(rule)
    ]
    last, step = lines[-1], _steps(rule)[-1]
    if step.target == VALUE and step.guard == ALWAYS:
        lines[-1] = Line(last.text.replace(f"{VALUE} = ", "return ", 1), ALWAYS)
    else:
        lines.append(Line(f"return {VALUE}", ALWAYS))

    def spell(condition: Condition) -> str:
        cases = [[_literal(one, rule, printer) for one in case] for case in condition.cases]
        if len(cases) == 1:
            return " and ".join(cases[0])
        return " or ".join(f"({' and '.join(c)})" if len(c) > 1 else c[0] for c in cases)

    return lay_out(lines, spelling=spell)


def schedule_printer(rule: Rule, functions: Mapping[str, str]) -> Printer:
    """Prints expressions of a schedule; hyperparameters are attributes there."""
    names = {h.name: f"self.{h.name}" for h in rule.hyperparameters} | {PI: "math.pi"}
    for h in rule.hyperparameters:
        names[_given(h.name)] = f"(self.{h.name} is not None)"
    return Printer(names=names, functions=functions, plain=True)


def _given(name: str) -> str:
    return f"{GIVEN}({name})"


def _with_names(expression: Expression) -> Expression:
    """The expression with each ``given(x)`` as a name, which the printer knows."""

    def change(part: Expression) -> Expression | None:
        is_given = isinstance(part, Operation) and part.operator == GIVEN
        return Name(text(part), part.location) if is_given else None

    return rewrite(expression, change)


def _literal(literal: Literal, rule: Rule, printer: Printer) -> str:
    """A static condition, or its opposite, as an expression of Python."""
    atom, holds = literal
    expression = rule.atoms[atom]
    if isinstance(expression, Operation) and expression.operator == GIVEN:
        words = printer.name(atom)[1:-1]
        return words if holds else words.replace("is not", "is")
    if isinstance(expression, Operation) and not holds:
        expression, holds = Operation(NEGATIONS[expression.operator], expression.operands), True
    words = printed(expression, printer)
    return words if holds else f"not {words}"
