"""Which rules are compared with each other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from optgen.compiler.ir.rule import GIVEN_NAMES
from optgen.site.facts.records import RuleFacts
from optgen.site.libraries import counterparts

#: Each rule is compared with so many that are written alike, and how alike at least.
NEAREST, LEAST = 3, 0.3
_TOKEN = re.compile(r"\w+(?:\.\w+)?|\*\*|[<>=!]=|\S")

Pair = tuple[str, str]


def chosen_pairs(rules: Sequence[RuleFacts]) -> list[Pair]:
    """Pairs of modules: rules written alike, those that extend one another, and counterparts."""
    known = {rule["module"] for rule in rules}
    modules = {rule["name"]: rule["module"] for rule in rules}
    shingles = {rule["module"]: _shingles(rule) for rule in rules}
    found = {pair for module in shingles for pair in _nearest(module, shingles)}
    for rule in rules:
        bases = {Path(file).stem for file in rule["files"][1:]} & known
        found |= {_ordered(rule["module"], base) for base in bases}
    for one, other in counterparts().items():
        if one in modules and other in modules:
            found.add(_ordered(modules[one], modules[other]))
    return sorted(found)


def _ordered(one: str, other: str) -> Pair:
    return (one, other) if one < other else (other, one)


def _nearest(module: str, shingles: Mapping[str, frozenset[str]]) -> Iterator[Pair]:
    mine = shingles[module]
    alike = {one: _likeness(mine, theirs) for one, theirs in shingles.items() if one != module}
    for other in sorted(alike, key=lambda one: (-alike[one], one))[:NEAREST]:
        if alike[other] >= LEAST:
            yield _ordered(module, other)


def _likeness(mine: frozenset[str], theirs: frozenset[str]) -> float:
    """The share of three tokens in a row that both have, of those that either has."""
    return len(mine & theirs) / max(len(mine | theirs), 1)


def _shingles(rule: RuleFacts) -> frozenset[str]:
    """Every three tokens in a row; names that a rule chose stand for what they are."""
    roles: Mapping[str, str] = {
        **{row[0]: "state" for row in rule["states"]["rows"]},
        **{row[0]: "number" for row in rule["hyperparameters"]["rows"]},
        **{name: name for name in GIVEN_NAMES},
    }
    targets = {line.split(" = ")[0] for one in rule["formulas"] for line in one["lines"]}
    names = {**dict.fromkeys(targets, "value"), **roles}
    found = set()
    for line in {line for one in rule["formulas"] for line in one["lines"]}:
        tokens = [names.get(token, token) for token in _TOKEN.findall(line)]
        found |= {" ".join(tokens[at : at + 3]) for at in range(max(len(tokens) - 2, 1))}
    return frozenset(found)
