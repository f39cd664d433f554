"""Hyperparameters without influence, observed in runs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from optgen.analysis.prove.battery import Battery
from optgen.analysis.prove.observation import observation
from optgen.analysis.prove.safety_constants import SMALL
from optgen.analysis.prove.sampling import is_inside
from optgen.analysis.prove.variant import Variant
from optgen.compiler.ir.expression import Operation, names, walk
from optgen.compiler.ir.functions import REGISTRY
from optgen.compiler.ir.proof import Finding
from optgen.compiler.ir.rule import PARAM

_STEPS = 60
#: Operations that select one of several values, so that a bound may never be active.
_CHOICES = frozenset({"where", *(f.name for f in REGISTRY.values() if f.selects)})


def influence(battery: Battery) -> Iterator[Finding]:
    """A finding for each hyperparameter outside of bounds and choices, unless it is tiny."""
    first, known = battery.search.first, battery.search.known
    usual = {name: first.get(name, one) for name, one in battery.hyperparameters.items()}
    others = {}
    for name in sorted(_counted(battery.variant) & usual.keys() - battery.search.integers):
        one = usual[name]
        near = [x for x in (one / 2, (1 + one) / 2, 2 * one) if x != one]
        allowed = [x for x in near if is_inside(x, known[name])]
        if one > SMALL and allowed:
            others[name] = allowed[0], allowed[-1]
    if not others:
        return
    rows = 1 + 2 * len(others)
    changed = {name: np.full((rows, 1), one) for name, one in usual.items()}
    for place, (name, values) in enumerate(others.items()):
        changed[name][1 + 2 * place : 3 + 2 * place, 0] = values
    # Gradients of all magnitudes, some of constant sign, so that each choice takes both branches.
    draws = np.random.default_rng(3).normal(size=(_STEPS, 1, battery.start.size))
    draws *= 10.0 ** (3 * np.sin(np.arange(_STEPS) / 5))[:, None, None]
    draws[_STEPS // 3 : _STEPS // 2] = np.abs(draws[_STEPS // 3 : _STEPS // 2])
    start = np.repeat(battery.start, rows, axis=0)
    path = battery.run(start, lambda _, n: np.repeat(draws[n], rows, axis=0), _STEPS, changed)
    same = (path.parameters == path.parameters[:, :1]).all(axis=(0, 2))
    for place, (name, values) in enumerate(others.items()):
        yield observation(
            battery,
            f"{name} makes a difference in some run",
            not same[1 + 2 * place : 3 + 2 * place].all(),
            f"with {values[0]:g} and {values[1]:g} in place of {usual[name]:g}",
            {},
            fault=f"{name} makes no difference",
        )


def _counted(variant: Variant) -> set[str]:
    """The names in use, without those of choices, and of evaluation, alone."""
    used, bounds = set[str](), set[str]()
    for step in variant.assignments:
        used |= {*names(step.expression)}
        for part in walk(step.expression):
            if isinstance(part, Operation) and part.operator in _CHOICES:
                bounds |= {*names(part)}
    of_evaluation = variant.behind(variant.evaluated) - variant.behind({PARAM})
    return used - bounds - of_evaluation
