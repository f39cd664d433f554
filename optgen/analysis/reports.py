"""Reports on specs: proofs, errors and comparisons."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache

from optgen.analysis.compare import Outline, compare, known, resemblances
from optgen.analysis.exact.representative import representative
from optgen.analysis.measure import measure
from optgen.analysis.prove import prove
from optgen.compiler.ir.accuracy import Accuracy
from optgen.compiler.ir.comparison import Comparison
from optgen.compiler.ir.language import ALIASES
from optgen.compiler.ir.proof import EVERY, Finding, Group
from optgen.compiler.ir.spec import Scalar, Spec
from optgen.compiler.kept import kept
from optgen.compiler.library import optimizer_files, published_files
from optgen.compiler.pipeline import Surroundings, checked_rule, composed, load_all, plan_of
from optgen.compiler.read.parse import parse

#: Predeclared numbers have a prefix in rules, since a spec may use their names.
_SPELLED = re.compile(rf"\btensor_({'|'.join(ALIASES)})\b")
#: Values of hyperparameters in a comparison; None if one isn't given.
Fixed = Mapping[str, Scalar | None]


def accuracy_of(spec: Spec, around: Surroundings) -> Accuracy:
    """The numerical accuracy of the plan of a spec."""
    return measure(plan_of(spec, around))


def findings(spec: Spec, of: frozenset[Group] = EVERY) -> tuple[Finding, ...]:
    """Proved and refuted properties of an optimizer's rule, without features.

    Those of some groups if these are given, which takes less time.
    """
    if Group.KNOWN not in of:
        return proofs(spec, of)
    rule = representative(checked_rule(spec))
    return (*proofs(spec, of), *_waiving(spec, resemblances(rule, known_rules())))


def proofs(spec: Spec, of: frozenset[Group] = EVERY) -> tuple[Finding, ...]:
    """The findings that no other rule takes part in."""
    return tuple(_waiving(spec, prove(representative(checked_rule(spec)), of)))


def _waiving(spec: Spec, found: Iterable[Finding]) -> Iterator[Finding]:
    """Findings with what the spec waives, as specs spell them."""
    waived = dict(spec.waived)
    return (_shown(replace(one, waived=waived.get(one.group, ""))) for one in found)


def _shown(finding: Finding) -> Finding:
    """The finding with predeclared numbers as specs spell them."""
    statement, reason, fails, fault = (
        _SPELLED.sub(r"\1", part)
        for part in (finding.statement, finding.reason, finding.fails, finding.fault)
    )
    return replace(finding, statement=statement, reason=reason, fails=fails, fault=fault)


@cache
def known_rules() -> tuple[Outline, ...]:
    """Outlines of the built-in and of the published rules; to make them takes seconds."""
    return kept("outlines", _known_rules)


def _known_rules() -> tuple[Outline, ...]:
    specs = load_all((*optimizer_files(), *published_files()))
    found = tuple(outline for spec in specs for outline in known(representative(parse(spec))))
    for outline in found:
        # Every comparison needs the parts, so they are kept with the outlines.
        assert outline.parts
    return found


def comparison(
    one: Spec, other: Spec, fixed: Fixed, other_fixed: Fixed, around: Surroundings
) -> Comparison:
    """A comparison of two optimizers, with features. Raises UsageError for invalid values."""
    left, right = (representative(composed(spec, around)) for spec in (one, other))
    return compare(left, right, fixed, other_fixed)
