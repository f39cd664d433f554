"""The CPU kernels of a plan, as what the template ``cpu.py.j2`` has holes for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from optgen.compiler.emit.cpu_lines import Lines, all_items, expression_of, factor_columns
from optgen.compiler.emit.layout import Line, asking, asks, call, indent, lay_out, signature
from optgen.compiler.emit.printer import FUNCTIONS
from optgen.compiler.nouns.condition import ALWAYS
from optgen.compiler.nouns.expression import Operation, names, walk
from optgen.compiler.nouns.plan import Assignment, Norm, Plan, Prepass, Program

_DOCS = {
    "update": "The update of every variable that has a gradient.",
    "absent": "What an update does to a variable without a gradient.",
}


@dataclass(frozen=True)
class Function:
    """A function of the generated file; ``parts`` are its prepared stretches of text."""

    kind: str
    name: str
    doc: str
    signature: str
    parts: dict[str, str] = field(default_factory=dict)


def cpu_context(plan: Plan, pick: Callable[[Iterable[str]], list[str]]) -> dict[str, object]:
    """Everything that the template shows; ``pick`` finds the small functions that are called."""
    lines = Lines(plan)
    functions = [
        function for program in plan.programs for function in _functions(lines, plan, program)
    ]
    operators = {
        part.operator
        for item in all_items(plan)
        for part in walk(expression_of(item))
        if isinstance(part, Operation)
    }
    called = [FUNCTIONS[op] for op in ("square", "max", "min", "clip", "sign") if op in operators]
    has_sums = any(function.kind == "sums" for function in functions)
    everywhere = any(function.parts.get("everywhere") for function in functions)
    return {
        "name": plan.rule.name,
        "host": _host(lines, plan),
        "functions": functions,
        "helpers": pick([*called, *(["sum_in_order"] if everywhere else [])]),
        "mathematics": sorted(operators & {"sqrt", "exp", "log"}),
        "has_sums": has_sums,
        "has_norms": any(program.norms for program in plan.programs),
        "pointers": ["add_in_any_order", "view"] if has_sums else ["view"],
        "numba": [*(["float64"] if has_sums else []), *(["njit"] if called or everywhere else [])],
        "buffers": [buffer.name for buffer in plan.buffers],
        "scalars": plan.scalars,
        "programs": [_entry(program) for program in plan.programs],
    }


def _functions(lines: Lines, plan: Plan, program: Program) -> Iterator[Function]:
    for number, prepass in enumerate(program.prepasses):
        yield _sums(lines, program, number, prepass)
        if prepass.scalars:
            yield _tensor_scalars(lines, plan, program, number, prepass)
    yield _elements(lines, program)


def _host(lines: Lines, plan: Plan) -> Function:
    name = lines.host.name
    used = {part for item in plan.host for part in names(item.expression)} | set(plan.scalars)
    columns = [h.name for h in plan.rule.hyperparameters if not h.is_switch]
    reads = [
        f"{name(hyperparameter)} = hyperparameters[row, {column}]"
        for column, hyperparameter in enumerate(columns)
        if hyperparameter in used
    ]
    stores = [
        Line(f"scalars[row, {column}] = {name(scalar)}", lines.defined(scalar))
        for column, scalar in enumerate(plan.scalars)
    ]
    body = [lines.assignment(item, lines.host) for item in plan.host]
    return Function(
        "host",
        "host_scalars",
        "The scalars of one call, in float64, from each row of hyperparameters.",
        signature([], lines.switches(plan.host, [line.guard for line in stores])),
        {"reads": indent(reads, 3), "body": lay_out(body, 3), "stores": lay_out(stores, 3)},
    )


def _elements(lines: Lines, program: Program) -> Function:
    accesses = (*program.loads, *program.stores)
    every = [*lines.loads(program.loads), *map(lines.item, program.body)]
    every += lines.stores(program.stores)
    factors = factor_columns(program, len(program.prepasses))
    doc = _DOCS.get(program.name) or f"What happens instead while {program.gate} is false."
    return Function(
        "elements",
        program.name,
        doc,
        signature(
            ["real: type", "loop: Loop"],
            lines.switches(program.body, [access.guard for access in accesses]),
        ),
        {
            "scalars": lines.scalar_reads(program.body, factors),
            "views": lines.views(accesses),
            "body": lay_out(every, 4),
        },
    )


def _sums(lines: Lines, program: Program, number: int, prepass: Prepass) -> Function:
    targets = [lines.element.name(item.target) for item in prepass.reductions]
    body = [*lines.loads(prepass.loads), *map(lines.item, prepass.body)]
    adding = [f"sums[tensor, {k}] += partial[chunk, {k}]" for k in range(len(targets))]
    leaving = [f"partial[chunk, {k}] = {target}" for k, target in enumerate(targets)]
    return Function(
        "sums",
        _prepass_name(program, "sums", number),
        f"Sums over each variable that `{program.name}` must know first.",
        signature(
            ["real: type", "loop: Loop"],
            lines.switches(prepass.body, [access.guard for access in prepass.loads]),
        ),
        {
            "count": str(len(targets)),
            "scalars": lines.scalar_reads(prepass.body, factor_columns(program, number)),
            "views": lines.views(prepass.loads),
            "zeros": indent([f"{target} = 0.0" for target in targets], 3),
            "body": lay_out(body, 4),
            "partials": indent(leaving, 3),
            "totals": indent(adding, 3),
        },
    )


def _tensor_scalars(
    lines: Lines, plan: Plan, program: Program, number: int, prepass: Prepass
) -> Function:
    name = lines.host.name
    used = {part for item in prepass.scalars for part in names(item.expression)}
    everywhere, reads = [], []
    for column, reduction in enumerate(prepass.reductions):
        if reduction.everywhere:
            everywhere.append(f"{name(reduction.target)} = sum_in_order(sums[:, {column}])")
        elif reduction.target in used:
            reads.append(f"{name(reduction.target)} = sums[tensor, {column}]")
    for column, scalar in enumerate(plan.scalars):
        if scalar in used:
            reads.append(f"{name(scalar)} = scalars[row, {column}]")
    for factor, column in factor_columns(program, number).items():
        if factor in used:
            reads.append(f"{name(factor)} = factors[tensor, {column}]")
    if "tensor_size" in used:
        reads.append("tensor_size = sizes[tensor]")
    own = factor_columns(program, number + 1)
    body = [line for item in prepass.scalars for line in _kept(lines, item, own[item.target])]
    return Function(
        "scalars",
        _prepass_name(program, "scalars", number),
        f"Scalars of each variable that `{program.name}` computes from its sums.",
        signature([], lines.switches(prepass.scalars, ())),
        {
            "everywhere": indent(everywhere, 2),
            "reads": indent(reads, 3),
            "body": lay_out(body, 3),
        },
    )


def _norm(norm: Norm) -> list[str]:
    return [f'"{norm.name}"', str(norm.everywhere), f"lambda on: {asks(norm.guard)}"]


def _kept(lines: Lines, item: Assignment, column: int) -> Iterator[Line]:
    yield lines.assignment(item, lines.host)
    yield Line(f"factors[tensor, {column}] = {lines.host.name(item.target)}", item.guard)


def _prepass_name(program: Program, what: str, number: int) -> str:
    return f"{program.name}_{what}" + (f"_{number + 1}" if number else "")


def _entry(program: Program) -> dict[str, object]:
    """What the table at the end of the file says of a program."""
    prepasses = [
        {
            "sums": _prepass_name(program, "sums", number),
            "scalars": _prepass_name(program, "scalars", number) if prepass.scalars else "None",
            "count": len(prepass.reductions),
            "when": asking(prepass.guard, 5),
        }
        for number, prepass in enumerate(program.prepasses)
    ]
    return {
        "name": program.name,
        "gate": program.gate,
        "when": asking(program.guard, 3) if program.guard != ALWAYS else "",
        "factors": list(factor_columns(program, len(program.prepasses))),
        "prepasses": prepasses,
        "norms": [call("Norm", _norm(norm), 4) for norm in program.norms],
    }
