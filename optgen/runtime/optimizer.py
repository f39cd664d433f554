"""The base of every generated optimizer: what its users call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Self

import numpy as np

from optgen.runtime.arrays import AnyArray as Array
from optgen.runtime.averages import Averaging
from optgen.runtime.gradient_pairs import Gradients, Variables
from optgen.runtime.hyperparameters.overrides import PathOptions
from optgen.runtime.hyperparameters.settings import Settings
from optgen.runtime.hyperparameters.treatment import Constraints, OnNonfinite, Treatment
from optgen.runtime.instance_names import unique_name
from optgen.runtime.locking import Turn
from optgen.runtime.minimize import minimize
from optgen.runtime.model import Counters, Model
from optgen.runtime.rule_metadata import Generated
from optgen.runtime.scale import DynamicScale
from optgen.runtime.sealed import Sealed
from optgen.runtime.state import exchange
from optgen.runtime.state.saved import Saved
from optgen.runtime.state.snapshot import Snapshot, check_fits
from optgen.runtime.step import Step
from optgen.runtime.suggestions import refuse_unknown
from optgen.runtime.transaction import Call

#: Begins the keys of a configuration that hold exclusions, as it does the methods' names.
_EXCLUDE = "exclude_from_"
#: Arguments of a configuration that belong to a program and not to the state of a run.
_NOT_SAVED = ("constraints", "overwrite_with_gradient", "on_nonfinite")
_COMMON = ("name", "options", "constraints", "overwrite_with_gradient", "on_nonfinite")


class Optimizer(Generated, Sealed, Saved, Averaging):
    """Updates arrays in place by a compiled rule. Subclasses are generated from specs."""

    #: Labels the optimizer.
    name: str

    def __init__(
        self,
        name: str | None,
        options: PathOptions | None,
        constraints: Constraints | None,
        overwrite_with_gradient: Sequence[str],
        on_nonfinite: OnNonfinite,
        unknown: Mapping[str, object],
        /,
        **values: object,
    ) -> None:
        refuse_unknown(kind := type(self).__name__, unknown, [*values, *_COMMON])
        if not isinstance(name, str | None):
            raise TypeError(f"{kind}: name must be a string, not {name!r}")
        declared = self.hyperparameters, self.switches, self.exclusive
        settings = Settings(kind, *declared, values, options, self.states)
        self._treatment = Treatment(kind, constraints, overwrite_with_gradient, on_nonfinite)
        self.name = unique_name(kind) if name is None else name
        self._settings = settings
        self._model: Model | None = None
        self._counters = Counters()
        #: What changes the scale of the loss from call to call, if anything does.
        self._scaling: DynamicScale | None = None
        self._turn = Turn()

    def __getattr__(self, name: str) -> Any:
        settings = self.__dict__.get("_settings")
        if settings is not None and name in settings:
            return settings.now(name, lambda: self._iterations)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __setattr__(self, name: str, value: object) -> None:
        settings = self.__dict__.get("_settings")
        if settings is not None and name in settings:
            with self._turn.lock:
                settings.change(name, value, built=self._model is not None)
                if self._model is not None:
                    self._model.renew(settings)
        else:
            super().__setattr__(name, value)

    def _names(self) -> list[str]:
        return [*(h.name for h in self.hyperparameters), *super()._names()]

    def _is_extended(self) -> bool:
        # Every generated class has a digest of its own.
        return "spec" not in vars(type(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._settings.shown()}, name={self.name!r})"

    def get_config(self) -> dict[str, Any]:
        """What makes an equal optimizer: arguments, and exclusions, as plain Python values.

        Schedules are written out; functions, among hyperparameters or constraints, stay what
        they are. Raises ValueError where a variable was excluded by itself and has no path yet.
        """
        known = self._model.named if self._model else None
        excluded = self._treatment.exclusions.patterns(known)
        config = {"name": self.name, **self._settings.as_dict(), **self._treatment.as_dict()}
        config["options"] = self._settings.options.as_dict()
        return {**config, **{_EXCLUDE + name: found for name, found in excluded.items()}}

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
        """Copies and pickles have variables of their own, but those copied along with them.

        The state is that between two steps, whatever other threads do; variables belong to the
        program, which keeps them from changing meanwhile.
        """
        with self._turn.lock:
            self._refuse_inside("copy the optimizer")
            made, model = (type(self).from_config, (self.get_config(),)), self._model
            if model is None:
                return made
            arrays = {key: array.copy() for key, array in exchange.arrays_of(model).items()}
            return (*made, (model.named, replace(self._count()), arrays))

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        variables, self._counters, arrays = state
        self._model = model = self._new_model(variables)
        model.memory.commit(exchange.putting_back(model, arrays))

    @property
    def built(self) -> bool:
        """Whether the variables are known and the state exists."""
        return self._model is not None

    @property
    def iterations(self) -> int:
        """Updates so far; calls that only gather a gradient don't count."""
        return self._count().updates

    @property
    def _iterations(self) -> int:
        """Calls so far; this is what schedules see."""
        return self._count().calls

    def _count(self) -> Counters:
        """The counters as they are, asked of a device if only that knows."""
        if self._model is not None and self._model.deferred is not None:
            with self._turn.lock:
                self._model.recall(self._counters)
        return self._counters

    @property
    def state(self) -> dict[str, dict[str, Array]]:
        """The state arrays themselves, by variable path and state name."""
        with self._turn.lock:
            if (model := self._model) is None:
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
        with self._turn.lock:
            if self._model is not None:
                raise ValueError(f"{type(self).__name__} has been built already")
            self._model = self._new_model(variables)

    def _new_model(self, variables: Variables) -> Model:
        kernels = self.kernels, self.cuda_kernels
        return Model(variables, self.states, self._settings, self._treatment, *kernels)

    def _exclude(
        self, name: str, variables: Sequence[Array] | None, patterns: Sequence[str] | None
    ) -> None:
        if self._model is not None:
            raise ValueError(f"variables are excluded from {name} before the optimizer is built")
        self._treatment.exclusions.add(name, variables, patterns)

    def apply_gradients(self, grads_and_vars: Iterable[tuple[object, Array]]) -> int:
        """``apply`` for pairs of gradient and variable; returns ``iterations``."""
        pairs = list(grads_and_vars)
        self._apply([gradient for gradient, _ in pairs], [variable for _, variable in pairs])
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
        self._apply(grads, trainable_variables)

    def _apply(self, grads: Gradients, variables: Variables | None) -> None:
        if not isinstance(grads, (Mapping, Sequence)):
            raise TypeError("gradients must be a list or a mapping of arrays")
        turn = self._turn
        with turn.lock:
            turn.refuse_averaged(type(self).__name__, "makes no step")
            self._refuse_inside("make another")
            if not len(grads):
                return
            try:
                turn.is_stepping = True
                model = self._model
                if model is None:
                    if variables is None:
                        message = "the first apply needs the variables, or call build before"
                        raise ValueError(message)
                    model, variables = self._new_model(variables), None
                gradients, self._model = model.check(grads, variables), model
                step = Step(model, self._settings, self._treatment, self._scaling)
                step.take(gradients, self._counters)
            finally:
                turn.is_stepping = False

    minimize = minimize

    def scale_loss(self, loss: Any) -> Any:
        """The loss times the factor that gradients are divided by; itself where there is none."""
        scale = self._settings.loss_scale(lambda: self._iterations)
        return loss if scale == 1.0 else loss * scale

    @property
    def gradient_norm(self) -> float | None:
        """The joint norm of the gradients of the last update, before they were clipped by it.

        None where no norm was needed, as clipping by norm needs one.
        """
        return None if self._model is None else self._model.engine.gradient_norm

    def _snapshot(self) -> Snapshot:
        self._refuse_inside("save or load the state")
        if self._model is None:
            raise ValueError(f"{type(self).__name__} has no state before it is built")
        config = {k: v for k, v in self.get_config().items() if k not in _NOT_SAVED}
        kind, counters = type(self).__name__, asdict(self._count())
        return exchange.taken(kind, self.spec, config, counters, self._model)

    def _resume(self, snapshot: Snapshot, source: str, also: Sequence[Call] = ()) -> None:
        with self._turn.lock:
            check_fits(snapshot, self._snapshot(), source)
            assert self._model is not None
            made = exchange.remade(type(self).from_config, snapshot, self.get_config(), source)
            settings, exclusions = made._settings, made._treatment.exclusions
            exchange.check_settings(settings, exclusions, self._settings, self._model, source)
            exchange.warn_of_other_rule(snapshot, self.spec, source)
            counters = Counters(**snapshot.counters)
            arrays = exchange.putting_back(self._model, snapshot.arrays)
            new = {"_settings": settings, "_counters": counters}
            self._model.memory.commit([*arrays, *also, (self.__dict__.update, new)])
            self._model.renew(settings, counters, self._scaling)
