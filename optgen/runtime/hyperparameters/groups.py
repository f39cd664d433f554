"""Groups of variables with different values, and path patterns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from optgen.runtime.hyperparameters.dynamic import Setting


@dataclass(frozen=True)
class Group:
    """The paths of some variables, and the values that they have in place of everybody's."""

    members: frozenset[str]
    values: Mapping[str, Setting]


#: Groups by name; of several with one member the later counts.
Groups = Mapping[str, Group]


def members_of(pattern: str, paths: Iterable[str]) -> frozenset[str]:
    """The paths that a user's pattern fits; ``*`` and ``?`` are as in file names."""
    return frozenset(path for path in paths if fnmatchcase(path, pattern))


def groups_of(groups: Groups, path: str) -> tuple[str, ...]:
    """The names of the groups that a variable is in."""
    return tuple(name for name, group in groups.items() if path in group.members)


def merged(
    values: Mapping[str, Setting], groups: Groups, names: Iterable[str]
) -> dict[str, Setting]:
    """The values with those of some groups over them."""
    found = dict(values)
    for name in names:
        found |= groups[name].values
    return found
