"""The class of an optimizer, and the base class with all features' declarations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from optgen.compiler.emit import declarations as declared
from optgen.compiler.emit.arguments import argument, argument_docs
from optgen.compiler.emit.columns import Columns
from optgen.compiler.emit.digest import rule_digest
from optgen.compiler.emit.docstring import notation, paragraph, quoted, wrapped
from optgen.compiler.emit.imports import import_lines
from optgen.compiler.emit.module import Shared, column_lines
from optgen.compiler.ir.expression import names
from optgen.compiler.ir.plan import Plan
from optgen.compiler.ir.reserved import MATRIX
from optgen.compiler.ir.rule import GRAD, Hyperparameter, Rule

_RUNTIME = "optgen.runtime"


def optimizer_context(plan: Plan, columns: Columns, shared: Shared) -> dict[str, object]:
    """The context of the template of a class: all that isn't shared."""
    rule = plan.rule
    known = set(features_of(shared.plan))
    own = [h for h in rule.hyperparameters if h.replaces or declared.hyperparameter(h) not in known]
    names = {h.name for h in own}
    inherited = [h.name for h in rule.hyperparameters if h.name not in names]
    hyperparameters = [declared.hyperparameter(h) for h in own]
    switches = [declared.switch(*pair, rule) for pair in declared.decided(plan)]
    switches = [line for line in switches if line not in known]
    states = [declared.state(one, plan) for one in rule.states]
    states = [line for line in states if line not in known]
    exclusive = declared.exclusive(plan)
    programs = declared.programs(plan)
    same_programs = programs == declared.programs(shared.plan)
    return {
        "name": rule.name,
        "summary": paragraph(rule.summary or f"The optimizer {rule.name}.", ""),
        "reference": "\n".join(wrapped(f"Reference: {rule.reference}", "    "))
        if rule.reference
        else "",
        "notation": notation(rule.notation),
        "arguments": argument_docs(own),
        "inherited": "\n".join(wrapped(f"{', '.join([*inherited, *_COMMON])}: {_SHARED}", "    ")),
        "declarations": "\n".join(
            [
                *_tuple("hyperparameters", hyperparameters),
                *_tuple("switches", switches),
                *_tuple("states", states),
                *_tuple("inputs", [declared.given(one) for one in rule.inputs]),
                *_listed("exclusive", exclusive, declared.exclusive(shared.plan)),
                *_tuple("torch_names", list(_torch(plan))),
                *_tuple("torch_words", list(_torch_words(plan))),
                *_tuple("torch_fixed", list(_torch_fixed(plan))),
                *_text("view", rule.view),
                *_text("compute", rule.compute),
                *_text("fallback", rule.fallback),
                *_gradient_free(rule),
                *_layout(columns, shared.columns, "" if same_programs else programs, plan),
            ]
        ),
        "signature": _signature([h for h in rule.hyperparameters if not h.after_name]),
        "keywords": _signature([h for h in rule.hyperparameters if h.after_name]),
        "excludable": [h.name for h in own if h.excluded is not None]
        + ([MATRIX] if rule.view else []),
        "imports": "\n".join(_imports(hyperparameters, switches, states, own, same_programs, plan)),
        "spec": rule_digest(rule),
        "label": f'"{quoted(rule.label)}"' if rule.label else "None",
    }


#: Documentation of the arguments that all optimizers have.
_SHARED = "those of every optimizer, which `Featured` documents."
#: Arguments of every optimizer, independent of features.
_COMMON = (
    *("options", "constraints", "overwrite_with_gradient", "on_nonfinite", "state_dtype"),
    *("rounding", "rounding_seed"),
)


def features_context(shared: Shared) -> dict[str, object]:
    """The context of the template of the class of features."""
    plan = shared.plan
    hyperparameters = _of_features(plan)
    return {
        "arguments": argument_docs(hyperparameters),
        "constants": "\n".join(column_lines(shared.columns, Columns())),
        "declarations": "\n".join(_as_arguments(plan, shared.columns, hyperparameters)),
        "excludable": [h.name for h in hyperparameters if h.excluded is not None],
        "imports": "\n".join(import_lines({_RUNTIME: _features_imports(plan)})),
    }


def _as_arguments(
    plan: Plan, columns: Columns, hyperparameters: Sequence[Hyperparameter]
) -> Iterator[str]:
    """What features declare, as keyword arguments."""
    rule = plan.rule
    own = next(k for k, block in enumerate(rule.blocks) if block.slot is None)
    early = _stated_before(plan, own)
    states = [(declared.state(one, plan), one.name in early) for one in rule.states]
    listed = {
        "hyperparameters": [declared.hyperparameter(h) for h in hyperparameters],
        "switches": [declared.switch(*pair, rule) for pair in declared.decided(plan)],
        "states_before": [line for line, before in states if before],
        "states_after": [line for line, before in states if not before],
        "exclusive": [f"{names}," for names in declared.exclusive(plan)],
    }
    for title, lines in listed.items():
        if lines:
            yield f"{title}=("
            yield from (f"    {line}" for line in lines)
            yield "),"
    *layout, end = _layout(columns, Columns(), declared.programs(plan))
    yield from (*("".join(layout[0].split()), *layout[1:]), f"{end},")


