"""The plans of built-in rules whose float32 steps are emulated bit for bit."""

from __future__ import annotations

from optgen.analysis.measure.settings import Setting, settings
from optgen.compiler.ir.expression import Name, Operation, walk
from optgen.compiler.ir.rule import CALL, GRAD, PARAM, STEP
from optgen.compiler.library import optimizer_files
from optgen.compiler.pipeline import load_all, plan_of, surroundings
from tests.numeric.specs import COMPILED

AROUND = surroundings()
SPECS = {spec.name.value: spec for spec in load_all(optimizer_files())}
EVERY = {name: plan_of(spec, AROUND) for name, spec in SPECS.items()}
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


PLANS = {
    name: plan
    for name, plan in EVERY.items()
    if (found := list(settings(plan))) and all(map(_is_emulated, found))
}
#: Those whose kernels tests compile anyway.
WITH_KERNELS = [name for name in PLANS if name.lower() in COMPILED]
