"""Groups of parameters that are no matrices, and the routes of all parameters."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from optgen.runtime.core import HasCore
from optgen.runtime.hyperparameters.exclusions import Exclusions
from optgen.runtime.kernels import MATRIX, OPTIMIZER
from optgen.runtime.model import Model
from optgen.runtime.routing import Routing, routing_of, warn_of_matrices
from optgen.runtime.rule_metadata import Generated
from optgen.runtime.stored import Stored, stored_by
from optgen.torch.arguments import Argument
from optgen.torch.distributed import refuse_flat, refuse_grids, spread_dimensions
from optgen.torch.owned_states import collect
from optgen.torch.owners import Owners, assign
from optgen.torch.parameters import Parameters
from optgen.torch.routes import ParameterRouting, parameter_routing
from optgen.torch.sharding_plan import ShardingPlan, plan_of
from optgen.torch.states import AGE
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


def matrices_in_parts(
    rule: type[Generated], owner: str, groups: Sequence[Mapping[str, Any]]
) -> list[Any]:
    """The parameters that are matrices in parts, and that a rule needs whole.

    Raises ValueError for those that can't be gathered.
    """
    found: list[Any] = []
    for number, group in enumerate(groups) if rule.view else ():
        for place, param in enumerate(group["params"]) if are_matrices(group, owner) else ():
            name = f"{owner}: parameter {number}.{place}"
            refuse_flat(name, param)
            if rule.layout.matrices and param.ndim > 1 and spread_dimensions(param):
                refuse_grids(name, param)
                found.append(param)
    return found


def owned_parameters(
    rule: type[Generated],
    owner: str,
    groups: Sequence[Mapping[str, Any]],
    owners: Owners,
    states: Mapping[Any, Any],
) -> Owners:
    """The owners of matrices in parts, which get their states; new ones enter ``owners``.

    Raises ValueError for what has an owner, and is no matrix any more.
    """
    params = matrices_in_parts(rule, owner, groups)
    wanted = {id(param) for param in params}
    for number, group in enumerate(groups):
        for place, param in enumerate(group["params"]):
            if param in owners and id(param) not in wanted:
                raise ValueError(
                    f"{owner}: one process has the states of parameter {number}.{place}, a matrix; "
                    f"set {MATRIX!r}: False before the first step"
                )
    everywhere = {AGE, *(state.name for state in rule.states if state.shape == OPTIMIZER)}
    assign(owners, params, states, everywhere, rule.view)
    found = {param: owners[param] for param in params}
    collect(found, states, everywhere)
    return found


class Routed(HasCore):
    """The part of an optimizer that shows how parameters are updated, and where."""

    #: The optimizer for arrays whose rule this runs.
    rule: ClassVar[type[Generated]]
    arguments: ClassVar[tuple[Argument, ...]]
    param_groups: list[dict[str, Any]]

    @abstractmethod
    def _current(self) -> Parameters:
        """The current parameters."""

    def routing(self) -> ParameterRouting:
        """How each parameter is updated, in which group, and what its states take.

        The result has a route for each parameter, and one for each group in ``groups``; its text
        is a table of both. Parameters have their names if torch was given any, else the numbers of
        their group and place.
        """
        with self._core.turn.lock:
            model = self._current().model
            found = self._routes(model), model, self.param_groups, self.arguments
            return parameter_routing(*found)

    def storage(self) -> Stored:
        """The dtype and the bytes of each state with a number for each element.

        The text of the result is a table, with parameters named as in ``routing``.
        """
        with self._core.turn.lock:
            names = names_of(self.param_groups)
            found = stored_by(self._current().model)
            return Stored(replace(one, path=names[one.path]) for one in found)

    def sharding_plan(self) -> ShardingPlan:
        """The collectives of a step with gradients of all parameters, for matrices in parts.

        All processes call it. The text of the result is a table.
        """
        with self._core.turn.lock:
            return plan_of(self._current().owned.divided, self._names())

    def _names(self) -> list[str]:
        return [*names_of(self.param_groups).values()]

    def _routes(self, model: Model) -> Routing:
        params = (param for group in self.param_groups for param in group["params"])
        routes = zip(routing_of(model, self.rule, self._names()), params, strict=True)
        return Routing(replace(route, shape=tuple(param.shape)) for route, param in routes)

    def _warn_of_matrices(self, model: Model) -> None:
        """Warn of parameters that are seldom meant to be matrices."""
        if self.rule.fallback:
            found = [one.path for one in self._routes(model) if one.updated == "matrix"]
            warn_of_matrices(self.rule, found, f"put them into a group with {MATRIX!r}: False")
