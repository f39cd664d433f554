"""The base of every generated optimizer: variables, gradients, counters, configuration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from optgen.runtime.arrays import Array, Gradient
from optgen.runtime.declarations import Hyperparameter, State, Switch
from optgen.runtime.exclusions import Exclusions
from optgen.runtime.kernels import Kernels
from optgen.runtime.matching import Gradients, Variables
from optgen.runtime.model import Model
from optgen.runtime.settings import Settings, refuse_unknown

#: Begins the keys of a configuration that hold exclusions, as it does the methods' names.
_EXCLUDE = "exclude_from_"


class Optimizer:
    """Updates NumPy arrays in place by a compiled rule. Subclasses are generated from specs."""

    hyperparameters: ClassVar[tuple[Hyperparameter, ...]] = ()
    switches: ClassVar[tuple[Switch, ...]] = ()
    states: ClassVar[tuple[State, ...]] = ()
    exclusive: ClassVar[tuple[tuple[str, ...], ...]] = ()
    kernels: ClassVar[Kernels]

    def __init__(self, name: str, unknown: Mapping[str, object], /, **values: object) -> None:
        kind = type(self).__name__
        refuse_unknown(kind, unknown, [*values, "name"])
        if not isinstance(name, str):
            raise TypeError(f"{kind}: name must be a string, not {name!r}")
        self.name = name
        self._settings = Settings(kind, self.hyperparameters, self.switches, self.exclusive, values)
        self._exclusions = Exclusions()
        self._model: Model | None = None
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
            settings.change(name, value, built=self._model is not None)
        else:
            super().__setattr__(name, value)

    def __repr__(self) -> str:
        values = ", ".join(f"{k}={v!r}" for k, v in self._settings.as_dict().items())
        return f"{type(self).__name__}({values}, name={self.name!r})"

    def get_config(self) -> dict[str, Any]:
        """What makes an equal optimizer, as plain Python values: arguments, and exclusions.

        Raises ValueError where a variable was excluded by itself and has no path yet.
        """
        known = None if self._model is None else self._model.named
        excluded = self._exclusions.patterns(known)
        exclusions = {_EXCLUDE + name: patterns for name, patterns in excluded.items()}
        return {"name": self.name, **self._settings.as_dict(), **exclusions}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """An optimizer from what ``get_config`` returned; the mapping isn't changed."""
        excludable = [h.name for h in cls.hyperparameters if h.excluded is not None]
        arguments = dict(config)
        excluded = {name: arguments.pop(_EXCLUDE + name, None) for name in excludable}
        optimizer = cls(**arguments)  # type: ignore[call-arg]
        for name, patterns in excluded.items():
            optimizer._exclude(name, None, patterns)
        return optimizer

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles are made from the configuration, and so only before ``build``."""
        if self._model is not None:
            raise TypeError(
                f"a built {type(self).__name__} belongs to its variables and can't be copied; "
                "make a new one with from_config"
            )
        return type(self).from_config, (self.get_config(),)

    # Variables and state.

    @property
    def built(self) -> bool:
        """Whether the variables are known and the state exists."""
        return self._model is not None

    @property
    def iterations(self) -> int:
        """Updates so far; calls that only gather a gradient don't count."""
        return self._updates

    @property
    def state(self) -> dict[str, dict[str, Array]]:
        """The state arrays themselves, by variable path and state name."""
        model = self._model
        if model is None:
            return {}
        return {path: model.state_of(index) for index, path in enumerate(model.paths)}

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
        if self._model is not None:
            raise ValueError(f"{type(self).__name__} has been built already")
        self._model = self._new_model(variables)

    def _new_model(self, variables: Variables) -> Model:
        return Model(variables, self.states, self._settings, self._exclusions, self.kernels)

    def _exclude(
        self, name: str, variables: Sequence[Array] | None, patterns: Sequence[str] | None
    ) -> None:
        if self._model is not None:
            raise ValueError(f"variables are excluded from {name} before the optimizer is built")
        self._exclusions.add(name, variables, patterns)

    # Steps.

    def apply_gradients(self, grads_and_vars: Iterable[tuple[object, Array]]) -> int:
        """``apply`` for pairs of gradient and variable; returns ``iterations``."""
        pairs = list(grads_and_vars)
        self._apply([gradient for gradient, _ in pairs], [variable for _, variable in pairs])
        return self._updates

    def apply(self, grads: Gradients, variables: Variables | None = None) -> None:
        """Update the variables in place with their gradients.

        ``grads`` has an array of the variable's shape and dtype for each variable, or None for
        one that has no gradient this time; as a list in the order of the variables, or as a
        mapping from path. The first call may name the ``variables`` to build with. Everything
        is checked first: where this raises TypeError or ValueError, nothing has changed.
        """
        self._apply(grads, variables)

    def _apply(self, grads: Gradients, variables: Variables | None) -> None:
        if not isinstance(grads, (Mapping, Sequence)):
            raise TypeError("gradients must be a list or a mapping of arrays")
        if not len(grads):
            return
        model = self._model
        if model is None:
            if variables is None:
                raise ValueError("the first apply needs the variables, or call build before")
            model, variables = self._new_model(variables), None
        gradients = model.check(grads, variables)
        self._model = model
        self._step(model, gradients)

    def _step(self, model: Model, gradients: list[Gradient | None]) -> None:
        on, engine = self._settings.on, model.engine
        present = np.array([gradient is not None for gradient in gradients])
        rows = self._settings.rows(model.row_sets)
        program = engine.begin(on, rows, self._calls + 1, self._updates + 1)
        if program.gate:
            engine.run(program, on, present, gradients)
            model.seen |= present
        else:
            chosen = present | model.seen
            model.fill_missing(gradients, chosen)
            engine.run(program, on, chosen, gradients)
            absent = self.kernels.program("absent")
            if absent is not None and not chosen.all():
                engine.run(absent, on, ~chosen)
            model.seen[:] = False
            self._updates += 1
        self._calls += 1
