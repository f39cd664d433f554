"""Features for their pages."""

from __future__ import annotations

import tomllib
from pathlib import Path

from optgen.compiler.library import (
    feature_files,
    find_specs,
    optional_feature_files,
)
from optgen.compiler.pipeline import checked_rule, load_file
from optgen.data import data_folder
from optgen.site.facts.feature_costs import feature_costs
from optgen.site.facts.formulas import formulas_of, hyperparameters_of, states_of
from optgen.site.facts.records import FeatureFacts

_FILE = "site.toml"


def feature_items() -> list[tuple[Path, ...]]:
    """All features, those of every rule first, each with the rules that its costs are about."""
    chosen = tomllib.loads((data_folder("specs") / _FILE).read_text(encoding="utf-8"))
    examples = find_specs(chosen["costs"]).files
    return [(file, *examples) for file in (*feature_files(), *optional_feature_files())]


def feature_facts(item: tuple[Path, ...]) -> FeatureFacts:
    """What is stated of a feature. Raises SpecError."""
    file, *examples = item
    spec = load_file(file)
    rule = checked_rule(spec)
    block = rule.blocks[0]
    return {
        "name": rule.name,
        "summary": rule.summary,
        "reference": rule.reference,
        "slot": "" if block.slot is None else block.slot.value,
        "exclusive": block.exclusive,
        "is_optional": file in optional_feature_files(),
        "text": file.read_text(encoding="utf-8"),
        "hyperparameters": hyperparameters_of(rule),
        "states": states_of(rule),
        "formulas": [*formulas_of(rule)],
        "costs": feature_costs(file, examples),
    }
