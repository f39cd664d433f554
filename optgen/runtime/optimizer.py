"""The base class of generated optimizers: the public interface."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from typing import Any, Self

import numpy as np

from optgen.runtime.arrays import AnyArray as Array
from optgen.runtime.arrays import Gradient
from optgen.runtime.averages import Standing, kept_averages, standing_of
from optgen.runtime.core import NO_VARIABLES, Core
from optgen.runtime.counters import NOTHING_GIVEN
from optgen.runtime.gradient_pairs import Gradients, Variables, listed
from optgen.runtime.gradient_reader import GivenGradients
from optgen.runtime.hyperparameters.exclusions import Itself, keys_of, taken_out
from optgen.runtime.hyperparameters.settings import Settings
from optgen.runtime.hyperparameters.splits import SPLIT
from optgen.runtime.hyperparameters.treatment import COMMON, Treatment
from optgen.runtime.instance_names import unique_name
from optgen.runtime.minimize import minimize
from optgen.runtime.model import Model
from optgen.runtime.other_programs import evaluating
from optgen.runtime.routing import Routed
from optgen.runtime.sealed import Sealed
from optgen.runtime.state import exchange
from optgen.runtime.state.resume import resume, snapshot
from optgen.runtime.state.saved import Saved
from optgen.runtime.state.snapshot import Snapshot
from optgen.runtime.suggestions import refuse_unknown
from optgen.runtime.transaction import Call

_COMMON = ("name", "options", *COMMON)


class Optimizer(Routed, Sealed, Saved):
    """Updates arrays in place by a compiled rule. Subclasses are generated from specs."""

    #: Labels the optimizer.
    name: str

    def __init__(self, given: Mapping[str, Any]) -> None:
        """Take the arguments of a generated class by name, and the common ones."""
        values = {h.name: given[h.name] for h in self.hyperparameters}
        name, options = given["name"], given["options"]
        refuse_unknown(kind := type(self).__name__, given["kwargs"], [*values, *_COMMON])
        if not isinstance(name, str | None):
            raise TypeError(f"{kind}: name must be a string, not {name!r}")
        declared = self.hyperparameters, self.switches, self.exclusive
        settings = Settings(kind, *declared, values, options, self.states, self.layout.columns)
        if self.has_average() and kept_averages(self.states, settings.on()):
            raise ValueError(f"{kind} computes averages itself, so that no state may stand in too")
        common = {argument: given[argument] for argument in COMMON}
        treatment = Treatment(kind, **common, states=[state.name for state in self.states])
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
        return "spec" not in vars(type(self))  # Only generated classes have a digest.

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._core.settings.shown()}, name={self.name!r})"

    def get_config(self) -> dict[str, Any]:
        """The configuration: arguments and exclusions as plain Python values.

        Schedules are written out; functions stay what they are. Raises ValueError where a variable
        was excluded by itself and has no path yet.
        """
        core = self._core
        settings, treatment, model = core.settings, core.treatment, core.model
        if model is None:
            treatment.exclusions.refuse_unknown_paths()
        named = {} if model is None else model.named
        known: dict[Hashable, str] = {Itself(array): path for path, array in named.items()}
        config = {"name": self.name, **settings.as_dict(), **treatment.as_dict()}
        config |= {"options": settings.options.as_dict(), **treatment.splits.as_arguments(known)}
        return {**config, **treatment.exclusions.as_arguments(known)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """An optimizer from what ``get_config`` returned; the mapping isn't changed."""
        arguments = dict(config)
        splits = arguments.pop(SPLIT, ())
        excluded = taken_out(arguments, cls.hyperparameters, has_view=bool(cls.view))
        optimizer = cls(**arguments)
        for name, patterns in excluded.items():
            optimizer._exclude(name, None, patterns)
        for parts, patterns in splits:
            optimizer.split_matrix(parts, var_names=patterns)
        return optimizer

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles have variables of their own, but those copied along with them.

        The state is that between two steps, whatever other threads do to it.
        """
        core = self._core
        with core.turn.lock:
            core.refuse_inside("copy the optimizer")
            core.refuse_perturbed("be copied")
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
        """Whether ``build`` has registered variables and allocated states."""
        return self._core.model is not None

    @property
    def iterations(self) -> int:
        """Number of updates; calls that only add to a gradient sum don't count."""
        return self._core.counted().updates

    @property
    def _iterations(self) -> int:
        """Number of calls, which schedules take as their argument."""
        return self._core.calls()

    @property
    def state(self) -> dict[str, dict[str, Array]]:
        """The state arrays (not copies), by variable path and state name.

        What all variables share is under the path ``*``.
        """
        with self._core.turn.lock:
            if (model := self._core.model) is None:
                return {}
            own = {path: model.state_of(index) for index, path in enumerate(model.paths)}
            return own | ({exchange.EVERY: dict(model.shared)} if model.shared else {})

    @property
    def variables(self) -> list[Array]:
        """Copies of iterations and learning rate, then all state arrays."""
        counters = [np.array(self.iterations), np.array(self.learning_rate)]
        return counters + [array for own in self.state.values() for array in own.values()]

    def build(self, variables: Variables) -> None:
        """Register variables, and allocate their states.

        ``variables``, a list or a mapping from path, are of float32, float64, float16 or bfloat16.
        Raises TypeError or ValueError, with nothing changed, if an array can't be updated in place,
        and ValueError if the optimizer is built already.
        """
        with self._core.turn.lock:
            if self._core.model is not None:
                raise ValueError(f"{type(self).__name__} has been built already")
            self._reader = self._new_reader(variables)
            self._core.model = self._reader.model
            self._warn_of_matrices()

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
        pairs = [*grads_and_vars]
        self.apply([gradient for gradient, _ in pairs], [variable for _, variable in pairs])
        return self.iterations

    def apply(
        self,
        grads: Gradients | None,
        trainable_variables: Variables | None = None,
        **inputs: object,
    ) -> None:
        """Update the variables in place with their gradients.

        ``grads`` has an array of each variable's shape and dtype, or None for a missing one, in the
        order of the variables or by path; None for a rule that reads no gradient. The first call
        may pass the variables to build with. After TypeError or ValueError, nothing has changed. If
        a schedule or a constraint raises, or on Ctrl-C, the step is atomic. A lock serializes
        threads. ``inputs`` are what a rule takes beside the gradient: arrays as gradients are
        given, or numbers. Raises RuntimeError inside ``averaged``, and in what a step calls.
        """
        if grads is None and self.is_gradient_free:
            grads = self._core.standing_in(trainable_variables)
        self._core.in_turn(self._step, listed(grads), trainable_variables, inputs)

    def _step(
        self, grads: Gradients, variables: Variables | None, inputs: Mapping[str, object]
    ) -> None:
        if not len(grads):
            return
        core, gradients = self._core, self._read(grads, variables)
        given = NOTHING_GIVEN
        if inputs or self.inputs:
            assert self._reader is not None
            own = type(self).__name__, self.inputs, inputs
            given = self._reader.inputs(*own, gradients, variables)
        core.take(gradients, given=given)

    def _read(self, grads: Gradients, variables: Variables | None) -> Sequence[Gradient | None]:
        """The validated gradients; the first ones build the optimizer."""
        core, reader = self._core, self._reader
        if core.model is not None and reader is not None:
            return reader.read(grads, variables)
        if variables is None:
            raise ValueError(NO_VARIABLES)
        reader = self._new_reader(variables)
        gradients = reader.read(grads, None)
        self._reader, core.model = reader, reader.model
        self._warn_of_matrices()
        return gradients

    def perturb(self, grads: Gradients, trainable_variables: Variables | None = None) -> None:
        """Move the variables to where the next gradient is taken; ``apply`` comes back from there.

        Raises what ``apply`` raises, and RuntimeError for a rule without a second point, or where
        the variables have been moved already.
        """
        self._core.in_turn(self._move, grads, trainable_variables)

    def _move(self, grads: Gradients, variables: Variables | None) -> None:
        self._core.refuse_to_perturb(type(self))
        self._core.perturb(self._read(grads, variables))

    minimize = minimize

    def scale_loss(self, loss: Any) -> Any:
        """The loss times the static loss scale; unchanged without one."""
        return self._core.scale_loss(loss)

    @property
    def gradient_norm(self) -> float | None:
        """The global gradient norm of the last update, before clipping.

        None if no norm was computed; clipping by norm computes one.
        """
        return self._core.gradient_norm

    def finalize_variable_values(self, var_list: Sequence[Array] | None = None) -> None:
        """Assign averages to all or some variables, if averages are enabled.

        Raises ValueError for an unknown variable, and RuntimeError inside ``averaged``.
        """
        self._core.averages(lambda: self._standing(var_list)).finalize()

    def averaged(self) -> AbstractContextManager[None]:
        """A context in which the variables hold their averages.

        Raises ValueError without averages, and RuntimeError for a step inside, in any thread.
        """
        averages, on = self._core.averages(self._standing), self._core.settings.on()
        return averages.standing_in(self.states, on, has_average=self.has_average())

    def _standing(self, only: Sequence[Array] | None = None) -> Standing | None:
        core, model = self._core, self._core.model
        if model is None:
            return None
        compute = partial(evaluating, model, core.settings, core.counted())
        computing = compute if self.has_average() else None
        return standing_of(model, self.states, self.iterations, only, evaluating=computing)

    def _snapshot(self) -> Snapshot:
        return snapshot(self._core, self)

    def _resume(
        self, found: Snapshot, source: str, also: Sequence[Call] = (), *, convert: bool = False
    ) -> None:
        resume(self._core, self, found, source, also, convert=convert)
