"""The scripts of a page: those that every rule needs, and those of rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

from optgen.compiler.emit.targets.javascript.script import features_script, rule_script
from optgen.compiler.ir.problem import SpecError
from optgen.compiler.ir.rule import Rule
from optgen.compiler.ir.spec import Spec
from optgen.compiler.library import optional_feature_files
from optgen.compiler.pipeline import Surroundings, load_all, plan_of, surroundings
from optgen.compiler.weave import without_neighbours
from optgen.data import data_folder

#: Those that run printed rules, in the order in which a page loads them.
LIBRARY = ("arithmetic", "randomness", "matrices", "variable", "optimizer")


def library_files() -> Iterator[Path]:
    """The files of the library."""
    folder = data_folder("templates") / "javascript"
    return (folder / f"{name}.js" for name in LIBRARY)


def features(around: Surroundings) -> str:
    """The script of features, which precedes those of rules."""
    return features_script(around.shared, around.templates.version)


def rule(spec: Spec, around: Surroundings) -> str:
    """The script of a rule. Raises SpecError where something is wrong with its spec."""
    return rule_script(plan_of(spec, around), around.shared, around.templates.version)


@cache
def with_optional_features() -> Surroundings:
    """All features but those that observe updates: a page sees what these would compute."""
    optional = load_all(optional_feature_files())
    observe = surroundings().slots.observe
    return surroundings(one for one in optional if one.slot is None or one.slot.value != observe)


def with_possible_features(spec: Spec) -> str:
    """The script of a rule with all of these features that it can have.

    Those that alter a change are left out of a rule without one. Raises SpecError as ``rule`` does.
    """
    around = with_optional_features()
    try:
        return rule(spec, around)
    except SpecError:
        listed = (one for one in around.features if not _alters(one, around))
        fewer = replace(around, features=without_neighbours(listed, lambda _: True))
        # The script of features has all of them; functions that differ are a rule's own.
        return rule_script(plan_of(spec, fewer), around.shared, around.templates.version)


def _alters(feature: Rule, around: Surroundings) -> bool:
    slot = feature.blocks[0].slot
    return slot is not None and slot.value == around.slots.direct
