"""A rule as one file: a class derived from torch's optimizers, which needs torch only."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from functools import cached_property

from optgen.compiler.emit.docstring import printable, quoted, wrapped
from optgen.compiler.emit.layout import lay_out
from optgen.compiler.emit.targets.torch.conditions import Conditions
from optgen.compiler.emit.targets.torch.ejected_update import STARTED, Update
from optgen.compiler.emit.targets.torch.library import NAMES, functions
from optgen.compiler.emit.targets.torch.signature import Argument, arguments_of
from optgen.compiler.emit.templates import Templates
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.plan import Plan, Program
from optgen.compiler.ir.randomness import has_draws
from optgen.compiler.ir.reserved import COLUMNS, DIMS, PROBING, ROWS, TENSOR_SIZE
from optgen.compiler.ir.rule import CALL, STEP, Hyperparameter

#: Of lines in a method.
_WIDTH = 92
_TEMPLATE = "ejected/module.py.j2"
_EVALUATE = "evaluate"
_PEER = "Torch"
#: Names that the file needs for itself.
_RESERVED = frozenset(
    [
        *(
            "Any",
            "Callable",
            "Generator",
            "Iterable",
            "Iterator",
            "Tensor",
            "closure",
            "contextmanager",
        ),
        *(
            "defaults",
            "group",
            "index",
            "inputs",
            "long",
            "loss",
            "math",
            "matrix",
            "most",
            "param",
        ),
        *("parameter", "params", "places", "self", "shared", "short", "state", "sorted", "super"),
        *("int", "max", "min", "abs", "len", "torch", "whole", *NAMES),
    ]
)
_RENAMED = {TENSOR_SIZE: "size", ROWS: "rows", COLUMNS: "columns", DIMS: "dims"}


def filled(entries: Iterable[str]) -> Iterator[str]:
    """Entries of a dictionary, as many in each line as it holds."""
    joined = " ".join(one.replace(": ", ":~") for one in entries)
    return (line.replace(":~", ": ") for line in textwrap.wrap(joined, 84))


class Ejected:
    """The file of a plan, whose rule has the features that were chosen."""

    def __init__(self, plan: Plan, templates: Templates) -> None:
        self._plan, self._rule, self._templates = plan, plan.rule, templates
        self._positional, named = arguments_of(plan.rule)
        self._named = [one for one in named if one.name != PROBING]
        self._arguments = (*self._positional, *self._named)
        programs = {program.name: program for program in plan.programs}
        zeros = {a.parts[0].name for a in self._arguments if a.is_zero}
        self._conditions = Conditions(plan, self._identifiers, zeros)
        self._update = self._of(programs["update"])
        self._evaluation = self._of(programs[_EVALUATE]) if _EVALUATE in programs else None

    def text(self, command: str) -> str:
        """The file; ``command`` is what it was written by."""
        rule, update, evaluation = self._rule, self._update, self._evaluation
        called = update.called | (evaluation.called if evaluation else set())
        called |= {"together"} if update.yields else set()
        texts = [*functions(called, rule, self._templates)]
        context = {
            "name": self.name,
            "summary": quoted(rule.summary or rule.name),
            "reference": "\n".join(wrapped(f"Reference: {rule.reference}", "")),
            "has_reference": bool(rule.reference),
            "command": quoted(printable(command)),
            "version": self._templates.version,
            "functions": "\n\n".join(texts),
            "arguments": ", ".join(self._signature()),
            "docs": "\n".join(self._docs()),
            "checks": "\n".join(self._checks()),
            "defaults": "\n".join(filled(f'"{a.name}": {a.name},' for a in self._arguments)),
            "is_view": bool(rule.view),
            "shared": [*self._shared()],
            "inputs": ", ".join(self._inputs()),
            "given": ", ".join(f'"{one.name}": {one.name}' for one in rule.inputs),
            "has_inputs": bool(rule.inputs),
            "yields": update.yields,
            "draws": self._draws,
            "update": lay_out(update.lines, 0, self._conditions.spelled, joined=True),
            "evaluation": self._evaluated(),
        }
        body = self._templates.fill(_TEMPLATE, context)
        context |= {"body": body.rstrip(), "imports": self._imports(body)}
        return self._templates.render("ejected/file.py.j2", context)

    @property
    def name(self) -> str:
        """The name of the class; a rule of torch's formulas has that of torch's class."""
        name = self._rule.name
        return name.removeprefix(_PEER) if self._rule.torch else name

    @cached_property
    def _draws(self) -> bool:
        steps = (step for program in self._plan.programs for step, _ in program.steps)
        return any(has_draws(step.expression) for step in steps)

    @cached_property
    def _identifiers(self) -> dict[str, str]:
        """The identifiers of names that are spelled otherwise."""
        rule, plan = self._rule, self._plan
        own = {step.target for program in plan.programs for step, _ in program.steps}
        own |= {h.name for h in rule.hyperparameters} | {state.name for state in rule.states}
        own |= {one.name for one in rule.inputs}
        found = {name: f"{name}_" for name in own & _RESERVED - {"param"}}
        found |= {a.parts[0].name: a.name for a in self._arguments if a.is_named}
        found |= {n: short for n, short in _RENAMED.items() if short not in own}
        return found | {CALL: STEP, STARTED: "not state"}

    def _evaluated(self) -> str:
        """What gives a parameter the value that evaluation uses; empty if it is its own."""
        if self._evaluation is not None:
            return lay_out(self._evaluation.lines, 0, self._conditions.spelled, joined=True)
        lines = [
            f'if "{state.name}" in self.state[parameter]:\n'
            f'    parameter.copy_(self.state[parameter]["{state.name}"].view_as(parameter))'
            for state in self._rule.states
            if state.stands_in
        ]
        return "\n".join(lines)

    def _of(self, program: Program) -> Update:
        return Update(self._plan, program, self._identifiers, self._conditions, self._arguments)

    def _signature(self) -> Iterator[str]:
        listed = [f"{a.name}: {a.annotation} = {a.default}" for a in self._positional]
        named = [*self._named]
        yield from ["self", "params: Any", *listed, *(["*"] if named else [])]
        for one in named:
            required = bool(one.parts) and one.parts[0].required
            yield f"{one.name}: {one.annotation}" + ("" if required else f" = {one.default}")

    def _docs(self) -> Iterator[str]:
        for one in self._arguments:
            yield from (f"    {line}" for line in wrapped(f"{one.name}: {one.doc}", "    "))

    def _checks(self) -> Iterator[str]:
        for one in self._arguments:
            if len(one.parts) > 1 and any(part.range is not None for part in one.parts):
                names = ", ".join(self._identifiers.get(p.name, p.name) for p in one.parts)
                yield f"{names} = {one.name}"
            if one.words:
                words = ", ".join(f'"{word}"' for word in one.words)
                yield f"if {one.name} not in (None, {words}):"
                said = " or ".join(one.words)
                yield f'    raise ValueError(f"{one.name} must be {said}, not {{{one.name}}}")'
            if not one.parts:
                yield f"if {one.name} != {one.default}:"
                yield f'    raise ValueError(f"expected {one.default}, not {{{one.name}}}")'
            for part in one.parts:
                yield from self._check(part, one)

    def _check(self, part: Hyperparameter, argument: Argument) -> Iterator[str]:
        if part.range is None:
            return
        bounds = self._conditions.python(part.range)
        name = self._identifiers.get(part.name, part.name)
        may_miss = part.optional and not argument.is_zero
        yield f"if {f'{name} is not None and ' if may_miss else ''}not ({bounds}):"
        said = f'    raise ValueError(f"expected {bounds}, not {{{name}}}")'
        # A string isn't broken.
        yield said if len(said) <= _WIDTH else f'    raise ValueError("expected {bounds}")'

    def _shared(self) -> Iterator[str]:
        """The numbers of the optimizer with what they begin with."""
        for state in self._rule.states:
            if state.extent is Extent.OPTIMIZER and not state.is_probe:
                initial = self._identifiers.get(str(state.initial), str(state.initial))
                yield f'self.param_groups[0].setdefault("{state.name}", float({initial}))'

    def _inputs(self) -> Iterator[str]:
        for one in self._rule.inputs:
            kind = "dict[Tensor, Tensor]" if one.extent is Extent.ELEMENT else "float"
            yield f"{one.name}: {kind} | None = None" if one.optional else f"{one.name}: {kind}"

    def _imports(self, body: str) -> str:
        abstract = [n for n in ("Callable", "Generator", "Iterable", "Iterator") if f"{n}[" in body]
        lines = ["import math"] if "math." in body else []
        lines.append(f"from collections.abc import {', '.join(abstract)}")
        lines += ["from contextlib import contextmanager"] if "@contextmanager" in body else []
        return "\n".join(
            [*lines, "from typing import Any", "", "import torch", "from torch import Tensor"]
        )
