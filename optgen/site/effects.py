"""What each feature adds to the rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from optgen.site.facts.records import Extra, RuleFacts


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
