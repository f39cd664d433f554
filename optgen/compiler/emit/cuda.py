"""The CUDA kernels of a plan, as what the template ``cuda.py.j2`` has holes for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from optgen.compiler.emit.cuda_lines import CudaLines
from optgen.compiler.emit.kernels import (
    Function,
    elements_doc,
    host_function,
    imported,
    kernel_table,
    prepass_name,
    scalar_switches,
    small_functions,
    tensor_scalars,
)
from optgen.compiler.emit.layout import Line, lay_out, signature, wrap
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.function import Origin
from optgen.compiler.ir.plan import Plan, Prepass, Program
from optgen.compiler.ir.reserved import CHECK_FINITE, NONFINITE

_SIZES = ("real: type", "lanes: int", "threads: int")


def cuda_context(plan: Plan, pick: Callable[[Iterable[str]], list[str]]) -> dict[str, object]:
    """Everything that the template shows; ``pick`` finds the small functions that are called."""
    lines = CudaLines(plan)
    functions = [f for program in plan.programs for f in _functions(lines, program)]
    called = small_functions(plan)
    kinds = {function.kind for function in functions}
    body = "".join(function.parts["body"] for function in functions)
    jit = ["Integer", "Integers", "Kernel", "Reals", "kernel", "load", "store"]
    jit += ["device"] if called or "scalars" in kinds else []
    jit += ["Function"] if "scalars" in kinds else []
    jit += imported(plan, "cuda", Origin.RUNTIME)
    sums = ["PARTS", "clear", "fold", "fold_members", "is_last_block", "leave"]
    sums += [name for name in ("add", "add_square") if f"{name}(" in body]
    return {
        "name": plan.rule.name,
        "host": host_function(lines, plan, "slot"),
        "functions": functions,
        "helpers": pick(called),
        "mathematics": imported(plan, "cuda", Origin.MATH),
        "jit": sorted(jit, key=_as_imported),
        "sums": sorted(sums, key=_as_imported),
        **kernel_table(plan, functions),
    }


def _as_imported(name: str) -> tuple[int, str]:
    """The order that names of an import stand in: constants, classes, the rest."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name


def _functions(lines: CudaLines, program: Program) -> Iterator[Function]:
    for number, prepass in enumerate(program.prepasses):
        if prepass.scalars.body:
            yield _tensor_scalars(lines, program, number, prepass)
        yield _sums(lines, program, number, prepass)
    yield _elements(lines, program)


def _elements(lines: CudaLines, program: Program) -> Function:
    accesses = (*program.elements.loads, *program.elements.stores)
    body = [*lines.taken(program.elements.loads), *map(lines.item, program.elements.body)]
    body += lines.given(program.elements.stores)
    switches = lines.switches(program.elements.body, [access.guard for access in accesses])
    return Function(
        "elements",
        program.name,
        elements_doc(program),
        signature(_SIZES, ["deferred", *switches]),
        {
            "index": str(_index(lines.plan, program)),
            "scalars": lines.scalar_reads(program.elements.body, program, len(program.prepasses)),
            "lanes": lines.lanes(accesses),
            "views": lines.addresses(accesses),
            "loads": lay_out(list(lines.moves("load", program.elements.loads)), 4),
            "body": lay_out(body, 5),
            "stores": lay_out(list(lines.moves("store", program.elements.stores)), 4),
        },
    )


def _sums(lines: CudaLines, program: Program, number: int, prepass: Prepass) -> Function:
    width = len(prepass.sums.reductions)
    leaving = [
        Line(
            f"leave(shared, {item.target}_total, partials, "
            f"{lines.cell('', 'chunk', width, column)[1:-1]})",
            item.guard,
        )
        for column, item in enumerate(prepass.sums.reductions)
    ]
    clearing = [Line(f"clear({item.target}_total)", item.guard) for item in prepass.sums.reductions]
    body = [*lines.taken(prepass.sums.loads), *map(lines.item, prepass.sums.body)]
    guards = [access.guard for access in prepass.sums.loads]
    own = scalar_switches(lines, prepass)
    needed = {*lines.switches(prepass.sums.body, guards), *own}
    switches = [switch.name for switch in lines.plan.switches if switch.name in needed]
    passed = ", ".join(f"{name}={name}" for name in own)
    checked = prepass.sums.reductions[0].target == NONFINITE
    finish = f"finish = {prepass_name(program, 'scalars', number)}({passed})"
    return Function(
        "sums",
        prepass_name(program, "sums", number),
        f"Sums over each variable that `{program.name}` must know first.",
        signature(_SIZES, ["alone", "deferred", *switches]),
        {
            "index": str(_index(lines.plan, program)),
            "count": str(width),
            "scalars": lines.scalar_reads(prepass.sums.body, program, number),
            "lanes": lines.lanes(prepass.sums.loads),
            "totals": lines.totals(prepass.sums.reductions),
            "views": lines.addresses(prepass.sums.loads),
            "clears": lay_out(clearing, 3),
            "loads": lay_out(list(lines.moves("load", prepass.sums.loads)), 4),
            "body": lay_out(body, 6),
            "partials": lay_out(leaving, 3),
            "finishes": f"alone and not ({CHECK_FINITE} and sums[0] != 0.0)"
            if checked
            else "alone",
            "finish": "\n".join(wrap(finish, 1)) if prepass.scalars.body else "",
        },
    )


def _tensor_scalars(lines: CudaLines, program: Program, number: int, prepass: Prepass) -> Function:
    width = len(prepass.sums.reductions)
    sum_of = {}
    for column, reduction in enumerate(prepass.sums.reductions):
        # Row 0 holds the sums over all variables, the others those over each.
        of_each = lines.cell("sums", "(tensor + 1)" if width > 1 else "tensor + 1", width, column)
        sum_of[reduction.target] = (
            f"sums[{column}]" if reduction.extent is Extent.OPTIMIZER else of_each
        )
    return tensor_scalars(lines, program, number, 2, sum_of)


def _index(plan: Plan, program: Program) -> int:
    """The number of the program that must be running: what runs beside the update has its."""
    return plan.programs.index(program) if program.gate else 0
