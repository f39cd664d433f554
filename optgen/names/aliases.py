"""What a name stands for: a rule and arguments, by the table ``specs/aliases.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from optgen.data import data_folder
from optgen.names.specs import argument_features, rule_families

#: The key of an alias that has the name of its rule.
_RULE = "rule"
Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class Named:
    """A rule, by the name of its spec, with arguments that are hyperparameters of it or features.

    Arguments of storage, such as ``state_dtype``, are among them too.
    """

    rule: str
    arguments: Arguments = field(default_factory=dict)

    def __str__(self) -> str:
        return ", ".join([self.rule, *(f"{name}={one!r}" for name, one in self.arguments.items())])


@dataclass(frozen=True)
class _Table:
    """Whole names, and words that may stand before or after any name."""

    whole: Mapping[str, Named]
    before: Mapping[str, Arguments]
    after: Mapping[str, Arguments]


def plain(name: str) -> str:
    """A name as it is compared: in lower case, without hyphens and underscores."""
    return name.lower().replace("_", "").replace("-", "")


@cache
def _table() -> _Table:
    text = (data_folder("specs") / "aliases.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    whole = {name: _entry(one) for name, one in data["aliases"].items()}
    return _Table(whole, data["before"], data["after"])


def _entry(data: Mapping[str, Any]) -> Named:
    return Named(data[_RULE], {name: one for name, one in data.items() if name != _RULE})


def aliases() -> Mapping[str, Named]:
    """All whole names of the table; words before and after names make more of them."""
    return _table().whole


def words() -> tuple[Mapping[str, Arguments], Mapping[str, Arguments]]:
    """The words that may stand before a name, and those after it, with the arguments of each."""
    return _table().before, _table().after


def named(name: str) -> Named | None:
    """What a name stands for; None for one that isn't known.

    Names of rules come first, then whole aliases, then words before and after other names.
    """
    return _found(plain(name))


def _found(name: str) -> Named | None:
    rules = {plain(rule): rule for rule in rule_families()}
    if name in rules:
        return Named(rules[name])
    table = _table()
    by_name = {plain(key): one for key, one in table.whole.items()}
    if name in by_name:
        return by_name[name]
    for word in sorted(table.before, key=len, reverse=True):
        if name.startswith(plain(word)) and (rest := _found(name.removeprefix(plain(word)))):
            return Named(rest.rule, {**rest.arguments, **table.before[word]})
    for word in sorted(table.after, key=len, reverse=True):
        if name.endswith(plain(word)) and (rest := _found(name.removesuffix(plain(word)))):
            return Named(rest.rule, {**rest.arguments, **table.after[word]})
    return None


def needed_features(known: set[str], arguments: Arguments) -> tuple[str, ...]:
    """The optional features with the arguments that aren't ``known`` to a class, in order."""
    of_features = argument_features()
    missing = (name for name in arguments if name not in known)
    return tuple(sorted({of_features[name] for name in missing if name in of_features}))
