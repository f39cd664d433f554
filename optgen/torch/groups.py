"""Hyperparameters that live in param_groups, where schedulers and users change them at any time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from optgen.runtime.hyperparameters.dynamic import Setting
from optgen.runtime.hyperparameters.overrides import Options
from optgen.runtime.hyperparameters.settings import Settings
from optgen.runtime.optimizer import Optimizer
from optgen.torch.arguments import Argument

Group = Mapping[str, Any]


class GroupOptions(Options):
    """Values by group: what a group says is over what all parameters share."""

    def __init__(self, owner: str, paths: Mapping[str, int]) -> None:
        """``paths`` gives the number of the group of each parameter."""
        super().__init__(owner, {}, None)
        self._paths = paths

    def fitting(self, path: str) -> tuple[str, ...]:
        """The group of a parameter."""
        return (str(self._paths[path]),)

    def idle(self, paths: Iterable[str]) -> list[str]:
        """A group may be empty."""
        return []


class GroupSettings(Settings):
    """The settings of an optimizer whose numbers are looked up in its groups before each step."""

    def __init__(
        self,
        rule: type[Optimizer],
        owner: str,
        listed: Sequence[Argument],
        shared: Mapping[str, Any],
        paths: Mapping[str, int],
        groups: Sequence[Group],
        defaults: Group,
    ) -> None:
        """``shared`` holds what belongs to the optimizer as a whole.

        ``defaults`` are the values of what a group doesn't say.
        """
        values = {h.name: h.default for h in rule.hyperparameters} | dict(shared)
        declared = rule.hyperparameters, rule.switches, rule.exclusive
        super().__init__(owner, *declared, values, None, rule.states)
        self._own = [argument for argument in listed if argument.is_grouped]
        self._defaults = {a.name: defaults.get(a.name, a.default) for a in self._own}
        self.options = GroupOptions(owner, paths)
        self._seen: list[tuple[Any, ...]] = []
        #: The setting of the switches for each group.
        self.by_group: list[dict[str, bool]] = []
        self.look(groups)

    def look(self, groups: Sequence[Group]) -> None:
        """Take over what groups say.

        Raises TypeError or ValueError, with nothing taken over, for what isn't allowed.
        """
        own = self._defaults.items()
        seen = [tuple(_plain(group.get(name, value)) for name, value in own) for group in groups]
        if seen == self._seen:
            return
        patterns: dict[str, dict[str, Setting]] = {}
        for number, given in enumerate(seen):
            found: dict[str, Setting] = {}
            for argument, value in zip(self._own, given, strict=True):
                found |= argument.values(value, self._owner)
            patterns[str(number)] = found
        # Until all is taken over, nothing is known to be.
        self._seen = []
        self.options.patterns, self._rows = patterns, {}
        self.by_group = [self.on((number,)) for number in patterns]
        self._seen = seen


def _plain(value: Any) -> Any:
    """A value that can be compared with what it was before: tensors change in place."""
    if isinstance(value, tuple | list):
        return tuple(map(_plain, value))
    item = getattr(value, "item", None)
    return item() if callable(item) else value
