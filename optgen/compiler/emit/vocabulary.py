"""The words that generated code may contain: those of the templates and those of the plan."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from optgen.compiler.emit.columns import Columns, all_names, step_names
from optgen.compiler.emit.declarations import shape_of
from optgen.compiler.emit.functions import functions_of
from optgen.compiler.emit.targets import TARGETS
from optgen.compiler.ir.extent import MATRICES
from optgen.compiler.ir.matrix import LIBRARY_CALLS
from optgen.compiler.ir.plan import Plan
from optgen.compiler.ir.reduction import REDUCERS
from optgen.compiler.ir.reserved import CLASSES, MATRIX
from optgen.compiler.ir.rule import Rule

#: Words that printers add to those of the templates.
_PRINTED = CLASSES.union(
    ("bool", "h", "int", "is", "not", "on", "locals", "gate", "norms", "phases", "keeps", "range"),
    (
        "hyperparameters",
        "switches",
        "states",
        "states_before",
        "states_after",
        "exclusive",
        "torch_names",
        "torch_words",
        "torch_fixed",
        "bounds",
        "rank",
        "block",
        "layout",
    ),
    (
        "columns",
        "buffers",
        "factors",
        "when",
        "is_axial",
        "is_pass",
        "is_due_anyway",
        "inputs",
        "of_calls",
        "optional",
        "shape",
        "stores",
        "vectors",
        "compute",
        "view",
        "Keep",
        "MatrixCall",
        "Norm",
        "Phase",
        "Program",
        "type",
        "alone",
        "deferred",
        "element",
        "orders",
        "matrix",
        "tensor",
        "is_probe",
        "reduction",
        "formula",
        *REDUCERS,
    ),
    (
        "over",
        "calls",
        "holds",
        "matrices",
        "transposed",
        "numbers",
        *LIBRARY_CALLS,
        *map(shape_of, MATRICES),
    ),
    *(target.words for target in TARGETS),
)

_WORD = re.compile(r"[A-Za-z_]\w*", re.ASCII)


@dataclass(frozen=True)
class Words:
    """Words of generated code: the compiler's ``own``, and ``all`` with those of the spec.

    ``attributes`` are what may stand after a dot, with what stands before it.
    """

    own: frozenset[str]
    all: frozenset[str]
    attributes: frozenset[str] = frozenset()


def vocabulary(plan: Plan, columns: Columns, templates: Iterable[str]) -> Words:
    """Every name that a file generated from a plan may hold."""
    own = _PRINTED | {word for template in templates for word in _WORD.findall(template)}
    own |= {*_function_names(plan)}
    return Words(own, own.union(_spellings(plan), columns.constants.values()))


def schedule_vocabulary(rule: Rule, template: str, functions: Collection[str]) -> Words:
    """Every name that a file generated from the rule of a schedule may hold."""
    plain = {function for function in functions if "." not in function}
    own = CLASSES | plain | {"bool", "int", "str", "tuple", *_WORD.findall(template)}
    declared = {h.name for h in rule.hyperparameters}
    targets = {step.target for block in rule.blocks for step in block.steps}
    reached = {f"self.{name}" for name in declared} | {*functions} - plain
    return Words(own, own | declared | targets | {rule.name}, frozenset({*reached, "math.pi"}))


def _spellings(plan: Plan) -> Iterator[str]:
    """The names of a plan, and what printers make of them."""
    yield from (
        plan.rule.name,
        plan.rule.module,
        "fallback",
        plan.rule.fallback,
        "is_gradient_free",
    )
    endings = {ending for target in TARGETS for ending in target.endings}
    for name in all_names(plan) | step_names(plan):
        yield from (name, f"{name}_", *(f"{name}{ending}" for ending in endings))
    yield from (program.name for program in plan.programs)
    for hyperparameter in plan.rule.hyperparameters:
        yield f"exclude_from_{hyperparameter.name}"
    yield f"exclude_from_{MATRIX}"


def _function_names(plan: Plan) -> Iterator[str]:
    yield from (function.name for function in functions_of(plan))
