"""The hyperparameters of an optimizer, and what follows: switches, and rows of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from optgen.runtime.arrays import Array
from optgen.runtime.changing import Changing, Setting, accept, configured
from optgen.runtime.declarations import Hyperparameter, Switch, Value
from optgen.runtime.options import Options, PathOptions


class Row(NamedTuple):
    """What the numbers of a variable depend on: patterns that fit it, and its exclusions."""

    fitting: tuple[str, ...] = ()
    excluded: frozenset[str] = frozenset()


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
    ) -> None:
        self._owner, self._switches, self._exclusive = owner, switches, exclusive
        self._declared = {h.name: h for h in declared}
        self.options = Options(owner, self._declared, options)
        self._values = {name: accept(h, values[name], owner) for name, h in self._declared.items()}
        self._refuse_several(self.on())
        self._rows: dict[tuple[Row, ...], Array] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._declared

    def now(self, name: str, calls: int) -> Value:
        """A value as it is for a call that so many calls came before."""
        return self._resolve(self._values, [name], calls)[name]

    def of_row(self, name: str, row: Row) -> Value:
        """A value of some variables as it is before the first call."""
        values = self.options.over(self._values, row.fitting)
        value = self._resolve(values, [name], 0)[name]
        return self._number(name, value, row.excluded)

    @property
    def loss_scales(self) -> list[str]:
        """The hyperparameters that a loss is multiplied by before its gradients are taken."""
        return [name for name, h in self._declared.items() if h.scales_loss]

    def loss_scale(self, calls: int) -> float:
        """The product of all that a loss is multiplied by."""
        given = self._resolve(self._values, self.loss_scales, calls).values()
        return float(np.prod([value for value in given if value is not None]))

    def as_dict(self) -> dict[str, Any]:
        """Every value by name, in the order of the signature, as a configuration holds it."""
        return {name: configured(value) for name, value in self._values.items()}

    def shown(self) -> str:
        """Every value by name, as in a call."""
        sources = {k: v.source if isinstance(v, Changing) else v for k, v in self._values.items()}
        return ", ".join(f"{name}={value!r}" for name, value in sources.items())

    def change(self, name: str, value: object, *, built: bool) -> None:
        """Set one value; once ``built``, not one that turns a part of the rule on or off."""
        before = self._values
        on = {fitting: self.on(fitting) for fitting in self._every_fitting()} if built else {}
        self._values = {**before, name: accept(self._declared[name], value, self._owner)}
        try:
            self._refuse_several(self.on())
            for fitting, old in on.items():
                new = self.on(fitting)
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

    def _every_fitting(self) -> list[tuple[str, ...]]:
        return [(), *((pattern,) for pattern in self.options.patterns)]

    def on(self, fitting: tuple[str, ...] = ()) -> dict[str, bool]:
        """The switches of the variables that some patterns fit.

        A condition on a number holds for all variables where it holds for any: what differs
        between variables is a number then, and they share a kernel.
        """
        own = self.options.over(self._values, fitting)
        every = [self.options.over(self._values, one) for one in self._every_fitting()]
        return {switch.name: self._holds(switch, own, every) for switch in self._switches}

    def _holds(
        self, switch: Switch, own: Mapping[str, Setting], every: Sequence[Mapping[str, Setting]]
    ) -> bool:
        if not switch.asks:
            return bool(switch.condition(own))
        # None is a number too where the spec says which one turns the hyperparameter off.
        off = any(
            own[name] is None and self._declared[name].excluded is None for name in switch.asks
        )
        asked = [own] if off else every
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

    def rows(self, wanted: Sequence[Row], calls: int) -> Array:
        """A row of float64 values for each of ``wanted``, after so many calls; None is NaN.

        Raises TypeError or ValueError where a changing value is not one that is allowed.
        """
        key = tuple(wanted)
        if key in self._rows:
            return self._rows[key]
        numbers = [name for name, h in self._declared.items() if not h.is_switch]
        every = [self.options.over(self._values, row.fitting) for row in wanted]
        table, known = [], dict[int, object]()
        for row, values in zip(wanted, every, strict=True):
            own: dict[str, Value] = self._resolve(values, numbers, calls, known)
            table.append([self._number(name, own[name], row.excluded) for name in numbers])
        result = np.array(table, np.float64)
        if not any(isinstance(value, Changing) for values in every for value in values.values()):
            self._rows[key] = result
        return result

    def _resolve(
        self,
        values: Mapping[str, Setting],
        names: Sequence[str],
        calls: int,
        known: dict[int, object] | None = None,
    ) -> dict[str, Value]:
        """Numbers for one call; ``known`` keeps what was asked already: it is asked once."""
        found: dict[str, Value] = {}
        known = {} if known is None else known
        for name in names:
            value = values[name]
            if isinstance(value, Changing):
                if id(value) not in known:
                    known[id(value)] = value.after(calls)
                where = f"{self._owner}, after {calls} calls"
                found[name] = self._declared[name].check(known[id(value)], where)
            else:
                found[name] = value
        return found

    def _number(self, name: str, value: Value, excluded: frozenset[str]) -> float:
        off = self._declared[name].excluded
        if name in excluded or value is None:
            value = off
        return float("nan") if value is None else float(value)
