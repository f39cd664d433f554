"""An optimizer in float64, evaluated from its spec files with none of the compiler's code."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.numeric.noise import draws
from tests.numeric.rules import (
    Array,
    as_matrices,
    axis_reductions,
    holds,
    is_turned,
    reductions,
    run,
)
from tests.numeric.specs import Table, in_order, rule_of

PARAM, GRAD, CHANGE = "param", "grad", "change"


class Reference:
    """Applies the rule of a spec, and every feature, to copies of some variables.

    All variables lie behind one another in flat arrays, one for the parameter and one for each
    state. A number, or a vector of rows or columns, has its value at each element that it is of.

    ``excluded`` lists the variables, by index, for which a hyperparameter has the value
    that the spec gives to excluded ones. ``optional`` names features that are built, too.
    """

    def __init__(
        self,
        spec: Path,
        variables: Sequence[Array],
        excluded: Mapping[str, Sequence[int]] | None = None,
        *,
        optional: Sequence[str] = (),
        **values: object,
    ) -> None:
        rule, defaults = rule_of(spec)
        self._view = rule.get("matrix", {}).get("view")
        inputs = rule.get("inputs", {})
        every_part = [{**part, "place": n} for n, part in enumerate(in_order(rule, optional))]
        declared = {k: v for part in every_part for k, v in part.get("hyperparameters", {}).items()}
        known = {name: entry.get("default") for name, entry in declared.items()}
        self._values: dict[str, Any] = {"learning_rate": 0.001, **known, **defaults, **values}
        #: What each call gives besides gradients: all that may not be left out.
        self.inputs = {name: 0.7 for name, entry in inputs.items() if not entry.get("optional")}
        self._values |= {**dict.fromkeys(inputs), **self.inputs, "perturbed": False}
        self._extents = {
            name: state.get("shape")
            for part in every_part
            for name, state in part.get("state", {}).items()
        }
        self._parts = [part for part in every_part if holds(part.get("when"), self._values)]
        self._variables = variables
        self._shapes = [variable.shape for variable in variables]
        self._sizes = np.array([variable.size for variable in variables])
        self._owner = np.repeat(np.arange(len(variables)), self._sizes)
        self._now = {PARAM: self._flat(variables)}
        self._now |= {name: self._initial(state) for name, state in self._states()}
        self._paths = {name: np.zeros(len(self._owner)) for name in self._now}
        for name, indices in (excluded or {}).items():
            if self._values[name] is not None:
                out = np.isin(self._owner, list(indices))
                self._values[name] = np.where(out, declared[name]["excluded"], self._values[name])
        self._seen = np.zeros(len(variables), np.bool_)
        self.calls = self.updates = 0

    def _states(self) -> list[tuple[str, Table]]:
        every = [pair for part in self._parts for pair in part.get("state", {}).items()]
        static = {**self._values, "matrix": True}
        some = [(n, s) for n, s in every if "matrix" in s.get("when", "")]
        rest = [(n, s) for n, s in every if (n, s) not in some]
        return [(n, s) for n, s in rest if holds(s.get("when"), static)] + some

    def _initial(self, state: Table) -> Array:
        value = state.get("initial", 0)
        if isinstance(value, str):
            value = self._now[PARAM] if value == PARAM else self._values[value]
        return np.array(np.broadcast_to(value, self._owner.shape), np.float64)

    @staticmethod
    def _flat(arrays: Sequence[Array]) -> Array:
        return np.concatenate([np.ravel(array) for array in arrays]).astype(np.float64)

    @property
    def states(self) -> list[str]:
        """The names of the states that there are."""
        return [name for name in self._now if name != PARAM]

    def of(self, name: str) -> list[Array]:
        """The parameters, or one of their states, in the shapes of the variables."""
        return self._shaped(self._now[name])

    def path(self, name: str) -> list[Array]:
        """How far each of their elements has gone: the sum of the magnitudes of its changes."""
        return self._shaped(self._paths[name])

    def _shaped(self, flat: Array) -> list[Array]:
        parts = np.split(flat, np.cumsum(self._sizes)[:-1])
        return [part.reshape(shape) for part, shape in zip(parts, self._shapes, strict=True)]

    def at_elements(self, name: str, found: Array, place: int) -> Array:
        """A state of a variable, or of all, at each of the variable's elements."""
        shape, extent = self._shapes[place], self._extents.get(name)
        if extent is None:
            return found
        if extent in ("tensor", "call", "optimizer"):
            return np.broadcast_to(found, shape)
        folded = as_matrices(shape, self._view)
        axis = 2 if (extent == "rows") is not is_turned(shape, self._view) else 1
        vector = found.reshape([1 if k == axis else n for k, n in enumerate(folded)])
        return np.broadcast_to(vector, folded).reshape(shape)

    def apply(self, gradients: Sequence[Array | None]) -> None:
        """One call, with None for a variable that has no gradient this time."""
        present = np.array([gradient is not None for gradient in gradients])
        pairs = zip(gradients, self._shapes, strict=True)
        flat = self._flat([np.zeros(shape) if g is None else g for g, shape in pairs])
        self.calls += 1
        host = {**self._values, "call": self.calls, "step": self.updates + 1}
        for position, part in enumerate(self._parts):
            if not holds(part["update"].get("proceed"), host):
                rules = [_placed(before) for before in self._parts[:position]]
                self._run([*rules, _placed(part, "otherwise")], present, host, flat)
                self._seen |= present
                return
        chosen = present | self._seen
        self._run([*map(_placed, self._parts)], chosen, host, flat)
        for_all = [_placed(part) for part in self._parts if part.get("every_variable")]
        self._run(for_all, ~chosen, host, flat)
        self._seen[:] = False
        self.updates += 1

    def _drawn(self, indices: Sequence[int], place: int) -> dict[str, Any]:
        """The functions that draw random numbers for some variables."""
        seed = self._values.get("seed", 0)
        return draws(self._variables, indices, seed, self.updates + 1, place)

    def _run(
        self, rules: list[tuple[int, str]], chosen: Array, host: Mapping[str, Any], grad: Array
    ) -> None:
        """Run some rules, each with its place in a step, over the chosen variables.

        Where matrices have code of their own, it is run over them and over others apart.
        """
        if not chosen.any():
            return
        at = chosen[self._owner]
        fixed = {k: v[at] if isinstance(v, np.ndarray) else v for k, v in host.items()}
        fixed |= reductions(self._sizes[chosen].tolist())
        fixed |= {"size": np.repeat(self._sizes[chosen], self._sizes[chosen])}
        now: dict[str, Any] = {
            GRAD: grad[at],
            CHANGE: 0.0,
            **{name: flat[at] for name, flat in self._now.items()},
        }
        every = np.flatnonzero(chosen)
        for place, rule in rules:
            if not re.search(r"\bmatrix\b", rule):
                drawn = self._drawn(every.tolist(), place)
                after = run(rule, {**fixed, **drawn, **now})  # What else it assigns is local to it.
                now = {name: after[name] for name in now}
            else:
                now = self._by_kind(rule, every, fixed, now)
        for name, flat in self._now.items():
            self._paths[name][at] += np.abs(now[name] - flat[at])
            flat[at] = now[name]
            if self._extents.get(name) == "optimizer" and np.size(now[name]):
                flat[:] = np.ravel(now[name])[0]

    def _by_kind(
        self, rule: str, chosen: Array, fixed: Mapping[str, Any], now: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The names after a rule whose code for matrices differs."""
        whose = np.repeat(chosen, self._sizes[chosen])
        result = {name: np.array(np.broadcast_to(x, whose.shape)) for name, x in now.items()}
        for matrix in (True, False):
            own = [k for k in chosen if (len(self._shapes[k]) > 1) == matrix]
            at, shapes = np.isin(whose, own), [self._shapes[k] for k in own]
            if not at.any():
                continue
            scope = {k: x[at] if np.shape(x) == whose.shape else x for k, x in fixed.items()}
            scope |= reductions(self._sizes[own].tolist())
            sizes = self._sizes[own]
            scope |= {"matrix": matrix, "size": np.repeat(sizes, sizes)}
            if matrix:
                scope |= axis_reductions(shapes, self._view)
                for side, axis in (("rows", 1), ("columns", 2)):
                    lengths = [as_matrices(shape, self._view)[axis] for shape in shapes]
                    scope[side] = np.repeat(lengths, sizes)
            after = run(rule, {**scope, **{name: x[at] for name, x in result.items()}})
            for name, x in result.items():
                x[at] = after[name]
        return result


def _placed(part: Table, key: str = "rule") -> tuple[int, str]:
    """The lines of a part of a step, and its place."""
    return part["place"], part["update"].get(key, "")
