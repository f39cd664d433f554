"""The CPU kernels of a plan, as what the template ``cpu.py.j2`` has holes for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from optgen.compiler.emit.cpu_lines import CpuLines
from optgen.compiler.emit.kernels import (
    Function,
    elements_doc,
    host_function,
    imported,
    kernel_table,
    prepass_name,
    small_functions,
    tensor_scalars,
)
from optgen.compiler.emit.layout import indent, lay_out, signature
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.function import Origin
from optgen.compiler.ir.plan import Plan, Prepass, Program


def cpu_context(plan: Plan, pick: Callable[[Iterable[str]], list[str]]) -> dict[str, object]:
    """Everything that the template shows; ``pick`` finds the small functions that are called."""
    lines = CpuLines(plan)
    functions = [function for program in plan.programs for function in _functions(lines, program)]
    called = small_functions(plan)
    everywhere = any(function.parts.get("everywhere") for function in functions)
    has_sums = any(function.kind == "sums" for function in functions)
    return {
        "name": plan.rule.name,
        "host": host_function(lines, plan, "row"),
        "functions": functions,
        "helpers": pick([*called, *(["sum_in_order"] if everywhere else [])]),
        "mathematics": imported(plan, "cpu", Origin.MATH),
        "elementary": imported(plan, "cpu", Origin.RUNTIME),
        "needs_numpy": everywhere,
        "pointers": ["BLOCK", *(["add_in_any_order"] if has_sums else []), "block"],
        "numba": [*(["float64"] if has_sums else []), *(["njit"] if called or everywhere else [])],
        **kernel_table(plan, functions),
    }


def _functions(lines: CpuLines, program: Program) -> Iterator[Function]:
    for number, prepass in enumerate(program.prepasses):
        yield _sums(lines, program, number, prepass)
        if prepass.scalars.body:
            yield _tensor_scalars(lines, program, number, prepass)
    yield _elements(lines, program)


def _elements(lines: CpuLines, program: Program) -> Function:
    accesses = (*program.elements.loads, *program.elements.stores)
    every = [*lines.loads(program.elements.loads), *map(lines.item, program.elements.body)]
    every += lines.stores(program.elements.stores)
    return Function(
        "elements",
        program.name,
        elements_doc(program),
        signature(
            ["real: type", "loop: Loop"],
            lines.switches(program.elements.body, [access.guard for access in accesses]),
        ),
        {
            "scalars": lines.scalar_reads(program.elements.body, program, len(program.prepasses)),
            "blocks": lines.blocks(accesses),
            "body": lay_out(every, 5),
        },
    )


def _sums(lines: CpuLines, program: Program, number: int, prepass: Prepass) -> Function:
    targets = [lines.element.name(item.target) for item in prepass.sums.reductions]
    body = [*lines.loads(prepass.sums.loads), *map(lines.item, prepass.sums.body)]
    adding = [f"sums[tensor, {k}] += partial[chunk, {k}]" for k in range(len(targets))]
    leaving = [f"partial[chunk, {k}] = {target}" for k, target in enumerate(targets)]
    return Function(
        "sums",
        prepass_name(program, "sums", number),
        f"Sums over each variable that `{program.name}` must know first.",
        signature(
            ["real: type", "loop: Loop"],
            lines.switches(prepass.sums.body, [access.guard for access in prepass.sums.loads]),
        ),
        {
            "scalars": lines.scalar_reads(prepass.sums.body, program, number),
            "blocks": lines.blocks(prepass.sums.loads),
            "zeros": indent([f"{target} = 0.0" for target in targets], 3),
            "body": lay_out(body, 5),
            "partials": indent(leaving, 3),
            "totals": indent(adding, 3),
        },
    )


def _tensor_scalars(lines: CpuLines, program: Program, number: int, prepass: Prepass) -> Function:
    everywhere, sum_of = [], {}
    for column, reduction in enumerate(prepass.sums.reductions):
        if reduction.extent is Extent.OPTIMIZER:
            target = lines.host.name(reduction.target)
            everywhere.append(f"{target} = sum_in_order(sums[:, {column}])")
        else:
            sum_of[reduction.target] = f"sums[tensor, {column}]"
    function = tensor_scalars(lines, program, number, 3, sum_of)
    function.parts["everywhere"] = indent(everywhere, 2)
    return function
