"""Compare: equality of two optimizers for all gradients, or the first step that differs."""

from __future__ import annotations

import time
from dataclasses import replace

from optgen.analysis.compare.divergence import NoRunsError, parting
from optgen.analysis.compare.equality import equality, identity
from optgen.analysis.compare.given_values import check_given
from optgen.analysis.compare.outline import Outline, outlines, without_decay
from optgen.analysis.compare.resemblance import resemblances
from optgen.analysis.compare.settings import Pair, differing, pairs
from optgen.analysis.compare.straight_line import Values, decided, holds
from optgen.analysis.compare.time_limit import TimeIsUpError, time_limit
from optgen.compiler.ir.comparison import Comparison, Setting
from optgen.compiler.ir.expression import names
from optgen.compiler.ir.rule import Block, Rule

__all__ = ["Outline", "compare", "known", "resemblances"]

#: The time limit for all settings together, in seconds.
SECONDS = 8.0
_TIME = "no proof was found in time"
_AGREE = "no proof was found, and all runs agree"
_NO_RUNS = "no proof was found, and no run could be made"


def known(rule: Rule) -> tuple[Outline, ...]:
    """The outlines under which a known rule is found: in all settings, also without its decays."""
    whole = tuple(outlines(rule))
    return (*whole, *(bare for one in whole if (bare := without_decay(one)) is not None))


def compare(one: Rule, other: Rule, fixed: Values, other_fixed: Values) -> Comparison:
    """A comparison of two optimizers, under the given hyperparameter values of each.

    Features are included if a value or a default enables them. A hyperparameter that both compute
    with has an arbitrary common value; the others have their given or default values. Raises
    UsageError for a value that a rule doesn't accept.
    """
    check_given(one, fixed)
    check_given(other, other_fixed)
    end = time.monotonic() + SECONDS
    mine, theirs = _active(one, fixed), _active(other, other_fixed)
    features = (tuple(block.name for block in mine), tuple(block.name for block in theirs))
    bare, other_bare = (replace(rule, blocks=(rule.own,)) for rule in (one, other))
    alone = _compare(bare, other_bare, fixed, other_fixed, end)
    if alone.equal and _used(one, mine, fixed) == _used(other, theirs, other_fixed):
        # Identical features around equivalent rules.
        return replace(alone, features=features)
    if not mine and not theirs:
        return alone
    found = _compare(one, other, fixed, other_fixed, end)
    return replace(found, features=features, alone=None if found.equal else alone)


def _used(rule: Rule, blocks: list[Block], fixed: Values) -> tuple[object, ...]:
    """The semantics of features: their statements, conditions and fixed values."""
    lines = [step for block in blocks for step in (*block.steps, *block.otherwise)]
    expressions = [step.expression for step in lines]
    expressions += [block.proceed for block in blocks if block.proceed is not None]
    given = {n: fixed[n] for one in expressions for n in names(one) if n in fixed}
    atoms = {atom for step in lines for atom in step.guard.atoms}
    values = decided(rule, fixed)
    return blocks, given, {atom: holds(rule.atoms[atom], values) for atom in atoms}


def _compare(one: Rule, other: Rule, fixed: Values, other_fixed: Values, end: float) -> Comparison:
    listed = list(pairs(one, other, fixed, other_fixed))
    gated = any(
        block.proceed is not None
        for rule, values in ((one, fixed), (other, other_fixed))
        for block in _active(rule, values)
    )
    settings = tuple(
        Setting(pair.label, None, why="a feature is on that skips steps")
        if gated
        else _decided(pair, end)
        for pair in listed
    )
    used = {name for pair in listed for name in pair.shared}
    defaults, ranges = differing(one, other, used)
    mine, theirs = ({n: v for pair in listed for n, v in pair.own[k].items()} for k in (0, 1))
    return Comparison(settings, own=(mine, theirs), defaults=defaults, ranges=ranges)


def _decided(pair: Pair, end: float) -> Setting:
    """Decide a setting by structure, then by numbers and algebra."""
    try:
        with time_limit(end - time.monotonic()):
            return identity(pair.label, pair.left, pair.right) or _computed(pair)
    except TimeIsUpError:
        return Setting(pair.label, None, why=_TIME)


def _computed(pair: Pair) -> Setting:
    """Decide a setting by numeric counterexamples, then by algebra."""
    both, why = (pair.left, pair.right), _AGREE
    try:
        found = parting(pair.label, *both, pair.draws)
    except NoRunsError:
        found, why = None, _NO_RUNS
    found = found or equality(pair.label, *both, pair.draws)
    return found or Setting(pair.label, None, why=why)


def _active(rule: Rule, fixed: Values) -> list[Block]:
    """The features that values or defaults enable."""
    values = decided(rule, fixed)
    features = [block for block in rule.blocks if block.slot is not None]
    atoms = {atom for block in features for atom in block.when.atoms}
    on = {atom: holds(rule.atoms[atom], values) for atom in atoms}
    return [block for block in features if block.when.holds(on)]
