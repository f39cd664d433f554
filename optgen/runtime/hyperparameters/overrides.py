"""Per-variable values by path pattern."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from optgen.runtime.hyperparameters.declarations import Hyperparameter
from optgen.runtime.hyperparameters.dynamic import Setting, accept, configured
from optgen.runtime.hyperparameters.groups import Group, Groups, members_of
from optgen.runtime.suggestions import nearest

#: Patterns for paths (``*`` and ``?`` as in file names), each with hyperparameters.
PathOptions = Mapping[str, Mapping[str, Any]]


class Options:
    """What patterns say; where several fit a path, the later one wins."""

    def __init__(
        self, owner: str, declared: Mapping[str, Hyperparameter], options: PathOptions | None
    ) -> None:
        if not isinstance(options, Mapping | None):
            raise TypeError(f"{owner}: options must map patterns for paths to hyperparameters")
        self._owner, self._declared = owner, declared
        self.patterns: dict[str, dict[str, Setting]] = {
            pattern: self._checked(pattern, values) for pattern, values in (options or {}).items()
        }

    def _checked(self, pattern: object, values: object) -> dict[str, Setting]:
        if not isinstance(pattern, str):
            raise TypeError(
                f"{self._owner}: a pattern of options must be a string, not {pattern!r}"
            )
        if not isinstance(values, Mapping):
            raise TypeError(f"{self._owner}: options[{pattern!r}] must map names to values")
        allowed = [name for name, h in self._declared.items() if h.grouped]
        where = f"{self._owner}, {pattern!r}"
        for name in values:
            if name in self._declared and name not in allowed:
                raise ValueError(
                    f"{where}: {name!r} belongs to the optimizer as a whole; options may set "
                    + ", ".join(allowed)
                )
            if name not in allowed:
                raise ValueError(f"{where}: there is no {name!r}{nearest(str(name), allowed)}")
        return {name: accept(self._declared[name], value, where) for name, value in values.items()}

    def groups(self, paths: Iterable[str]) -> Groups:
        """A group for each pattern, of those variables whose path fits it."""
        known = list(paths)
        return {
            pattern: Group(members_of(pattern, known), values)
            for pattern, values in self.patterns.items()
        }

    def as_dict(self) -> dict[str, dict[str, Any]]:
        """The options as a configuration holds them."""
        return {
            pattern: {name: configured(value) for name, value in values.items()}
            for pattern, values in self.patterns.items()
        }
