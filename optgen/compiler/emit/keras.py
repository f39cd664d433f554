"""The Keras operations of a plan, as what the template ``keras.py.j2`` has holes for.

Whole tensors take the place of elements, and dictionaries that of tables; the lines are the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from optgen.compiler.emit.kernels import Function, elements_doc, kernel_table, prepass_name
from optgen.compiler.emit.layout import Line, lay_out, signature
from optgen.compiler.emit.lines import Lines, factor_columns, when_assigned
from optgen.compiler.emit.meaning import printed
from optgen.compiler.emit.printer import Printer
from optgen.compiler.ir.condition import ALWAYS, Condition
from optgen.compiler.ir.expression import names
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.functions import FUNCTIONS, REGISTRY
from optgen.compiler.ir.plan import (
    Access,
    Assignment,
    Item,
    Plan,
    Prepass,
    Program,
    expression_of,
)
from optgen.compiler.ir.reserved import KERAS_WORDS, TENSOR_SIZE
from optgen.compiler.ir.rule import COUNTERS

#: The functions of the language, and the operators that Python can't apply to tensors.
OPERATIONS: Mapping[str, str] = {
    **{name: f"ops.{REGISTRY[name].array}" for name in FUNCTIONS},
    "square": "ops.square",
    "and": "ops.logical_and",
    "or": "ops.logical_or",
    "not": "ops.logical_not",
}
#: Host values may be Python floats, whose operators raise where IEEE 754 has infinity or NaN.
HOST_OPERATIONS: Mapping[str, str] = {
    **OPERATIONS,
    "/": "ops.divide",
    "%": "ops.mod",
    "**": "ops.power",
}
#: Wraps literals: everything that meets a tensor is a tensor of the same dtype.
REAL = "ops.real"
_TENSORS, _SCALARS, _SUMS, _TOTALS = (
    f"{name}: dict[str, Any]" for name in ("tensors", "scalars", "sums", "totals")
)
_OPS = "ops: Any"


class KerasLines(Lines):
    """Prints parts of a plan as operations on tensors, which dictionaries hold by name."""

    words = KERAS_WORDS

    def printers(self, renamed: Mapping[str, str]) -> tuple[Printer, Printer]:
        """Host values are Python floats or tensors; all others are tensors."""
        host = Printer(names=renamed, functions=HOST_OPERATIONS)
        return host, Printer(REAL, renamed, OPERATIONS)

    def reads(self, table: str, used: Iterable[str], guards: Mapping[str, Condition]) -> list[Line]:
        """Entries of a dictionary into names, each where it is there."""
        wanted = set(used)
        return [
            Line(f'{self.host.name(name)} = {table}["{name}"]', guard)
            for name, guard in guards.items()
            if name in wanted
        ]

    def moves(self, section: str, accesses: Iterable[Access]) -> Iterator[Line]:
        """Tensors into names, or names into the dictionary of tensors."""
        for access in accesses:
            name, entry = self.element.name(access.buffer), f'tensors["{access.buffer}"]'
            text = f"{name} = {entry}" if section == "load" else f"{entry} = {name}"
            yield Line(text, access.guard, section)

    def item(self, item: Item) -> Line:
        """One line, under the name of the block that it comes from."""
        if isinstance(item, Assignment):
            return self.assignment(item, self.element, item.block)
        table = "totals" if item.extent is Extent.OPTIMIZER else "sums"
        term = printed(item.term, self.element)
        return Line(f'{table}["{item.target}"] = {term}', item.guard, item.block)


def keras_context(plan: Plan) -> dict[str, object]:
    """Everything that the template shows."""
    lines = KerasLines(plan)
    functions = [_host(lines, plan)]
    functions += [f for program in plan.programs for f in _functions(lines, program)]
    return {"name": plan.rule.name, "functions": functions, **kernel_table(plan, functions)}


def _functions(lines: KerasLines, program: Program) -> Iterator[Function]:
    for number, prepass in enumerate(program.prepasses):
        yield _sums(lines, program, number, prepass)
        if prepass.scalars.body:
            yield _tensor_scalars(lines, program, number, prepass)
    body = [
        *_scalar_reads(lines, program.elements.body, program, len(program.prepasses)),
        *lines.moves("load", program.elements.loads),
        *map(lines.item, program.elements.body),
        *lines.moves("store", program.elements.stores),
    ]
    accesses = [access.guard for access in (*program.elements.loads, *program.elements.stores)]
    arguments = (_TENSORS, _SCALARS, _OPS)
    doc = elements_doc(program)
    yield _function(
        lines, "elements", program.name, doc, arguments, body, program.elements.body, accesses
    )


def _function(
    lines: KerasLines,
    kind: str,
    name: str,
    doc: str,
    arguments: Iterable[str],
    body: list[Line],
    items: Iterable[Item],
    guards: Iterable[Condition] = (),
) -> Function:
    """A function of the switches that its lines, and the items that they print, depend on."""
    switches = lines.switches(items, [*guards, *(line.guard for line in body)])
    return Function(kind, name, doc, signature([*arguments], switches), {"body": lay_out(body, 1)})


def _host(lines: KerasLines, plan: Plan) -> Function:
    used = {part for item in plan.host.body for part in names(item.expression)}
    given = [h.name for h in plan.rule.hyperparameters if not h.is_switch]
    declared = dict.fromkeys([*given, *COUNTERS], ALWAYS)
    computed = {item.target for item in plan.host.body}
    body = lines.reads("scalars", used, declared)
    body += [lines.assignment(item, lines.host) for item in plan.host.body]
    body += [
        Line(f'scalars["{scalar}"] = {lines.host.name(scalar)}', lines.defined(scalar))
        for scalar in plan.scalars
        if scalar in computed
    ]
    doc = "Add what one call computes of the hyperparameters and counters in `scalars`."
    return _function(lines, "host", "host_scalars", doc, (_SCALARS, _OPS), body, plan.host.body)


def _sums(lines: KerasLines, program: Program, number: int, prepass: Prepass) -> Function:
    body = [
        *_scalar_reads(lines, prepass.sums.body, program, number),
        *lines.moves("load", prepass.sums.loads),
        *map(lines.item, prepass.sums.body),
    ]
    return _function(
        lines,
        "sums",
        prepass_name(program, "sums", number),
        f"Terms of sums that `{program.name}` must know first; `totals` run over all variables.",
        (_TENSORS, _SCALARS, _SUMS, _TOTALS, _OPS),
        body,
        prepass.sums.body,
        [access.guard for access in prepass.sums.loads],
    )


def _tensor_scalars(lines: KerasLines, program: Program, number: int, prepass: Prepass) -> Function:
    used = {part for item in prepass.scalars.body for part in names(item.expression)}
    body = _scalar_reads(lines, prepass.scalars.body, program, number)
    for table, extent in (("sums", Extent.TENSOR), ("totals", Extent.OPTIMIZER)):
        own = [item for item in prepass.sums.reductions if item.extent is extent]
        body += lines.reads(table, used, {item.target: item.guard for item in own})
    body += lines.reads("scalars", used, {TENSOR_SIZE: ALWAYS})
    for item in prepass.scalars.body:
        body.append(lines.assignment(item, lines.element))
        name = lines.element.name(item.target)
        body.append(Line(f'scalars["{item.target}"] = {name}', item.guard))
    return _function(
        lines,
        "scalars",
        prepass_name(program, "scalars", number),
        f"Add what `{program.name}` computes of the sums over a variable to its `scalars`.",
        (_SCALARS, _SUMS, _TOTALS, _OPS),
        body,
        prepass.scalars.body,
    )


def _scalar_reads(
    lines: KerasLines, items: Iterable[Item], program: Program, prepasses: int
) -> list[Line]:
    """The scalars that items use: the host's, and those of the first so many prepasses."""
    items = tuple(items)
    used = {name for item in items for name in names(expression_of(item))}
    used -= {item.target for item in items}
    scalars = [one for prepass in program.prepasses[:prepasses] for one in prepass.scalars.body]
    guards = {scalar: lines.defined(scalar) for scalar in lines.plan.scalars}
    guards |= {name: when_assigned(name, scalars) for name in factor_columns(program, prepasses)}
    return lines.reads("scalars", used, guards)
