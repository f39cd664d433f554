"""Groups by name: patterns for parameters, each with the options of those that it fits first."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import torch

from optgen.runtime.caller import caller_level
from optgen.runtime.kernels import MATRIX
from optgen.runtime.suggestions import nearest
from optgen.torch.arguments import Argument

#: Patterns with options, in the order in which they are tried. ``*`` and ``?`` are as in file
#: names; ``|`` separates alternatives.
Rules = Mapping[str, Mapping[str, Any]] | Sequence[tuple[str, Mapping[str, Any]]]
#: The option of a group that has the pattern which its parameters fit.
RULE = "rule"
_NAMES = "param_names"


class GroupRules:
    """Divides groups of named parameters by the first pattern that fits each name."""

    def __init__(
        self, owner: str, rules: Rules | None, arguments: Iterable[Argument], has_view: bool
    ) -> None:
        """Raise TypeError for what are no patterns with options, ValueError for unknown options."""
        self._owner = owner
        pairs = rules.items() if isinstance(rules, Mapping) else rules or ()
        allowed = [a.name for a in arguments if a.is_grouped] + [MATRIX] * has_view
        self._rules = [self._checked(pair, allowed) for pair in pairs]

    def _checked(self, pair: Any, allowed: Sequence[str]) -> tuple[str, dict[str, Any]]:
        is_pair = isinstance(pair, tuple | list) and len(pair) == 2
        if not (is_pair and isinstance(pair[0], str) and isinstance(pair[1], Mapping)):
            raise TypeError(
                f"{self._owner}: rules hold pairs of a pattern and a dictionary, not {pair!r}"
            )
        pattern, options = pair
        for name in options:
            if name not in allowed:
                where = f"{self._owner}: the rule {pattern!r} sets {name!r}"
                raise ValueError(f"{where}, which no group has{nearest(str(name), allowed)}")
        return pattern, dict(options)

    def __bool__(self) -> bool:
        return bool(self._rules)

    def divided(self, group: dict[str, Any]) -> list[dict[str, Any]]:
        """A group without a rule, and one for each rule in order, where they have parameters.

        Options of a rule count more than those of the group. Raises ValueError for parameters
        without names.
        """
        if not self._rules:
            return [group]
        named = self._named(group)
        options: list[dict[str, Any]] = [{}]
        options += [{**own, RULE: pattern} for pattern, own in self._rules]
        members: list[list[tuple[str, torch.Tensor]]] = [[] for _ in options]
        for name, param in named:
            members[self._number(name)].append((name, param))
        rest = {key: value for key, value in group.items() if key != _NAMES}
        parts = zip(options, members, strict=True)
        return [{**rest, **own, "params": some} for own, some in parts if some or not named]

    def _named(self, group: Mapping[str, Any]) -> list[tuple[str, torch.Tensor]]:
        params = group["params"]
        listed: list[Any] = [params] if isinstance(params, torch.Tensor) else list(params)
        if _NAMES in group and not any(isinstance(one, tuple) for one in listed):
            listed = list(zip(group[_NAMES], listed, strict=True))
        if not all(isinstance(one, tuple) for one in listed):
            raise ValueError(
                f"{self._owner}: rules are patterns for names; pass model.named_parameters()"
            )
        return listed

    def _number(self, name: str) -> int:
        """The number of the first rule that fits, from 1 on; 0 if none does."""
        numbered = enumerate(self._rules, start=1)
        return next((number for number, (pattern, _) in numbered if _fits(pattern, name)), 0)

    def warn_of_unused(self, groups: Iterable[Mapping[str, Any]]) -> None:
        """Warn of rules that no parameter has come to."""
        used = {group.get(RULE) for group in groups}
        names = [name for group in groups for name in group.get(_NAMES, ())]
        for pattern, _ in self._rules:
            if pattern not in used:
                hidden = any(_fits(pattern, name) for name in names)
                why = "earlier rules have what it fits" if hidden else "no parameter fits"
                message = f"{self._owner}: rules: {pattern!r} is of no use: {why}"
                warnings.warn(message, stacklevel=caller_level())


def _fits(pattern: str, name: str) -> bool:
    return any(fnmatchcase(name, one) for one in pattern.split("|"))


class Ruled(torch.optim.Optimizer):
    """The part of an optimizer that divides groups by rules as they come."""

    #: What was given as rules; nothing in optimizers that were pickled without.
    _rules = GroupRules("", None, (), False)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters, in a group for each rule that fits some."""
        for part in self._rules.divided(param_group):
            super().add_param_group(part)
