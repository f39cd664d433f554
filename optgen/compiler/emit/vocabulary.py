"""The words that generated code may be made of: those of the templates and those of the plan."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from optgen.compiler.ir.expression import Expression, names
from optgen.compiler.ir.plan import Item, Plan, expression_of
from optgen.compiler.ir.reserved import CLASSES, CUDA_WORDS, KERAS_WORDS, KERNEL_WORDS
from optgen.compiler.ir.rule import Rule

#: Words that printers add to those of the templates.
_PRINTED = (
    frozenset({"bool", "h", "int", "is", "not", "on"})
    | KERNEL_WORDS
    | CUDA_WORDS
    | KERAS_WORDS
    | CLASSES
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


def vocabulary(plan: Plan, templates: Iterable[str]) -> Words:
    """Every name that a file generated from a plan may hold."""
    own = _PRINTED | {word for template in templates for word in _WORD.findall(template)}
    own |= {*_prepass_functions(plan)}
    return Words(own, own.union(_spellings(plan)))


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
    yield from (plan.rule.name, plan.rule.module)
    for name in _names(plan):
        yield from (name, f"{name}_", f"{name}_block")
        yield from (f"{name}_address", f"{name}_lanes", f"{name}_total")
    yield from (program.name for program in plan.programs)
    for hyperparameter in plan.rule.hyperparameters:
        yield f"exclude_from_{hyperparameter.name}"


def _prepass_functions(plan: Plan) -> Iterator[str]:
    for program in plan.programs:
        for number in range(len(program.prepasses)):
            suffix = f"_{number + 1}" if number else ""
            yield from (f"{program.name}_sums{suffix}", f"{program.name}_scalars{suffix}")


def _names(plan: Plan) -> Iterator[str]:
    yield from (h.name for h in plan.rule.hyperparameters)
    yield from (buffer.name for buffer in plan.buffers)
    yield from (switch.name for switch in plan.switches)
    for target, expression in _items(plan):
        yield from (target, *names(expression))


def _items(plan: Plan) -> Iterator[tuple[str, Expression]]:
    every: list[Item] = [*plan.host.body]
    for program in plan.programs:
        every += program.items
    yield from ((item.target, expression_of(item)) for item in every)
