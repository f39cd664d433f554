"""The plans of built-in rules whose float32 steps are emulated bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from optgen.analysis.measure import measure
from optgen.analysis.measure.settings import Setting, settings
from optgen.compiler.ir.accuracy import Accuracy
from optgen.compiler.ir.expression import Name, Operation, walk
from optgen.compiler.ir.plan import Plan
from optgen.compiler.ir.rule import CALL, GRAD, PARAM, STEP
from optgen.compiler.library import optimizer_files
from optgen.compiler.pipeline import load_all, plan_of, surroundings
from tests.numeric.specs import COMPILED, COVER

AROUND = surroundings()
FILES = optimizer_files()
#: Tests are of parts of the rules: were they of each, every process that collects them would plan
#: all rules to know which those are. The first is of what all rules have together.
PARTS = range(6)
#: What IEEE 754 rounds correctly, or not at all.
_ROUNDED = {"+", "-", "*", "/", "neg", "square", "sqrt", "abs", "sign", "max", "min", "where"}
_DECIDING = {"<", ">", "<=", ">=", "==", "!=", "and", "or", "not"}


def _is_emulated(setting: Setting) -> bool:
    """Whether elements meet nothing but such operations, and sums over tensors neither."""
    known = {*setting.numbers, PARAM, GRAD, STEP, CALL, *(state.name for state in setting.states)}
    known |= {item.target for item in (*setting.host, *setting.body)}
    nodes = [node for item in setting.body for node in walk(item.expression)]
    operators = {node.operator for node in nodes if isinstance(node, Operation)}
    names = {node.id for node in nodes if isinstance(node, Name)}
    # A state that begins as the parameter is given another beginning than a kernel's; and the
    # numbers of optional hyperparameters aren't known.
    plain = all(state.initial != PARAM for state in setting.states) and "given" not in setting.label
    return plain and operators <= _ROUNDED | _DECIDING and names <= known


@cache
def planned(name: str) -> Plan:
    """The plan of a built-in rule, by the name of its file."""
    (spec,) = load_all([path for path in FILES if path.stem == name])
    return plan_of(spec, AROUND)


def _stems(part: int) -> list[str]:
    """The names of the files of a part."""
    if part == 0:
        return sorted(COVER)
    others = [path.stem for path in FILES if path.stem not in COVER]
    return others[part - 1 :: len(PARTS) - 1]


@cache
def emulated(part: int) -> Mapping[str, Plan]:
    """Plans of a part of the rules by name, of those that are emulated."""
    plans = map(planned, _stems(part))
    found = {plan.rule.name: plan for plan in plans if all(map(_is_emulated, settings(plan)))}
    return {name: plan for name, plan in found.items() if any(settings(plan))}


def with_kernels(part: int) -> Mapping[str, Plan]:
    """Those whose kernels tests compile anyway."""
    return {name: plan for name, plan in emulated(part).items() if name.lower() in COMPILED}


@cache
def measured(part: int) -> Mapping[str, Accuracy]:
    """What is measured of them."""
    return {name: measure(plan) for name, plan in emulated(part).items()}
