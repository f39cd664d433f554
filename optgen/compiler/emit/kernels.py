"""What the generated kernels of every target have: host scalars, tensor scalars, and a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from optgen.compiler.emit.layout import Line, asking, asks, call, indent, lay_out, signature
from optgen.compiler.emit.lines import KernelLines, all_items, factor_columns
from optgen.compiler.emit.printer import FUNCTIONS
from optgen.compiler.ir.condition import ALWAYS
from optgen.compiler.ir.expression import Operation, names, walk
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.function import Origin
from optgen.compiler.ir.functions import REGISTRY
from optgen.compiler.ir.plan import Assignment, Norm, Plan, Prepass, Program, expression_of

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


def operators(plan: Plan) -> set[str]:
    """The operators that kernels of a plan compute."""
    parts = (part for item in all_items(plan) for part in walk(expression_of(item)))
    return {part.operator for part in parts if isinstance(part, Operation)}


def small_functions(plan: Plan) -> list[str]:
    """The small functions of the language that kernels of a plan call."""
    copied = [f.name for f in REGISTRY.values() if Origin.COPIED in (f.code.cpu, f.code.cuda)]
    used = operators(plan)
    return [FUNCTIONS[op] for op in ("square", *copied) if op in used]


def imported(plan: Plan, target: str, origin: Origin) -> list[str]:
    """The functions of the language that kernels of a plan for a target import from somewhere."""
    used = (REGISTRY[operator] for operator in operators(plan) & REGISTRY.keys())
    return sorted(f.kernel for f in used if getattr(f.code, target) is origin)


def elements_doc(program: Program) -> str:
    """The docstring of the kernel of a program."""
    return _DOCS.get(program.name) or f"What happens instead while {program.gate} is false."


def prepass_name(program: Program, what: str, number: int) -> str:
    """The name of the function that makes a kernel of a prepass."""
    return f"{program.name}_{what}" + (f"_{number + 1}" if number else "")


def host_function(lines: KernelLines, plan: Plan, row: str) -> Function:
    """The scalars of one call, read from a row of hyperparameters."""
    name = lines.host.name
    used = {part for item in plan.host.body for part in names(item.expression)} | set(plan.scalars)
    columns = [h.name for h in plan.rule.hyperparameters if not h.is_switch]
    reads = [
        f"{name(given)} = {lines.cell('hyperparameters', row, len(columns), column)}"
        for column, given in enumerate(columns)
        if given in used
    ]
    stores = [
        Line(
            f"{lines.cell('scalars', 'row', len(plan.scalars), column)} = {name(scalar)}",
            lines.defined(scalar),
        )
        for column, scalar in enumerate(plan.scalars)
    ]
    body = [lines.assignment(item, lines.host) for item in plan.host.body]
    return Function(
        "host",
        "host_scalars",
        "The scalars of one call, in float64, from each row of hyperparameters.",
        signature([], lines.switches(plan.host.body, [line.guard for line in stores])),
        {"reads": indent(reads, 3), "body": lay_out(body, 3), "stores": lay_out(stores, 3)},
    )


def tensor_scalars(
    lines: KernelLines, program: Program, number: int, depth: int, sum_of: dict[str, str]
) -> Function:
    """The scalars of each variable that need sums; ``sum_of`` says where each sum is read."""
    prepass, name = program.prepasses[number], lines.host.name
    used = {part for item in prepass.scalars.body for part in names(item.expression)}
    reads = [f"{name(target)} = {source}" for target, source in sum_of.items() if target in used]
    reads += lines.reads(prepass.scalars.body, program, number)
    if "tensor_size" in used:
        reads.append("tensor_size = sizes[tensor]")
    own = factor_columns(program, number + 1)
    body = [line for item in prepass.scalars.body for line in _kept(lines, item, own[item.target])]
    return Function(
        "scalars",
        prepass_name(program, "scalars", number),
        f"Scalars of each variable that `{program.name}` computes from its sums.",
        signature([], scalar_switches(lines, prepass)),
        {"reads": indent(reads, depth), "body": lay_out(body, depth)},
    )


def scalar_switches(lines: KernelLines, prepass: Prepass) -> tuple[str, ...]:
    """The switches that the tensor scalars of a prepass depend on."""
    return lines.switches(prepass.scalars.body, ())


def _kept(lines: KernelLines, item: Assignment, column: int) -> Iterator[Line]:
    yield lines.assignment(item, lines.host)
    place = lines.cell("factors", "tensor", lines.most_factors, column)
    yield Line(f"{place} = {lines.host.name(item.target)}", item.guard)


def kernel_table(plan: Plan, functions: Sequence[Function]) -> dict[str, object]:
    """What the table at the end of a file says, and what it needs imported."""
    return {
        "buffers": [buffer.name for buffer in plan.buffers],
        "scalars": plan.scalars,
        "programs": [_entry(program) for program in plan.programs],
        "has_sums": any(function.kind == "sums" for function in functions),
        "has_norms": any(program.norms for program in plan.programs),
    }


def _entry(program: Program) -> dict[str, object]:
    prepasses = [
        {
            "sums": prepass_name(program, "sums", number),
            "scalars": prepass_name(program, "scalars", number) if prepass.scalars.body else "None",
            "count": len(prepass.sums.reductions),
            "when": asking(prepass.sums.guard, 5),
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


def _norm(norm: Norm) -> list[str]:
    return [
        f'"{norm.name}"',
        str(norm.extent is Extent.OPTIMIZER),
        f"lambda on: {asks(norm.guard)}",
    ]
