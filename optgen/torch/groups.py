"""Hyperparameters in ``param_groups``, which schedulers and users may change at any time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from optgen.runtime.hyperparameters.dynamic import Setting
from optgen.runtime.hyperparameters.groups import Group
from optgen.runtime.hyperparameters.settings import Settings
from optgen.runtime.kernels import MATRIX
from optgen.runtime.optimizer import Optimizer
from optgen.torch.arguments import Argument
from optgen.torch.matrices import are_matrices

ParamGroup = Mapping[str, Any]

#: Immutable values, which can be compared directly.
_NUMBERS = frozenset({bool, int, float, type(None)})


def params_of(groups: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """All parameters by path: group and index."""
    return {
        f"{number}.{place}": param
        for number, group in enumerate(groups)
        for place, param in enumerate(group["params"])
    }


class ParamGroups:
    """Copies changed hyperparameters of groups into the settings."""

    def __init__(
        self,
        rule: type[Optimizer],
        owner: str,
        listed: Sequence[Argument],
        shared: Mapping[str, Any],
        defaults: ParamGroup,
    ) -> None:
        """``shared`` holds what belongs to the optimizer as a whole.

        ``defaults`` are the values of what a group doesn't say.
        """
        values = {h.name: h.default for h in rule.hyperparameters} | dict(shared)
        declared = rule.hyperparameters, rule.switches, rule.exclusive
        self.settings = Settings(owner, *declared, values, None, rule.states, rule.layout.columns)
        self._owner, self._has_view = owner, bool(rule.view)
        self._own = [argument for argument in listed if argument.is_grouped]
        names = {argument.name for argument in listed}
        parts = ((argument.name, part.name) for argument in listed for part in argument.parts)
        #: Names of hyperparameters that torch's arguments don't have, each with that of its own.
        self._renamed = {part: name for name, part in parts if part not in names}
        self._defaults = {a.name: defaults.get(a.name, a.default) for a in self._own}
        self._seen: list[tuple[Any, ...]] = []
        self._members: list[frozenset[str]] = []
        #: The switch setting of each group.
        self.by_group: list[dict[str, bool]] = []

    def divide(self, members: Sequence[Iterable[str]], groups: Sequence[ParamGroup]) -> None:
        """Set the paths of the parameters of each group, and its hyperparameters.

        Raises ValueError for a group with a hyperparameter under another name than torch's.
        """
        for number, group in enumerate(groups):
            for name in group.keys() & self._renamed.keys():
                found = f"group {number} has {name!r}, which is {self._renamed[name]!r} here"
                raise ValueError(f"{self._owner}: {found}")
        self._seen, self._members = [], [*map(frozenset, members)]
        self.look(groups)

    def look(self, groups: Sequence[ParamGroup]) -> None:
        """Copy the hyperparameters of groups.

        Raises TypeError or ValueError, with nothing taken over, for what isn't allowed.
        """
        own = self._defaults.items()
        seen = [tuple([_plain(group.get(name, value)) for name, value in own]) for group in groups]
        if self._has_view:
            flags = [(are_matrices(group, self._owner),) for group in groups]
            seen = [(*given, *flag) for given, flag in zip(seen, flags, strict=True)]
        if seen == self._seen:
            return
        found: dict[str, Group] = {}
        # The members of groups that were appended directly are registered later.
        for number, given in enumerate(seen):
            members = self._members[number] if number < len(self._members) else frozenset()
            values: dict[str, Setting] = {}
            for argument, value in zip(self._own, given, strict=False):
                values |= argument.values(value, self._owner)
            found[str(number)] = Group(members, values)
        # Until all values are copied, none is valid.
        self._seen = []
        # Numbers of the whole optimizer are computed with the options of the first group.
        self.settings.group(found, found["0"].values if found else None)
        self.by_group = [self.settings.on((number,)) for number in found]
        if self._has_view:
            pairs = zip(self.by_group, seen, strict=True)
            self.by_group = [{**on, MATRIX: given[-1]} for on, given in pairs]
        self._seen = seen


def _plain(value: Any) -> Any:
    """A comparable copy of a value, since tensors change in place."""
    if type(value) in _NUMBERS:
        return value
    if isinstance(value, tuple | list):
        return tuple(map(_plain, value))
    item = getattr(value, "item", None)
    return item() if callable(item) else value
