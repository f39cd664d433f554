"""Routes of parameters and of their groups: options, branches and bytes of states."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

from optgen.runtime.model import Model
from optgen.runtime.routing import Route, Routing
from optgen.runtime.text_table import aligned
from optgen.torch.arguments import Argument
from optgen.torch.rules import RULE

_GROUP_TITLES = ("group", "rule", "parameters", "elements", "options", "updated as", "state bytes")


@dataclass(frozen=True)
class ParameterRoute(Route):
    """How one parameter is updated, the number of its group, and the bytes of its states."""

    group: int = 0
    nbytes: int = 0


@dataclass(frozen=True)
class GroupRoute:
    """A group: the rule that made it, its options by torch's names, and what is in it."""

    number: int
    #: The pattern; empty where no rule fits.
    rule: str
    options: Mapping[str, Any]
    members: tuple[ParameterRoute, ...]

    @property
    def nbytes(self) -> int:
        """The bytes of all states."""
        return sum(one.nbytes for one in self.members)

    @property
    def elements(self) -> int:
        """The number of elements of all parameters."""
        return sum(one.elements for one in self.members)

    @property
    def updated(self) -> tuple[str, ...]:
        """How its parameters are updated, each way once."""
        return tuple(dict.fromkeys(one.updated for one in self.members))


class ParameterRouting(Routing):
    """The routes of all parameters, and of their groups; as text, a table of each."""

    groups: tuple[GroupRoute, ...]

    def __new__(cls, routes: Iterable[Route], groups: Iterable[GroupRoute]) -> Self:
        """``groups`` have the same routes, in the same order."""
        made = super().__new__(cls, routes)
        made.groups = tuple(groups)
        return made

    def __iter__(self) -> Iterator[ParameterRoute]:
        return (one for group in self.groups for one in group.members)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), ([*self], self.groups)

    def __str__(self) -> str:
        shown = _shown([group.options for group in self.groups])
        rows = [_GROUP_TITLES, *map(_row, self.groups, shown)]
        more = [("group", "state bytes")]
        more += [(str(one.group), f"{one.nbytes:,}") for own in self.groups for one in own.members]
        each = [(*row, *also) for row, also in zip(self._rows(), more, strict=True)]
        return f"{aligned(rows)}\n\n{aligned(each)}"


def _row(group: GroupRoute, options: str) -> tuple[str, ...]:
    counts = str(len(group.members)), f"{group.elements:,}"
    updated = ", ".join(group.updated)
    return str(group.number), group.rule, *counts, options, updated, f"{group.nbytes:,}"


def _shown(groups: Sequence[Mapping[str, Any]]) -> list[str]:
    """The options of groups as text: the first one, and those in which they differ."""
    names = list(groups[0]) if groups else []
    differ = [name for name in names if any(own[name] != groups[0][name] for own in groups)]
    chosen = dict.fromkeys([*names[:1], *differ])
    return [", ".join(f"{name}={own[name]}" for name in chosen) for own in groups]


def parameter_routing(
    routes: Routing, model: Model, groups: Sequence[Mapping[str, Any]], listed: Sequence[Argument]
) -> ParameterRouting:
    """The routes of the parameters of a model, whose groups have values of the arguments."""
    options = [argument for argument in listed if argument.is_grouped]
    found, index = list[GroupRoute](), 0
    for number, group in enumerate(groups):
        count = len(group["params"])
        members = tuple(
            ParameterRoute(
                **{field.name: getattr(routes[one], field.name) for field in fields(Route)},
                group=number,
                nbytes=sum(int(array.nbytes) for array in model.state_of(one).values()),
            )
            for one in range(index, index + count)
        )
        own = {a.name: _plain(group.get(a.name, a.default)) for a in options}
        found.append(GroupRoute(number, str(group.get(RULE, "")), own, members))
        index += count
    return ParameterRouting((one for group in found for one in group.members), found)


def _plain(value: Any) -> Any:
    """A number in the place of a tensor."""
    return value.item() if hasattr(value, "item") else value
