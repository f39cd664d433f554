"""Features for their pages, and what each adds to the rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from optgen.compiler.library import feature_files, optional_feature_files
from optgen.compiler.pipeline import checked_rule, load_file
from optgen.site.facts import Extra, FeatureFacts, RuleFacts
from optgen.site.formulas import formulas_of, hyperparameters_of, states_of


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


@dataclass(frozen=True)
class Effect:
    """Rules to which a feature adds the same bytes."""

    extra: Extra
    rules: tuple[RuleFacts, ...]


def effects_of(feature: str, rules: Iterable[RuleFacts]) -> list[Effect]:
    """What a feature adds to a step of each rule, the most usual first."""
    alike: dict[tuple[int, int], list[RuleFacts]] = {}
    for rule in rules:
        if feature in rule["extras"] and feature not in rule["replaces"]:
            extra = rule["extras"][feature]
            alike.setdefault((extra["state"], extra["moved"]), []).append(rule)
    found = [
        Effect({"state": state, "moved": moved}, tuple(same))
        for (state, moved), same in alike.items()
    ]
    return sorted(found, key=lambda effect: -len(effect.rules))
