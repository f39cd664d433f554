"""The modules of a target; functions that are already in ``features.py`` are left out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from optgen.compiler.emit.code import (
    FeatureScalars,
    Function,
    HostScalars,
    Pass,
    TensorScalars,
)
from optgen.compiler.emit.columns import Columns, all_names, blocks_of, columns_of, step_names
from optgen.compiler.emit.functions import functions_of, scalars_of
from optgen.compiler.emit.imports import import_lines
from optgen.compiler.emit.target import Naming, StatementPrinter, Target
from optgen.compiler.emit.templates import Templates
from optgen.compiler.ir.expression import names
from optgen.compiler.ir.plan import Assignment, Plan, Program
from optgen.compiler.ir.reserved import PYTHON_WORDS

_DOCS = {
    "update": "The update of every variable that has a gradient.",
    "perturb": "What moves each variable to where the next gradient is taken.",
    "come_back": "What comes back from there without an update.",
    "evaluate": "What evaluation uses in place of the parameter.",
    "absent": "What an update does to a variable without a gradient.",
}


@dataclass(frozen=True)
class Shared:
    """The code that all rules share: a plan of the features around a minimal rule."""

    plan: Plan

    @cached_property
    def columns(self) -> Columns:
        """The columns of every optimizer."""
        return columns_of(self.plan, Columns())

    @cached_property
    def functions(self) -> tuple[Function, ...]:
        """The functions that optimizers may share."""
        host = scalars_of(self.plan, self.columns, FeatureScalars, self.plan.host.assignments)
        every = functions_of(self.plan)
        return (host, *(one for one in every if one.name != self.plan.programs[0].name))


def own_functions(plan: Plan, columns: Columns, shared: Shared) -> tuple[Function, ...]:
    """The functions of a plan that are not shared."""
    known = {function.name: function for function in shared.functions}
    every = [*functions_of(plan)]
    made = [one for one in every if not _is_known(one, known)]
    # On a device, a function of sums calls the one of scalars, in its own module.
    called = [one.finish for one in made if isinstance(one, Pass)]
    made = [one for one in every if one in made or one in called]
    return (scalars_of(plan, columns, HostScalars, _own_items(plan, shared)), *made)


def _is_known(function: Function, known: Mapping[str, Function]) -> bool:
    """Whether the function is among the shared ones."""
    same = known.get(function.name)
    if same is None or _essence(function) != _essence(same):
        return False
    finish = function.finish if isinstance(function, Pass) else None
    return finish is None or _is_known(finish, known)


def _essence(function: Function) -> tuple[object, ...]:
    """What functions of the same code have in common."""
    of: tuple[object, ...] = ()
    if isinstance(function, Pass | TensorScalars):
        of = function.program.name, function.program.gate
    return type(function), of, function.switches, function.reads, function.body


def _own_items(plan: Plan, shared: Shared) -> list[Assignment]:
    """The scalars that features don't compute, with those of features that they need."""
    given = set(shared.plan.host.assignments)
    wanted = {item.target for item in plan.host.assignments if item not in given}
    items: list[Assignment] = []
    for item in reversed(plan.host.assignments):
        if item.target in wanted:
            items.insert(0, item)
            wanted |= set(names(item.expression))
    return items


