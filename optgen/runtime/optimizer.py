"""The base of every generated optimizer: variables, gradients, counters, configuration."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from optgen.runtime.arrays import Array, GradientCheck, check_variables
from optgen.runtime.declarations import Hyperparameter, State, Switch
from optgen.runtime.engine import Engine
from optgen.runtime.exclusions import Exclusions
from optgen.runtime.kernels import Kernels
from optgen.runtime.settings import Settings, refuse_unknown
from optgen.runtime.tables import Tables

Gradients = Sequence[object] | Mapping[str, object]
Variables = Sequence[Array] | Mapping[str, Array]


class Optimizer:
    """Updates NumPy arrays in place by a compiled rule. Subclasses are generated from specs."""

    hyperparameters: ClassVar[tuple[Hyperparameter, ...]] = ()
    switches: ClassVar[tuple[Switch, ...]] = ()
    states: ClassVar[tuple[State, ...]] = ()
    exclusive: ClassVar[tuple[tuple[str, ...], ...]] = ()
    kernels: ClassVar[Kernels]

    def __init__(self, name: str, unknown: Mapping[str, object], **values: object) -> None:
        kind = type(self).__name__
        refuse_unknown(kind, unknown, [*values, "name"])
        if not isinstance(name, str):
            raise TypeError(f"{kind}: name must be a string, not {name!r}")
        self.name = name
        self._settings = Settings(kind, self.hyperparameters, self.switches, self.exclusive, values)
        self._exclusions = Exclusions()
        self._paths: tuple[str, ...] = ()
        self._variables: tuple[Array, ...] = ()
        self._states: dict[str, list[Array | None]] = {}
        self._engine: Engine | None = None
        self._calls = 0
        self._updates = 0

    # Hyperparameters are attributes: optimizer.learning_rate = 0.01.

    def __getattr__(self, name: str) -> Any:
        settings = self.__dict__.get("_settings")
        if settings is not None and name in settings:
            return settings[name]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __setattr__(self, name: str, value: object) -> None:
        settings = self.__dict__.get("_settings")
        if settings is not None and name in settings:
            settings.change(name, value, built=self._engine is not None)
        else:
            super().__setattr__(name, value)

    def __repr__(self) -> str:
        values = ", ".join(f"{k}={v!r}" for k, v in self._settings.as_dict().items())
        return f"{type(self).__name__}({values}, name={self.name!r})"

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal optimizer, as plain Python values."""
        return {"name": self.name, **self._settings.as_dict()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """An optimizer with the arguments of ``get_config``; the mapping isn't changed."""
        return cls(**config)

    # Variables and state.

    @property
    def built(self) -> bool:
        """Whether the variables are known and the state exists."""
        return self._engine is not None

    @property
    def iterations(self) -> int:
        """Updates so far; calls that only accumulate a gradient don't count."""
        return self._updates

    @property
    def state(self) -> dict[str, dict[str, Array]]:
        """The state arrays themselves, by variable path and state name."""
        return {
            path: {
                name: array
                for name, arrays in self._states.items()
                if (array := arrays[index]) is not None
            }
            for index, path in enumerate(self._paths)
        }

    @property
    def variables(self) -> list[Array]:
        """Copies of iterations and learning rate, then every state array itself."""
        counters = [np.array(self._updates), np.array(self.learning_rate)]
        return counters + [array for own in self.state.values() for array in own.values()]

    def build(self, variables: Variables) -> None:
        """Take the variables, float32 or float64 arrays, and make their state.

        ``variables`` is a list, or a mapping from path to array where names matter. Raises
        TypeError or ValueError, with nothing changed, where an array can't be updated in place,
        and ValueError when the optimizer has been built before.
        """
        if self._engine is not None:
            raise ValueError(f"{type(self).__name__} has been built already")
        named = _named(variables)
        checked = check_variables(named)
        on = self._settings.on
        states: dict[str, list[Array | None]] = {
            state.name: [self._initial(state, v) if state.when(on) else None for v in checked]
            for state in self.states
        }
        excluded = [self._exclusions.of(*pair) for pair in zip(named, checked, strict=True)]
        self._row_sets = list(dict.fromkeys([frozenset[str](), *excluded]))
        rows = [self._row_sets.index(names) for names in excluded]
        tables = Tables(checked, self.kernels.buffers, states, rows)
        self._check_gradient = GradientCheck(tuple(named), checked)
        self._paths, self._variables, self._states = tuple(named), tuple(checked), states
        self._index = {id(variable): index for index, variable in enumerate(checked)}
        self._seen = np.zeros(len(checked), np.bool_)
        self._engine = Engine(self.kernels, tables, len(self._row_sets))

    def _initial(self, state: State, variable: Array) -> Array:
        array = np.empty_like(variable, subok=False)
        value = state.initial
        if value == "param":
            array[...] = variable
        else:
            array[...] = self._settings[value] if isinstance(value, str) else value
        return array

    def _exclude(
        self, name: str, variables: Sequence[Array] | None, patterns: Sequence[str] | None
    ) -> None:
        if self._engine is not None:
            raise ValueError(f"variables are excluded from {name} before the optimizer is built")
        self._exclusions.add(name, variables, patterns)

    # Steps.

    def apply_gradients(self, grads_and_vars: Iterable[tuple[object, Array]]) -> int:
        """``apply`` for pairs of gradient and variable; returns ``iterations``."""
        pairs = list(grads_and_vars)
        self.apply([gradient for gradient, _ in pairs], [variable for _, variable in pairs])
        return self._updates

    def apply(self, grads: Gradients, variables: Variables | None = None) -> None:
        """Update the variables in place with their gradients.

        ``grads`` has an array of the variable's shape and dtype for each variable, or None for
        one that has no gradient this time; as a list in the order of the variables, or as a
        mapping from path. The first call may name the ``variables`` to build with. Everything
        is checked first: where this raises TypeError or ValueError, nothing has changed.
        """
        if not len(grads):
            return
        if self._engine is None:
            if variables is None:
                raise ValueError("the first apply needs the variables, or call build before")
            self._match(grads, variables, list(_named(variables)), None)
            self.build(variables)
        assert self._engine is not None
        given = self._match(grads, variables, self._paths, self._index)
        gradients = [
            None if gradient is None else self._check_gradient(index, gradient)
            for index, gradient in enumerate(given)
        ]
        self._check_still_writeable()
        present = np.array([gradient is not None for gradient in gradients])
        self._complain_of_missing(present, given)
        self._step(self._engine, gradients, present)

    def _step(self, engine: Engine, gradients: list[Array | None], present: Any) -> None:
        on = self._settings.on
        rows = self._settings.rows(self._row_sets)
        program = engine.begin(on, rows, self._calls + 1, self._updates + 1)
        self._calls += 1
        if program.gate:
            engine.run(program, on, present, gradients)
            self._seen |= present
            return
        chosen = present | self._seen
        self._fill_missing(gradients, chosen)
        engine.run(program, on, chosen, gradients)
        absent = self.kernels.program("absent")
        if absent is not None and not chosen.all():
            engine.run(absent, on, ~chosen)
        self._seen[:] = False
        self._updates += 1

    def _fill_missing(self, gradients: list[Array | None], chosen: Any) -> None:
        """A gradient that is missing now but was there in this window counts as zero."""
        for index in np.flatnonzero(chosen):
            if gradients[index] is None:
                gradients[index] = np.zeros_like(self._variables[index])

    def _check_still_writeable(self) -> None:
        for path, variable in zip(self._paths, self._variables, strict=True):
            if not variable.flags.writeable:
                raise ValueError(f"{path!r} has become read-only")

    def _complain_of_missing(self, present: Any, given: Sequence[object]) -> None:
        missing = [self._paths[index] for index in np.flatnonzero(~present)]
        if len(missing) == len(given):
            raise ValueError("no variable has a gradient")
        if missing:
            warnings.warn(f"no gradient for {', '.join(missing)}", stacklevel=3)

    @staticmethod
    def _match(
        grads: Gradients,
        variables: Variables | None,
        paths: Sequence[str],
        index: Mapping[int, int] | None,
    ) -> list[object]:
        """The gradients in the order of the built variables; None where there is none."""
        if isinstance(grads, Mapping):
            unknown = [path for path in grads if path not in paths]
            if unknown:
                raise ValueError(f"no variable {unknown[0]!r}; there are {', '.join(paths)}")
            lacking = [path for path in paths if path not in grads]
            if lacking:
                raise ValueError(f"no entry for {lacking[0]!r}; give None if it has no gradient")
            return [grads[path] for path in paths]
        if variables is None or index is None:
            if len(grads) != len(paths):
                raise ValueError(f"{len(grads)} gradients for {len(paths)} variables")
            return list(grads)
        listed = list(_named(variables).values())
        if len(grads) != len(listed):
            raise ValueError(f"{len(grads)} gradients for {len(listed)} variables")
        found: list[object] = [None] * len(paths)
        for gradient, variable in zip(grads, listed, strict=True):
            if id(variable) not in index:
                raise ValueError("a variable that the optimizer was not built with")
            found[index[id(variable)]] = gradient
        return found


def _named(variables: Variables) -> dict[str, Array]:
    if isinstance(variables, Mapping):
        return {str(path): variable for path, variable in variables.items()}
    if isinstance(variables, np.ndarray):
        raise TypeError("variables must be a list or a mapping of arrays, not one array")
    return {f"variable_{index}": variable for index, variable in enumerate(variables)}
