"""``[fallback]``: the optimizer that updates variables that aren't matrices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from optgen.compiler.ir.problem import Problems
from optgen.compiler.ir.spec import Fallback, Spec, Text
from optgen.compiler.read.load.fields import Fields

KEYS = {"extends", "prefix", "hyperparameters"}
#: Begins the names of the hyperparameters of a fallback.
PREFIX = "fallback_"


def with_fallback(
    spec: Spec, top: Fields, load: Callable[[Text], Spec | None], problems: Problems
) -> Spec:
    """The spec with its fallback, if it has one; ``load`` loads an optimizer by its name."""
    if "fallback" not in top:
        return spec
    table = top.table("fallback", '[fallback] extends = "…"')
    table.only(KEYS)
    extends, prefix = table.text("extends"), table.text("prefix")
    if extends is None:
        if top.holds_table("fallback") and "extends" not in table:
            table.complain("extends", "there is no optimizer to fall back to", 'add extends = "…"')
        return spec
    own = _defaults(table)
    other = load(extends)
    if other is None:
        return spec
    spec = replace(
        spec,
        fallback=Fallback(
            other,
            extends,
            PREFIX if prefix is None else prefix.value,
            extends.location if prefix is None else prefix.location,
            own,
        ),
        waived=(*other.waived, *spec.waived),
        digests=tuple(dict.fromkeys((*spec.digests, *other.digests))),
    )
    _check(spec, top, problems)
    return spec


def _defaults(table: Fields) -> tuple[tuple[Text, bool | int | float], ...]:
    listed = table.table("hyperparameters", "learning_rate = 0.001")
    pairs = [(listed.name(key), listed.scalar(key)) for key in listed]
    return tuple((key, value) for key, value in pairs if value is not None)


def _check(spec: Spec, top: Fields, problems: Problems) -> None:
    """Collect what a spec, or its fallback, has that the other one can't share."""
    assert spec.fallback is not None
    other, at = spec.fallback.spec, spec.fallback.extends
    if spec.view is None:
        message = "a fallback is for variables that aren't matrices, and no view says which are"
        top.complain("fallback", message, 'add [matrix] view = "first by rest", or another view')
    for what, own, found in (
        ("a second point", spec.perturb, other.perturb),
        ("a value of its own for evaluation", spec.evaluate, other.evaluate),
    ):
        if own is not None:
            message = f"a rule with {what} can't have a fallback, which has none"
            problems.add(message, own.location, "drop this, or [fallback]")
        if found is not None:
            message = f"{at.value!r:.80} has {what}, and can't be a fallback"
            problems.add(message, at.location, "name another optimizer")
    if other.inputs:
        message = f"{at.value!r:.80} takes inputs beside the gradient, and can't be a fallback"
        problems.add(message, at.location, "name another optimizer")
    if other.view is not None or other.fallback is not None:
        message = f"{at.value!r:.80} has a rule for matrices, and these aren't any"
        problems.add(message, at.location, "name an optimizer without [matrix]")
