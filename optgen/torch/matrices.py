"""Groups of parameters that are no matrices, and the routes of all parameters."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from optgen.runtime.core import HasCore
from optgen.runtime.hyperparameters.exclusions import Exclusions
from optgen.runtime.kernels import MATRIX
from optgen.runtime.model import Model
from optgen.runtime.routing import Routing, routing_of, warn_of_matrices
from optgen.runtime.rule_metadata import Generated
from optgen.torch.distributed import refuse_flat, refuse_parts
from optgen.torch.parameters import Parameters
from optgen.torch.storage import names_of


def are_matrices(group: Mapping[str, Any], owner: str) -> bool:
    """Whether parameters of a group may be matrices. Raises TypeError for another option."""
    value = group.get(MATRIX, True)
    if not isinstance(value, bool):
        raise TypeError(
            f"{owner}: the option {MATRIX!r} of a group is True or False, not {value!r}"
        )
    return value


def exclusions_of(by_group: Sequence[Mapping[str, bool]]) -> Exclusions:
    """What is excluded by the switch settings of groups."""
    exclusions = Exclusions()
    plain = [number for number, on in enumerate(by_group) if not on.get(MATRIX, True)]
    exclusions.add(MATRIX, (), [rf"\A{number}\." for number in plain])
    return exclusions


def refuse_divided(rule: type[Generated], owner: str, groups: Sequence[Mapping[str, Any]]) -> None:
    """Raise ValueError for a matrix that isn't whole, where a rule needs it."""
    for number, group in enumerate(groups) if rule.view else ():
        for place, param in enumerate(group["params"]) if are_matrices(group, owner) else ():
            name = f"{owner}: parameter {number}.{place}"
            refuse_flat(name, param)
            if rule.layout.matrices and param.ndim > 1:
                refuse_parts(name, param)


class Routed(HasCore):
    """The part of an optimizer that shows how parameters are updated."""

    #: The optimizer for arrays whose rule this runs.
    rule: ClassVar[type[Generated]]
    param_groups: list[dict[str, Any]]

    @abstractmethod
    def _current(self) -> Parameters:
        """The current parameters."""

    def routing(self) -> Routing:
        """How each parameter is updated: as which matrix, by the fallback, or plainly.

        The text of the result is a table. Parameters have their names if torch was given any, else
        the numbers of their group and place.
        """
        with self._core.turn.lock:
            return self._routes(self._current().model)

    def _routes(self, model: Model) -> Routing:
        return routing_of(model, self.rule, [*names_of(self.param_groups).values()])

    def _warn_of_matrices(self, model: Model) -> None:
        """Warn of parameters that are seldom meant to be matrices."""
        if self.rule.fallback:
            found = [one.path for one in self._routes(model) if one.updated == "matrix"]
            warn_of_matrices(self.rule, found, f"put them into a group with {MATRIX!r}: False")
