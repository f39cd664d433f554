"""The base class of generated optimizers: the public interface."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Self

import numpy as np

from optgen.runtime.arrays import AnyArray as Array
from optgen.runtime.averages import Standing, standing_of
from optgen.runtime.core import Core
from optgen.runtime.gradient_pairs import Gradients, Variables
from optgen.runtime.gradient_reader import GivenGradients
from optgen.runtime.hyperparameters.exclusions import Itself, keys_of, taken_out
from optgen.runtime.hyperparameters.settings import Settings
from optgen.runtime.hyperparameters.treatment import Treatment
from optgen.runtime.instance_names import unique_name
from optgen.runtime.minimize import minimize
from optgen.runtime.model import Model
from optgen.runtime.rule_metadata import Generated
from optgen.runtime.sealed import Sealed
from optgen.runtime.state import exchange
from optgen.runtime.state.resume import resume, snapshot
from optgen.runtime.state.saved import Saved
from optgen.runtime.state.snapshot import Snapshot
from optgen.runtime.suggestions import refuse_unknown
from optgen.runtime.transaction import Call

_COMMON = ("name", "options", "constraints", "overwrite_with_gradient", "on_nonfinite")


class Optimizer(Generated, Sealed, Saved):
    """Updates arrays in place by a compiled rule. Subclasses are generated from specs."""

    #: Labels the optimizer.
    name: str

    def __init__(
        self,
        given: Mapping[str, Any],
    ) -> None:
        """Take the arguments of a generated class, by name, with all besides them."""
        values = {h.name: given[h.name] for h in self.hyperparameters}
        name, options, *common = (given[argument] for argument in _COMMON)
        refuse_unknown(kind := type(self).__name__, given["kwargs"], [*values, *_COMMON])
        if not isinstance(name, str | None):
            raise TypeError(f"{kind}: name must be a string, not {name!r}")
        declared = self.hyperparameters, self.switches, self.exclusive
        settings = Settings(kind, *declared, values, options, self.states, self.layout.columns)
        treatment = Treatment(kind, *common)
        self.name = unique_name(kind) if name is None else name
        self._core = Core(kind, settings, treatment)
        self._reader: GivenGradients | None = None

    def __getattr__(self, name: str) -> Any:
        core = self.__dict__.get("_core")
        if core is not None and name in core.settings:
            return core.settings.now(name, core.calls)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __setattr__(self, name: str, value: object) -> None:
        core = self.__dict__.get("_core")
        if core is not None and name in core.settings:
            core.set(name, value)
        else:
            super().__setattr__(name, value)

    def _names(self) -> list[str]:
        return [*(h.name for h in self.hyperparameters), *super()._names()]

    def _is_extended(self) -> bool:
        # Every generated class has a digest of its own.
        return "spec" not in vars(type(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._core.settings.shown()}, name={self.name!r})"

    def get_config(self) -> dict[str, Any]:
        """What makes an equal optimizer: arguments, and exclusions, as plain Python values.

        Schedules are written out; functions, among hyperparameters or constraints, stay what
        they are. Raises ValueError where a variable was excluded by itself and has no path yet.
        """
        core = self._core
        settings, treatment, model = core.settings, core.treatment, core.model
        if model is None:
            treatment.exclusions.refuse_unknown_paths()
        known: dict[Hashable, str] = {}
        if model is not None:
            known = {Itself(array): path for path, array in model.named.items()}
        config = {"name": self.name, **settings.as_dict(), **treatment.as_dict()}
        config["options"] = settings.options.as_dict()
        return {**config, **treatment.exclusions.as_arguments(known)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """An optimizer from what ``get_config`` returned; the mapping isn't changed."""
        arguments = dict(config)
        excluded = taken_out(arguments, cls.hyperparameters)
        optimizer = cls(**arguments)
        for name, patterns in excluded.items():
            optimizer._exclude(name, None, patterns)
        return optimizer

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles have variables of their own, but those copied along with them.

        The state is that between two steps, whatever other threads do; variables belong to the
        program, which keeps them from changing meanwhile.
        """
        core = self._core
        with core.turn.lock:
            core.refuse_inside("copy the optimizer")
            made, model = (type(self).from_config, (self.get_config(),)), core.model
            if model is None:
                return made
            arrays = {key: array.copy() for key, array in exchange.arrays_of(model).items()}
            return (*made, (model.named, replace(core.counted()), arrays))

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        variables, self._core.counters, arrays = state
        self._reader = reader = self._new_reader(variables)
        self._core.model = model = reader.model
        model.memory.commit(exchange.putting_back(model, arrays))

    @property
    def built(self) -> bool:
        """Whether the variables are known and the state exists."""
        return self._core.model is not None

    @property
    def iterations(self) -> int:
        """Updates so far; calls that only gather a gradient don't count."""
        return self._core.counted().updates

    @property
    def _iterations(self) -> int:
        """Calls so far; this is what schedules see."""
        return self._core.calls()

    @property
    def state(self) -> dict[str, dict[str, Array]]:
        """The state arrays themselves, by variable path and state name."""
        with self._core.turn.lock:
            if (model := self._core.model) is None:
                return {}
            return {path: model.state_of(index) for index, path in enumerate(model.paths)}

    @property
    def variables(self) -> list[Array]:
        """Copies of iterations and learning rate, then every state array itself."""
        counters = [np.array(self.iterations), np.array(self.learning_rate)]
        return counters + [array for own in self.state.values() for array in own.values()]

    def build(self, variables: Variables) -> None:
        """Take the variables, float32 or float64 arrays, and make their state.

        ``variables`` is a list, or a mapping from path to array where names matter. Raises
        TypeError or ValueError, with nothing changed, where an array can't be updated in place,
        and ValueError when the optimizer has been built before.
        """
        with self._core.turn.lock:
            if self._core.model is not None:
                raise ValueError(f"{type(self).__name__} has been built already")
            self._reader = self._new_reader(variables)
            self._core.model = self._reader.model

    def _new_reader(self, variables: Variables) -> GivenGradients:
        core = self._core
        model = Model(variables, self.states, core.settings, core.treatment, type(self))
        return GivenGradients(model)

    def _exclude(
        self, name: str, variables: Sequence[Array] | None, patterns: Sequence[str] | None
    ) -> None:
        if self._core.model is not None:
            raise ValueError(f"variables are excluded from {name} before the optimizer is built")
        self._core.treatment.exclusions.add(name, keys_of(variables), patterns)

    def apply_gradients(self, grads_and_vars: Iterable[tuple[object, Array]]) -> int:
        """``apply`` for pairs of gradient and variable; returns ``iterations``."""
        pairs = list(grads_and_vars)
        self.apply([gradient for gradient, _ in pairs], [variable for _, variable in pairs])
        return self.iterations

    def apply(self, grads: Gradients, trainable_variables: Variables | None = None) -> None:
        """Update the variables in place with their gradients.

        ``grads`` has an array of the variable's shape and dtype for each variable, or None for
        one that has no gradient this time; as a list in the order of the variables, or as a
        mapping from path. The first call may name the variables to build with. Everything
        is checked first: where this raises TypeError or ValueError, nothing has changed. Where
        a schedule or a constraint raises, or Ctrl-C comes, the step is whole or not made. Threads
        take turns. Raises RuntimeError inside ``averaged``, and in a function that a step calls.
        """
        if not isinstance(grads, (Mapping, Sequence)):
            raise TypeError("gradients must be a list or a mapping of arrays")
        self._core.in_turn(self._step, grads, trainable_variables)

    def _step(self, grads: Gradients, variables: Variables | None) -> None:
        if not len(grads):
            return
        core, reader = self._core, self._reader
        if core.model is None or reader is None:
            if variables is None:
                raise ValueError("the first apply needs the variables, or call build before")
            reader, variables = self._new_reader(variables), None
            gradients = reader.read(grads, variables)
            self._reader, core.model = reader, reader.model
        else:
            gradients = reader.read(grads, variables)
        core.take(gradients)

    minimize = minimize

    def scale_loss(self, loss: Any) -> Any:
        """The loss times the factor that gradients are divided by; itself where there is none."""
        return self._core.scale_loss(loss)

    @property
    def gradient_norm(self) -> float | None:
        """The joint norm of the gradients of the last update, before they were clipped by it.

        None where no norm was needed, as clipping by norm needs one.
        """
        return self._core.gradient_norm

    def finalize_variable_values(self, var_list: Sequence[Array] | None = None) -> None:
        """Give variables, all or some, the value of their averages, where there are any.

        Raises ValueError for a variable that the optimizer was not built with, and RuntimeError
        inside ``averaged``, whose end would undo it.
        """
        self._core.averages(lambda: self._standing(var_list)).finalize()

    def averaged(self) -> AbstractContextManager[None]:
        """Inside, the variables hold their averages; behind, their own values again.

        Raises ValueError where no averages are kept, and RuntimeError for a step inside, in
        whichever thread.
        """
        averages = self._core.averages(self._standing)
        return averages.standing_in(self.states, self._core.settings.on())

    def _standing(self, only: Sequence[Array] | None = None) -> Standing | None:
        model = self._core.model
        return None if model is None else standing_of(model, self.states, self.iterations, only)

    def _snapshot(self) -> Snapshot:
        return snapshot(self._core, self)

    def _resume(self, found: Snapshot, source: str, also: Sequence[Call] = ()) -> None:
        resume(self._core, self, found, source, also)
