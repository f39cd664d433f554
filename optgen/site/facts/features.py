"""Features for their pages."""

from __future__ import annotations

from pathlib import Path

from optgen.compiler.library import feature_files, optional_feature_files
from optgen.compiler.pipeline import checked_rule, load_file
from optgen.site.facts.formulas import formulas_of, hyperparameters_of, states_of
from optgen.site.facts.records import FeatureFacts


def every_feature() -> list[FeatureFacts]:
    """The features that every rule has, then those that a build names."""
    found = [_facts(file, is_optional=False) for file in feature_files()]
    return [*found, *(_facts(file, is_optional=True) for file in optional_feature_files())]


def _facts(file: Path, *, is_optional: bool) -> FeatureFacts:
    spec = load_file(file)
    rule = checked_rule(spec)
    block = rule.blocks[0]
    return {
        "name": rule.name,
        "summary": rule.summary,
        "reference": rule.reference,
        "slot": "" if block.slot is None else block.slot.value,
        "exclusive": block.exclusive,
        "is_optional": is_optional,
        "text": file.read_text(encoding="utf-8"),
        "hyperparameters": hyperparameters_of(rule),
        "states": states_of(rule),
        "formulas": [*formulas_of(rule)],
    }