def features_of(plan: Plan) -> Iterator[str]:
    """The declarations that features make, as lines."""
    yield from map(declared.hyperparameter, _of_features(plan))
    yield from (declared.switch(*pair, plan.rule) for pair in declared.decided(plan))
    yield from (declared.state(one, plan) for one in plan.rule.states)


def _of_features(plan: Plan) -> list[Hyperparameter]:
    """All but the first hyperparameter, the learning rate, which is the rule's own."""
    return list(plan.rule.hyperparameters[1:])


def _stated_before(plan: Plan, own: int) -> set[str]:
    """What features that come before the rule assign, states among it."""
    blocks = plan.rule.blocks[:own]
    return {step.target for block in blocks for step in (*block.steps, *block.otherwise)}


def _signature(hyperparameters: Sequence[Hyperparameter]) -> list[str]:
    return [argument(h, "Scheduled") for h in hyperparameters]


def _layout(
    columns: Columns, shared: Columns, programs: str, plan: Plan | None = None
) -> Iterator[str]:
    """Where kernels find what, as an attribute of a class or an argument."""
    yield "layout = Layout("
    for title, every, before in zip(
        ("columns", "buffers", "factors"), columns.tables, shared.tables, strict=True
    ):
        if own := every[len(before) :]:
            yield f"    {title}={declared.tupled(own)},"
    if plan is not None:
        vectors = [f'"{b.name}", "{declared.shape_of(b.extent)}"' for b in plan.vectors]
        shaped = ((b, declared.shape_of(b.extent)) for b in plan.matrices)
        matrices = [f'"{b.name}", "{shape}", {b.slot}' for b, shape in shaped]
        for title, scratch in (("vectors", vectors), ("matrices", matrices)):
            if scratch:
                yield f"    {title}=("
                yield from (f"        ({one})," for one in scratch)
                yield "    ),"
    if programs:
        yield "    programs=("
        yield from (f"        {line}" for line in programs.split("\n"))
        yield "    ),"
    yield ")"


def _text(title: str, value: str) -> Iterator[str]:
    if value:
        yield f'{title} = "{value}"'


def _gradient_free(rule: Rule) -> Iterator[str]:
    own = (block for block in rule.blocks if block.slot is None)
    steps = (step for block in own for step in block.every_step)
    if not any(GRAD in names(step.expression) for step in steps):
        yield "is_gradient_free = True"


def _tuple(title: str, lines: Sequence[str] | Iterator[str]) -> Iterator[str]:
    listed = list(lines)
    if listed:
        yield f"{title} = ("
        yield from (f"    {line}" for line in listed)
        yield ")"


def _listed(title: str, sets: list[str], known: list[str]) -> Iterator[str]:
    if sets != known:
        yield f"{title} = ({', '.join(sets)},)"


def _torch(plan: Plan) -> Iterator[str]:
    for one in plan.rule.torch:
        # Without a feature, its arguments are omitted.
        if all(plan.rule.hyperparameter(name.value) for name in one.sets):
            yield f'("{one.name}", {declared.tupled(name.value for name in one.sets)}),'


def _torch_words(plan: Plan) -> Iterator[str]:
    for one in plan.rule.torch:
        if one.words:
            yield f'("{one.name}", {declared.tupled(name.value for name in one.words)}),'


def _torch_fixed(plan: Plan) -> Iterator[str]:
    for one in plan.rule.torch:
        if one.fixed is not None:
            yield f'("{one.name}", {one.fixed!r}),'


def _imports(
    hyperparameters: list[str],
    switches: list[str],
    states: list[str],
    own: Sequence[Hyperparameter],
    same_programs: bool,
    plan: Plan,
) -> Iterator[str]:
    needed = {
        "Array": bool(plan.rule.view) or any(h.excluded is not None for h in own),
        "Constraints": True,
        "Hyperparameter": bool(hyperparameters),
        "Input": bool(plan.rule.inputs),
        "Keep": not same_programs and any(program.keeps for program in plan.programs),
        "Layout": True,
        "MatrixCall": bool(plan.matrices),
        "Norm": not same_programs and any(program.norms for program in plan.programs),
        "OnNonfinite": True,
        "Rounding": True,
        "StateDtypes": True,
        "PathOptions": True,
        "Phase": "Phase(" in declared.programs(plan) and not same_programs,
        "Program": not same_programs,
        "Scheduled": True,
        "State": bool(states),
        "Switch": bool(switches),
    }
    modules = {
        "collections.abc": ["Sequence"],
        "typing": ["Any"],
        _RUNTIME: [name for name, used in needed.items() if used],
        ".features": ["Featured"],
    }
    yield from import_lines(modules)


def _features_imports(plan: Plan) -> list[str]:
    needed = {
        "Array": any(h.excluded is not None for h in plan.rule.hyperparameters),
        "Features": True,
        "Keep": any(program.keeps for program in plan.programs),
        "Hyperparameter": len(plan.rule.hyperparameters) > 1,
        "Layout": True,
        "Norm": any(program.norms for program in plan.programs),
        "Optimizer": True,
        "Phase": "Phase(" in declared.programs(plan),
        "Program": True,
        "State": bool(plan.rule.states),
        "Switch": any(declared.decided(plan)),
    }
    return [name for name, used in needed.items() if used]
