"""Per-variable hyperparameters and switches, as rows of a table."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from optgen.runtime.arrays import Array
from optgen.runtime.hyperparameters.declarations import Hyperparameter, State, Switch, Value
from optgen.runtime.hyperparameters.dynamic import Changing, Setting, accept, configured
from optgen.runtime.hyperparameters.groups import Groups, merged
from optgen.runtime.hyperparameters.overrides import Options, PathOptions
from optgen.runtime.kernels import MATRIX


class Row(NamedTuple):
    """The groups and exclusions of a variable, which determine its hyperparameters."""

    groups: tuple[str, ...] = ()
    excluded: frozenset[str] = frozenset()


#: Values by row, and the columns, names and sources of those that vary by call.
Table = tuple[Array, list[tuple[tuple[int, int], str, Changing]]]


class Settings:
    """Checked values by name; ``owner`` names the optimizer in messages."""

    def __init__(
        self,
        owner: str,
        declared: Sequence[Hyperparameter],
        switches: Sequence[Switch],
        exclusive: Sequence[Sequence[str]],
        values: Mapping[str, object],
        options: PathOptions | None,
        states: Sequence[State] = (),
        columns: Sequence[str] = (),
    ) -> None:
        """``columns`` are the columns of the rows that kernels read, including hyperparameters.

        Raises ValueError where several ``states`` would stand in for a variable.
        """
        #: The names of the columns of a row; kernels compute those that are no hyperparameters.
        self.columns = list(columns)
        self._stand_ins = [state for state in states if state.stands_in]
        self._owner, self._exclusive = owner, exclusive
        self._switches = [switch for switch in switches if not switch.of_calls]
        #: Switches that each call decides, which are off until one does.
        self._of_calls = {switch.name: False for switch in switches if switch.of_calls}
        self._declared = {h.name: h for h in declared}
        self.options = Options(owner, self._declared, options)
        self._groups = self.options.groups(())
        self._values = {name: accept(h, values[name], owner) for name, h in self._declared.items()}
        self._bounds = {h.name: h.bounds for h in declared if h.bounds}
        self._refuse_several(self.on())
        self._rows: dict[tuple[Row, ...], Table] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._declared

    def groups(self, paths: Iterable[str]) -> Groups:
        """The groups of variables with these paths, with current values."""
        given = self.options.groups(paths)
        return given or self._groups

    def group(self, groups: Groups, own: Mapping[str, Setting] | None = None) -> None:
        """Replace the groups or their values, and some values of the optimizer as a whole."""
        self._groups, self._rows = groups, {}
        self._values = {**self._values, **(own or {})}

    def now(self, name: str, calls: Callable[[], int]) -> Value:
        """A current value; ``calls`` is called only if the value depends on the number of calls."""
        value = self._values[name]
        asks = isinstance(value, Changing) and value.sees_calls
        return self._resolved(name, value, calls() if asks else 0)

    def of_row(self, name: str, row: Row) -> Value:
        """A value of some variables as it is before the first call."""
        values = merged(self._values, self._groups, row.groups)
        return self._resolved(name, self._included(name, values[name], row), 0)

    def bound_of(self, kind: str, row: Row) -> int:
        """The most that a side of a rank has, or of a block, of some variables; 0 without one."""
        found = [self.of_row(name, row) for name, its in self._bounds.items() if its == kind]
        return next((int(most) for most in found if most is not None), 0)

    @property
    def loss_scales(self) -> list[str]:
        """The static loss scales."""
        return [name for name, h in self._declared.items() if h.scales_loss]

    def loss_scale(self, calls: Callable[[], int]) -> float:
        """The product of the static loss scales."""
        given = [self.now(name, calls) for name in self.loss_scales]
        return math.prod(value for value in given if value is not None)

    def as_dict(self) -> dict[str, Any]:
        """Every value by name, in the order of the signature, as a configuration holds it."""
        return {name: configured(value) for name, value in self._values.items()}

    def shown(self) -> str:
        """Every value by name, as in a call."""
        sources = {k: v.source if isinstance(v, Changing) else v for k, v in self._values.items()}
        return ", ".join(f"{name}={value!r}" for name, value in sources.items())

    def change(self, name: str, value: object, *, built: bool) -> None:
        """Set one value; once ``built``, switches are fixed, and so are bounds of sides."""
        before = self._values
        if built and name in self._bounds and value != before[name]:
            raise ValueError(
                f"{self._owner}: {name} = {value!r} is another {self._bounds[name]}, and states "
                "have one that is fixed once the optimizer is built; make a new one"
            )
        on = {names: self.on(names) for names in self._each_group()} if built else {}
        self._values = {**before, name: accept(self._declared[name], value, self._owner)}
        try:
            self._refuse_several(self.on())
            for names, old in on.items():
                new = self.on(names)
                changed = ", ".join(switch for switch in new if new[switch] != old[switch])
                if changed:
                    raise ValueError(
                        f"{self._owner}: {name} = {value!r} switches {changed}, which is fixed "
                        "once the optimizer is built; make a new one"
                    )
        except ValueError:
            self._values = before
            raise
        self._rows = {}

    def _each_group(self) -> list[tuple[str, ...]]:
        return [(), *((name,) for name in self._groups)]

    def on(self, groups: tuple[str, ...] = ()) -> dict[str, bool]:
        """The switches of the variables that are in some groups.

        A condition on a number holds for all variables where it holds for any: what differs
        between variables is a number then, and they share a kernel.
        """
        own = merged(self._values, self._groups, groups)
        every = [merged(self._values, self._groups, names) for names in self._each_group()]
        found = {switch.name: self._holds(switch, own, every) for switch in self._switches}
        return found | self._of_calls

    def may_hold(self, switch: Switch) -> bool:
        """Whether a switch that calls decide may hold: not where what it asks about is off."""
        try:
            own = (merged(self._values, self._groups, names) for names in self._each_group())
            return any(switch.condition(values) for values in own)
        except (KeyError, TypeError):  # It depends on the counters, or on what schedules give.
            return True

    def _holds(
        self, switch: Switch, own: Mapping[str, Setting], every: Sequence[Mapping[str, Setting]]
    ) -> bool:
        if not switch.asks:
            return bool(switch.condition(own))
        # None has a value if the spec declares one that disables the hyperparameter.
        off = any(
            own[name] is None and self._declared[name].excluded is None for name in switch.asks
        )
        asked = [own] if off else [own, *every]
        return any(
            any(isinstance(values[name], Changing) for name in switch.asks)
            or bool(switch.condition(values))
            for values in asked
        )

    def _refuse_several(self, on: Mapping[str, bool]) -> None:
        for names in self._exclusive:
            given = [name for name in names if on[name]]
            if len(given) > 1:
                raise ValueError(
                    f"{self._owner}: only one of these may be given: "
                    + ", ".join(name.removesuffix("_given") for name in given)
                )
        for is_matrix in (False, True):
            self._refuse_rivals({**on, MATRIX: is_matrix})

    def _refuse_rivals(self, on: Mapping[str, bool]) -> None:
        found = [state for state in self._stand_ins if state.when(on)]
        if len(found) > 1:
            causes = (_switches_of(state, on) for state in found)
            told = " and ".join(f"{s.name} ({c})" for s, c in zip(found, causes, strict=True))
            raise ValueError(
                f"{self._owner}: only one state may stand in for a variable, not {told}; turn one "
                "of them off"
            )

    def rows(self, wanted: tuple[Row, ...], calls: int) -> Array:
        """A row of float64 values for each of ``wanted``, after so many calls; None is NaN.

        Raises TypeError or ValueError where a changing value is not one that is allowed.
        """
        if wanted not in self._rows:
            self._rows[wanted] = self._table(wanted)
        table, changing = self._rows[wanted]
        asked: dict[int, object] = {}
        for place, name, value in changing:
            if id(value) not in asked:
                asked[id(value)] = value.after(calls)
            table[place] = self._checked(name, asked[id(value)], calls)
        return table

    def by_call(self, wanted: tuple[Row, ...]) -> Array | None:
        """The columns that depend on the number of calls; None if there are none."""
        table, changing = self._rows[wanted]
        found = np.zeros(table.shape, np.bool_)
        for place, _, value in changing:
            found[place] = value.sees_calls
        return found if found.any() else None

    def changing(self, wanted: tuple[Row, ...]) -> set[str]:
        """The hyperparameters that vary by call."""
        return {name for _, name, _ in self._rows[wanted][1]}

    def _table(self, wanted: Sequence[Row]) -> Table:
        """The constant part of the rows, and the positions of varying values."""
        numbers = self.columns
        table = np.full((len(wanted), len(numbers)), np.nan)
        changing = []
        for i, row in enumerate(wanted):
            values = merged(self._values, self._groups, row.groups)
            for j, name in enumerate(numbers):
                if name not in values:
                    continue
                value = self._included(name, values[name], row)
                if isinstance(value, Changing):
                    changing.append(((i, j), name, value))
                elif value is not None:
                    table[i, j] = value
        return table, changing

    def _included(self, name: str, value: Setting, row: Row) -> Setting:
        """The value in a row; for excluded variables and None, the value that disables it."""
        return self._declared[name].excluded if name in row.excluded or value is None else value

    def _resolved(self, name: str, value: Setting, calls: int) -> Value:
        if isinstance(value, Changing):
            return self._checked(name, value.after(calls), calls)
        return value

    def _checked(self, name: str, value: object, calls: int) -> float:
        """The validated value after so many calls."""
        where = f"{self._owner}, after {calls} calls"
        checked = self._declared[name].check(value, where)
        if checked is None:
            raise TypeError(f"{where}: {name} must be a number, not None")
        return checked


def _switches_of(state: State, on: Mapping[str, bool]) -> str:
    """The arguments that enable a state."""
    needed = [name for name in on if not state.when({**on, name: not on[name]})]
    return ", ".join(name.removesuffix("_given") for name in needed) or "always"
