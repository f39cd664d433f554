"""Formulas and declarations of a rule for a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from optgen.analysis.explain import mathml, steps_in_mathml, variants
from optgen.analysis.explain.variants import Variant
from optgen.compiler.ir.expression import rename, text
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.extents import AMOUNTS
from optgen.compiler.ir.language import SPELLED
from optgen.compiler.ir.randomness import unnumbered
from optgen.compiler.ir.reserved import MATRIX
from optgen.compiler.ir.rule import Hyperparameter, Rule, State, Step
from optgen.compiler.ir.stability import Stability
from optgen.site.facts.records import Formulas, Limit, Table


def formulas_of(rule: Rule) -> Iterator[Formulas]:
    """The steps of each variant, the default first, and the move to a second point."""
    usual = {one.name: one.default for one in rule.hyperparameters if one.is_switch}
    usual |= {MATRIX: True}

    def unusual(variant: Variant) -> int:
        """How many switches are set otherwise than by default."""
        return min(
            sum(usual.get(atom, holds) != holds for atom, holds in case)
            for case in variant.when.cases
        )

    for variant in sorted(variants(rule), key=unusual):
        yield _formulas(f"where {variant.setting}" if variant.setting else "", variant.steps)
    for block in rule.blocks:
        if block.perturb:
            yield _formulas("the move to the second point", block.perturb)


def _formulas(heading: str, steps: Sequence[Step]) -> Formulas:
    spelled = [
        replace(step, expression=rename(unnumbered(step.expression), SPELLED)) for step in steps
    ]
    lines = [f"{step.target} = {text(step.expression)}" for step in spelled]
    return {"heading": heading, "mathml": steps_in_mathml(spelled), "lines": lines}


def limits_of(stable: Sequence[Stability]) -> list[Limit]:
    """The stability limits on a quadratic."""
    return [{"mathml": mathml(one.condition), "setting": one.setting} for one in stable]


def hyperparameters_of(rule: Rule) -> Table:
    """The hyperparameters of a rule or a feature."""
    rows = [_hyperparameter(one) for one in rule.hyperparameters]
    return {"headings": ["name", "default", "range", "meaning"], "rows": rows, "remarks": []}


def _hyperparameter(one: Hyperparameter) -> list[str]:
    default = "required" if one.required else "optional" if one.optional else _plain(one.default)
    return [one.name, default, "" if one.range is None else text(one.range), one.doc]


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def states_of(rule: Rule) -> Table:
    """The states of a rule or a feature."""
    rows = [_state(one) for one in rule.states]
    headings = ["name", "size", "holds", "when", "meaning"]
    return {"headings": headings, "rows": rows, "remarks": []}


def _state(state: State) -> list[str]:
    size = "the parameter's" if state.extent is Extent.ELEMENT else AMOUNTS[state.extent]
    invariant = "" if state.invariant is None else text(state.invariant)
    when = " or ".join(
        " and ".join(atom if holds else f"not {atom}" for atom, holds in case)
        for case in state.when.cases
    )
    return [state.name, size, invariant, when, state.doc]
