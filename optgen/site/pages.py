"""What is on which page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import optgen
from optgen.data import data_folder
from optgen.site.effects import effects_of
from optgen.site.facts.records import FeatureFacts, PairFacts, RuleFacts
from optgen.site.libraries import libraries_of
from optgen.site.pairs import Pair
from optgen.site.rendering import Pages
from optgen.site.rows import Row
from optgen.site.usage import programs

_STATIC = ("style.css", "table.js")
#: The code of a rule's page; what other targets have is on a page of its own.
MAIN_TARGET = "cpu"
#: What a rule has where all properties of a group are proved.
_PROVED = {
    "invariant": "states stay in their ranges",
    "domain": "no undefined value",
    "descent": "goes against the gradient",
    "oddness": "odd in the gradient",
    "degree": "a degree in the gradient",
}


def write_pages(
    out: Path,
    found: Mapping[Path, RuleFacts],
    features: Sequence[FeatureFacts],
    pairs: Mapping[Pair, PairFacts],
    *,
    playground: str,
) -> set[Path]:
    """Write all pages; returns the paths of those written. ``playground`` is the path of its."""
    rules = [*found.values()]
    names = {rule["module"]: rule["name"] for rule in rules}
    pages = Pages(out, version=optgen.__version__, playground=playground, names=names)
    for name in _STATIC:
        text = (data_folder("templates") / "site" / name).read_text(encoding="utf-8")
        pages.put(name, text)
    rows = [Row(rule, path.parent.name, libraries_of(rule["name"])) for path, rule in found.items()]
    rows.sort(key=lambda row: row.facts["name"].lower())
    choices = {
        "family": sorted({row.family for row in rows}),
        "trait": sorted({trait for row in rows for trait in row.traits}),
        "proof": sorted({group for row in rows for group in row.proofs}),
    }
    pages.write("index.html", "index.html.j2", rows=rows, choices=choices, proved=_PROVED)
    for row in rows:
        _write_rule(pages, row, pairs, features)
    _write_features(pages, features, rules)
    _write_pairs(pages, pairs, {rule["module"]: rule for rule in rules})
    pages.put("rules.json", json.dumps([*map(_listed, rows)], indent=1) + "\n")
    return pages.written


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
        "features": row.traits,
        "sizes": facts["sizes"],
        "proved": row.proved,
        "refuted": row.refuted,
        "properties": row.properties,
        "proofs": row.proofs,
        "libraries": row.libraries,
    }
