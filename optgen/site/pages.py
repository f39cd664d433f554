"""What is on which page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import optgen
from optgen.data import data_folder
from optgen.site.effects import effects_of
from optgen.site.facts.features import every_feature
from optgen.site.facts.records import FeatureFacts, PairFacts, RuleFacts
from optgen.site.libraries import libraries_of
from optgen.site.pairs import Pair
from optgen.site.rendering import Pages
from optgen.site.rows import Row
from optgen.site.usage import programs

_STATIC = ("style.css", "table.js")
#: The code of a rule's page; what other targets have is on a page of its own.
MAIN_TARGET = "cpu"


def write_pages(
    out: Path,
    found: Mapping[Path, RuleFacts],
    pairs: Mapping[Pair, PairFacts],
    playground: str,
) -> set[Path]:
    """Write all pages; returns the paths of those written. ``playground`` is the path of its."""
    rules = [*found.values()]
    names = {rule["module"]: rule["name"] for rule in rules}
    pages = Pages(out, version=optgen.__version__, playground=playground, names=names)
    for name in _STATIC:
        text = (data_folder("templates") / "site" / name).read_text(encoding="utf-8")
        pages.put(name, text)
    features = every_feature()
    rows = [_row(path, rule, features) for path, rule in found.items()]
    rows.sort(key=lambda row: row.facts["name"].lower())
    kinds = sorted({kind for rule in rules for kind in rule["kinds"]})
    families = sorted({row.family for row in rows})
    pages.write("index.html", "index.html.j2", rows=rows, kinds=kinds, families=families)
    for row in rows:
        _write_rule(pages, row, pairs, features)
    _write_features(pages, features, rules)
    _write_pairs(pages, pairs, {rule["module"]: rule for rule in rules})
    pages.put("rules.json", json.dumps([*map(_listed, rows)], indent=1) + "\n")
    return pages.written


def _row(path: Path, rule: RuleFacts, features: Sequence[FeatureFacts]) -> Row:
    usual = [one for one in features if not one["is_optional"]]
    own = [one for one in usual if one["name"] not in rule["replaces"]]
    return Row(rule, path.parent.name, libraries_of(rule["name"]), len(own))


def _write_rule(
    pages: Pages, row: Row, pairs: Mapping[Pair, PairFacts], features: Sequence[FeatureFacts]
) -> None:
    rule = row.facts
    module = rule["module"]
    beside = [
        (one if other == module else other, f"{one}-{other}", facts["verdict"])
        for (one, other), facts in pairs.items()
        if module in (one, other)
    ]
    pages.write(
        f"rules/{module}.html",
        "rule.html.j2",
        row=row,
        rule=rule,
        beside=beside,
        programs=programs(rule),
        features=features,
        main=MAIN_TARGET,
    )
    pages.write(f"rules/{module}-code.html", "code.html.j2", rule=rule)


def _write_features(
    pages: Pages, features: Sequence[FeatureFacts], rules: Sequence[RuleFacts]
) -> None:
    pages.write("features.html", "features.html.j2", features=features)
    for one in features:
        replacing = [rule for rule in rules if one["name"] in rule["replaces"]]
        pages.write(
            f"features/{one['name']}.html",
            "feature.html.j2",
            feature=one,
            effects=effects_of(one["name"], rules),
            replacing=replacing,
        )


def _write_pairs(
    pages: Pages, pairs: Mapping[Pair, PairFacts], rules: Mapping[str, RuleFacts]
) -> None:
    pages.write("compare.html", "compare.html.j2", pairs=pairs)
    for (one, other), facts in pairs.items():
        both = (rules[one], rules[other])
        path = f"compare/{one}-{other}.html"
        numbers = [*_shared_numbers(*both)]
        pages.write(path, "comparison.html.j2", facts=facts, both=both, numbers=numbers)


def _shared_numbers(one: RuleFacts, other: RuleFacts) -> Iterator[tuple[str, str, str]]:
    """The hyperparameters of two rules, with the default in each; empty where there is none."""
    mine, theirs = (
        {row[0]: row[1] for row in rule["hyperparameters"]["rows"]} for rule in (one, other)
    )
    for name in dict.fromkeys([*mine, *theirs]):
        yield name, mine.get(name, ""), theirs.get(name, "")


def _listed(row: Row) -> dict[str, object]:
    """A rule for programs."""
    facts = row.facts
    return {
        "name": facts["name"],
        "module": facts["module"],
        "family": row.family,
        "summary": facts["summary"],
        "reference": facts["reference"],
        "year": facts["year"] or None,
        "kinds": facts["kinds"],
        "sizes": facts["sizes"],
        "proved": row.proved,
        "refuted": row.refuted,
        "properties": row.properties,
        "libraries": row.libraries,
    }
