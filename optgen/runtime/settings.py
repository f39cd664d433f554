"""The values of an optimizer's hyperparameters, and what follows from them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

import numpy as np

from optgen.runtime.arrays import Array
from optgen.runtime.declarations import Hyperparameter, Switch, Value


class Settings:
    """Checked values by name; ``owner`` names the optimizer in messages."""

    def __init__(
        self,
        owner: str,
        declared: Sequence[Hyperparameter],
        switches: Sequence[Switch],
        exclusive: Sequence[Sequence[str]],
        values: Mapping[str, object],
    ) -> None:
        self._owner, self._switches, self._exclusive = owner, switches, exclusive
        self._declared = {h.name: h for h in declared}
        self._values = {name: h.check(values[name], owner) for name, h in self._declared.items()}
        self.on = self._switched(self._values)
        self._rows: dict[tuple[frozenset[str], ...], Array] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._declared

    def __getitem__(self, name: str) -> Value:
        return self._values[name]

    def as_dict(self) -> dict[str, Value]:
        """Every value by name, in the order of the signature."""
        return dict(self._values)

    def change(self, name: str, value: object, *, built: bool) -> None:
        """Set one value; once ``built``, not one that turns a part of the rule on or off."""
        checked = self._declared[name].check(value, self._owner)
        values = {**self._values, name: checked}
        on = self._switched(values)
        if built and on != self.on:
            changed = ", ".join(switch for switch in on if on[switch] != self.on[switch])
            raise ValueError(
                f"{self._owner}: {name} = {value!r} switches {changed}, which is fixed once the "
                "optimizer is built; make a new one"
            )
        self._values, self.on, self._rows = values, on, {}

    def _switched(self, values: Mapping[str, Value]) -> dict[str, bool]:
        on = {switch.name: bool(switch.condition(values)) for switch in self._switches}
        for names in self._exclusive:
            given = [name for name in names if on[name]]
            if len(given) > 1:
                raise ValueError(
                    f"{self._owner}: only one of these may be given: "
                    + ", ".join(name.removesuffix("_given") for name in given)
                )
        return on

    def rows(self, excluded: Sequence[frozenset[str]]) -> Array:
        """A row of float64 values for each set of excluded hyperparameters; None is NaN."""
        key = tuple(excluded)
        if key not in self._rows:
            self._rows[key] = np.array([self._row(names) for names in excluded], np.float64)
        return self._rows[key]

    def _row(self, excluded: frozenset[str]) -> list[float]:
        row = []
        for name, h in self._declared.items():
            value = h.excluded if name in excluded else self._values[name]
            if not h.is_switch:
                row.append(float("nan") if value is None else float(value))
        return row


def refuse_unknown(owner: str, unknown: Mapping[str, object], known: Sequence[str]) -> None:
    """Raise TypeError, with the nearest name, for arguments that an optimizer doesn't have."""
    for name in unknown:
        found = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {found[0]!r}?" if found else f"; it has {', '.join(known)}"
        raise TypeError(f"{owner} has no argument {name!r}{hint}")
