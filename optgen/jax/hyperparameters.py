"""Hyperparameters as Optax has them: numbers, schedules of the number of calls, and arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan
from typing import Any

import jax
from jax import numpy as jnp

from optgen.jax.arithmetic import host_dtype
from optgen.runtime.hyperparameters.declarations import Hyperparameter
from optgen.runtime.hyperparameters.dynamic import Changing, accept
from optgen.runtime.hyperparameters.groups import groups_of
from optgen.runtime.hyperparameters.settings import Row, Settings
from optgen.runtime.optimizer import Optimizer
from optgen.runtime.schedule import Schedule

#: By pattern for paths, values by name.
PathOptions = Mapping[str, Mapping[str, Any]]


class Hyperparameters:
    """Checked values of a rule's hyperparameters, for all parameters and by path.

    Raises TypeError or ValueError for what isn't allowed.
    """

    def __init__(
        self,
        owner: str,
        rule: type[Optimizer],
        values: Mapping[str, Any],
        options: PathOptions | None,
    ) -> None:
        self._declared = {h.name: h for h in rule.hyperparameters}
        self._owner = owner
        declared = rule.hyperparameters, rule.switches, rule.exclusive
        stood_in = self._stood_in(values)
        every = {
            pattern: self._stood_in(some) if isinstance(some, Mapping) else some
            for pattern, some in (options or {}).items()
        }
        #: What switches, bounds and groups derive from.
        self.settings = Settings(
            owner, *declared, stood_in, every or None, rule.states, rule.layout.columns
        )
        self._values = {name: self._setting(name, value) for name, value in values.items()}
        self._options = {
            pattern: {name: self._setting(name, value) for name, value in some.items()}
            for pattern, some in (options or {}).items()
        }

    def rows(self, paths: Sequence[str], excluded: Sequence[frozenset[str]]) -> list[Row]:
        """The groups and exclusions of each path, whose groups the settings have from now on."""
        groups = self.settings.groups(paths)
        self.settings.group(groups)
        pairs = zip(paths, excluded, strict=True)
        return [Row(groups_of(groups, path), names) for path, names in pairs]

    def operands(self, row: Row, count: Any) -> dict[str, Any]:
        """Python floats, and arrays of the host's dtype, by name; ``count`` counts calls so far."""
        values = dict(self._values)
        for pattern in row.groups:
            values |= self._options[pattern]
        return {name: self._operand(name, value, row, count) for name, value in values.items()}

    def initial(self, name: str, row: Row) -> Any:
        """A number that a state begins with."""
        return self.operands(row, jnp.zeros((), jnp.int32))[name]

    def _operand(self, name: str, value: Any, row: Row, count: Any) -> Any:
        default = self._declared[name].excluded
        if name in row.excluded or (value is None and default is not None):
            return float(default or 0)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, Changing):
            return jnp.asarray(value.after(count), host_dtype())
        return jnp.asarray(value, host_dtype()) if isinstance(value, jax.Array) else float(value)

    def _stood_in(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values of which those that programs only have when they run are functions."""
        return {name: self._source(name, value) for name, value in values.items()}

    def _source(self, name: str, value: Any) -> Any:
        if isinstance(value, Schedule):
            raise TypeError(
                f"{self._owner}: {name} takes functions that JAX can trace, such as the schedules "
                "of Optax"
            )
        if not isinstance(value, jax.Array):
            return value
        if not isinstance(value, jax.core.Tracer):
            self._checked(name, value)
        return lambda: nan

    def _checked(self, name: str, value: Any) -> None:
        declared = self._declared.get(name)
        if declared is not None:
            declared.check(value, self._owner)

    def _setting(self, name: str, value: Any) -> Any:
        if isinstance(value, jax.Array):
            return value
        declared: Hyperparameter = self._declared[name]
        return accept(declared, value, self._owner)
