"""Prove: Rule → findings. Properties over all values of names, and counterexamples."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from optgen.analysis.exact.composition import TooLargeError
from optgen.analysis.exact.polynomial import NotPolynomialError
from optgen.analysis.exact.work import ExhaustedError, Work, bounded
from optgen.analysis.prove.battery import Battery, Observed
from optgen.analysis.prove.behaviour import behaviours
from optgen.analysis.prove.degree import degrees, units
from optgen.analysis.prove.descent import descent
from optgen.analysis.prove.domains import domains
from optgen.analysis.prove.extremes import overflow, underflow
from optgen.analysis.prove.inferred_invariants import inferred
from optgen.analysis.prove.invariants import invariants
from optgen.analysis.prove.parity import oddness
from optgen.analysis.prove.reachability import Reached
from optgen.analysis.prove.rounding import rounding
from optgen.analysis.prove.sampling import Budget, Search
from optgen.analysis.prove.semidefinite import kept_squares, square_operands
from optgen.analysis.prove.start import starts
from optgen.analysis.prove.state_use import memories
from optgen.analysis.prove.step_size import EVER, FIRST, sizes
from optgen.analysis.prove.variant import PRODUCTS, Variant, last_location, variants
from optgen.analysis.prove.weights import weights
from optgen.compiler.ir.proof import EVERY, Finding, Group, Verdict
from optgen.compiler.ir.rule import CALL, LEARNING_RATE, STEP, Rule

#: Initial values of the sampled numbers that may refute a property, besides the defaults.
_FIRST = {"grad": 2.0, "step": 1.0, "param": 1.0}
_UNKNOWN = "nothing more is known"


#: Units of work for one group of properties of a rule, and for all groups together.
MOST_WORK, MOST_WORK_OF_ALL = 600_000, 1_500_000

Analysis = Callable[[], Iterable[Finding]]
#: The analyses of other groups that have findings of a group, or are needed for those.
_WHERE_FLOAT32_ENDS = frozenset({Group.DOMAIN, Group.FLOAT32})
_NEEDED = {
    Group.WEIGHTS: frozenset({Group.START}),
    Group.FLOAT32: _WHERE_FLOAT32_ENDS,
    Group.RANGE: _WHERE_FLOAT32_ENDS,
    Group.OVERFLOW: _WHERE_FLOAT32_ENDS,
    Group.UNDERFLOW: _WHERE_FLOAT32_ENDS,
}


def prove(rule: Rule, of: frozenset[Group] = EVERY) -> tuple[Finding, ...]:
    """All findings about an optimizer's rule, without features, in each of its variants.

    An analysis that exceeds its time or fails leaves its own properties undecided; the other
    analyses still run. Only those of some groups run if these are given.
    """
    return tuple(findings(rule, of))


def observed(rule: Rule) -> tuple[Observed, ...]:
    """The observed trajectories of a rule, in each setting of its switches.

    Raises TooLargeError for a rule with too many settings, or with too large values.
    """
    defaults = _defaults(rule)
    return tuple(
        Battery(one, _search(rule, one, defaults, Budget())).observed() for one in variants(rule)
    )


def _defaults(rule: Rule) -> dict[str, float]:
    return {
        h.name: float(h.default)
        for h in rule.hyperparameters
        if h.default is not None and not h.is_switch
    }


def _search(rule: Rule, variant: Variant, defaults: Mapping[str, float], budget: Budget) -> Search:
    """The search for samples of a variant."""
    of_rule = [h for h in rule.hyperparameters if not h.is_switch]
    own = frozenset([LEARNING_RATE, *(h.name for h in of_rule)])
    unbounded = frozenset(h.name for h in of_rule if h.range is None) - {LEARNING_RATE}
    integers = frozenset([STEP, CALL, *(h.name for h in rule.hyperparameters if h.integer)])
    first = {**_FIRST, **defaults}
    return Search(variant.known, first, integers, budget, own, unbounded)


def findings(rule: Rule, of: frozenset[Group] = EVERY) -> Iterator[Finding]:
    """The findings, one at a time; per variant, the slowest, purely informative ones come last."""
    return (finding for finding in _findings(rule, of) if finding.group in of)


def _findings(rule: Rule, of: frozenset[Group]) -> Iterator[Finding]:
    """The findings of these groups, and of what they need."""
    needed = of.union(*(_NEEDED.get(group, ()) for group in of))
    defaults, budget, whole = _defaults(rule), Budget(), Work(MOST_WORK_OF_ALL)
    bounds = {group: Work(MOST_WORK) for group in Group}
    try:
        for plain in variants(rule):
            search = _search(rule, plain, defaults, budget)
            reached = Reached(plain, search)
            with bounded(whole, Work(MOST_WORK)):
                variant, more = _inferred(plain, reached)
            reached = reached.knowing(variant, replace(search, known=variant.known))
            yield from more
            for group, analysis in _analyses(variant, reached, defaults):
                if group not in needed:
                    continue
                with bounded(whole, bounds[group]):
                    yield from _attempted(group, variant, analysis)
    except TooLargeError:
        reason = "the rule has too many settings, or values too large, to be looked at as a whole"
        for group in Group:
            yield Finding(group, _UNKNOWN, Verdict.UNDECIDED, rule.location, "", reason)


def _inferred(plain: Variant, reached: Reached) -> tuple[Variant, tuple[Finding, ...]]:
    """The variant with the inferred invariants of its states, and the findings about them."""
    known = [plain]

    def analysis() -> Iterator[Finding]:
        known[0], more = inferred(plain, reached)
        yield from more

    found = tuple(_attempted(Group.INVARIANT, plain, analysis))
    return known[0], found


def _analyses(
    variant: Variant, reached: Reached, defaults: Mapping[str, float]
) -> Iterator[tuple[Group, Analysis]]:
    """The analyses of a variant, each with the group that is undecided if the analysis fails."""
    search, found = reached.search, list[Finding]()

    def noted() -> Iterator[Finding]:
        for finding in domains(variant, reached):
            found.append(finding)
            yield finding

    yield Group.INVARIANT, lambda: invariants(variant, reached)
    yield Group.INVARIANT, lambda: kept_squares(variant)
    yield Group.DOMAIN, noted
    yield Group.DOMAIN, lambda: square_operands(variant)
    yield Group.DESCENT, lambda: descent(variant, search)
    yield Group.ODDNESS, lambda: oddness(variant, search)
    yield Group.DEGREE, lambda: degrees(variant, defaults)
    yield Group.WEIGHTS, lambda: weights(variant)
    if not variant.parts:
        yield Group.START, lambda: starts(variant, defaults)
    if not variant.is_perturbed:  # Runs would take both gradients at one point.
        yield Group.START, lambda: memories(variant)
        yield Group.BEHAVIOUR, lambda: _behaviours(variant, search)
    yield Group.FLOAT32, lambda: _hazards(variant, defaults, found)
    yield Group.UNIT, lambda: units(variant, defaults)
    yield Group.SIZE, lambda: _sizes(variant, search, defaults)


def _behaviours(variant: Variant, search: Search) -> Iterator[Finding]:
    if not variant.has_rank:
        yield from behaviours(variant, search)
        return
    where = last_location(variant), variant.label
    reason = "no runs are made with matrices that have a side of a rank"
    yield Finding(Group.BEHAVIOUR, _UNKNOWN, Verdict.UNDECIDED, *where, reason)


def _sizes(variant: Variant, search: Search, defaults: Mapping[str, float]) -> Iterator[Finding]:
    if not variant.parts:
        yield from sizes(variant, search, defaults)
        return
    for statement in (FIRST, EVER):
        where = last_location(variant), variant.label, PRODUCTS
        yield Finding(Group.SIZE, statement, Verdict.UNDECIDED, *where)


def _hazards(
    variant: Variant, defaults: Mapping[str, float], found: Sequence[Finding]
) -> Iterator[Finding]:
    """Domain errors that rounding causes although exact arithmetic excludes them."""
    safe = {str(one.location) for one in found if one.verdict is Verdict.PROVED}
    with suppress(KeyError, TypeError):  # Some variants can't run without a value from the user.
        hazards = [*rounding(variant, defaults), *underflow(variant, defaults)]
        yield from (one for one in hazards if str(one.location) in safe)
        yield from overflow(variant, defaults)


def _attempted(group: Group, variant: Variant, analysis: Analysis) -> list[Finding]:
    """The findings of an analysis, and an additional one if it stopped early."""
    found: list[Finding] = []
    common = group, _UNKNOWN, Verdict.UNDECIDED, variant.location, variant.label
    try:
        for finding in analysis():
            found.append(finding)
    except (ExhaustedError, NotPolynomialError):
        found.append(Finding(*common, "its expressions need more work than an analysis may take"))
    except Exception as error:
        reason = f"the analysis failed: {type(error).__name__}"
        found.append(Finding(*common, reason, crash=traceback.format_exc()))
    return found