@dataclass(frozen=True)
class Module:
    """One generated module of a target."""

    target: Target
    plan: Plan
    columns: Columns
    functions: tuple[Function, ...]
    shared: Shared | None = None

    @cached_property
    def naming(self) -> Naming:
        """The spelling of names: those that clash with reserved ones get an underscore."""
        target = self.target
        reserved = target.words | PYTHON_WORDS | {program.name for program in self.plan.programs}
        reserved |= set(self.columns.constants.values())
        renamed = {
            name: f"{name}_"
            for name in all_names(self.plan) | step_names(self.plan)
            if name in reserved or name.endswith(target.endings)
        }
        source = self.shared.columns if self.shared else self.columns
        constants = self.columns.constants
        shared = {name for name, one in source.constants.items() if constants[name] == one}
        return Naming(self.columns, renamed, shared)

    def text(self, templates: Templates, name: str, header: str, fingerprint: str) -> str:
        """The module as its templates print it."""
        printer = self.target.printer(self.plan, self.naming)
        functions = printer.functions(self.functions)
        parts = [*printer.called(templates)]
        parts += [self._function(one, printer, templates) for one in functions]
        context = {
            "header": header,
            "name": name,
            "is_shared": self.shared is None,
            "imports": "\n".join(self._imports(printer, functions, "".join(parts))),
            "constants": "\n".join(self._constants()),
            "fingerprint": fingerprint,
            "functions": "".join(f"\n\n{part}" for part in parts),
        }
        return templates.render(f"{self.target.name}/module.py.j2", context)

    def _function(self, function: Function, printer: StatementPrinter, templates: Templates) -> str:
        """A function as its template prints it."""
        passed = [printer.name(one) for one in self._passed]
        wanted = {*function.switches}
        if isinstance(function, Pass) and function.finish and self.target.finishes:
            wanted |= {*function.finish.switches}
        if isinstance(function, HostScalars) and not isinstance(function, FeatureScalars):
            wanted |= {*self._passed}
        order = (switch.name for switch in self.plan.switches)
        named = [printer.name(one) for one in order if one in wanted]
        context: dict[str, Any] = {"first": "", "runtime_switches": ()}
        context |= printer.context(function)
        context |= {
            "name": function.name,
            "signature": _signature(context["first"], [*context["runtime_switches"], *named]),
            "taken": "".join(f", {switch}: bool" for switch in named),
            "passed": "".join(f", {switch}" for switch in passed),
        }
        if isinstance(function, Pass | TensorScalars):
            context |= {"program": function.program.name, "doc": doc_of(function.program)}
        said = " ".join(value for value in context.values() if isinstance(value, str))
        words = {*re.findall(r"\w+", said)}
        context["uses"] = words.__contains__
        return templates.fill(f"{self.target.name}/{function.template}.py.j2", context)

    @property
    def _passed(self) -> Sequence[str]:
        """The switches that features' scalars are computed with."""
        if self.shared is None:
            return ()
        return self.shared.functions[0].switches

    def _imports(
        self, printer: StatementPrinter, functions: Sequence[Function], code: str
    ) -> Iterator[str]:
        modules: dict[str, set[str]] = {}
        used = [name for function in functions for name in printer.uses(function)]
        for name in (*used, *printer.needs(code)):
            modules.setdefault(printer.support[name], set()).add(name)
        if self.target.has_columns:
            modules["..features"] = {*re.findall(r"\w+", code)} & self.naming.imported
        if self.shared is not None and not self.target.is_whole:
            modules[".features"] = {FeatureScalars.template}
        yield from import_lines(modules)

    def _constants(self) -> Iterator[str]:
        """The numbers of the columns that are an optimizer's own."""
        if self.shared is not None and self.target.has_columns:
            yield from column_lines(self.columns, self.shared.columns)


def column_lines(columns: Columns, shared: Columns) -> Iterator[str]:
    """Assignments of numbers to the constants of columns that aren't shared."""
    for constants, first in blocks_of(columns, shared):
        if len(constants) == 1:
            yield f"{constants[0]} = {first}"
        else:
            numbers = f"{first}, {first + len(constants)}" if first else f"{len(constants)}"
            yield f"{', '.join(constants)} = range({numbers})"


def _signature(first: str, switches: Sequence[str]) -> str:
    named = [f"{switch}: bool" for switch in switches]
    return ", ".join([*([first] if first else []), *(["*"] if named else []), *named])


def doc_of(program: Program) -> str:
    """What the function of a program is for."""
    return _DOCS.get(program.name) or f"What happens instead while {program.gate} is false."
