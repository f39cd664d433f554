"""The base of Keras optimizer classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import signature
from typing import Any, Self

from keras import ops
from keras.saving import deserialize_keras_object, serialize_keras_object
from keras.src.optimizers.base_optimizer import BaseOptimizer
from keras.src.utils.tracking import no_automatic_dependency_tracking

from optgen.keras.calls import Calls, Inside
from optgen.keras.gradients import gradients_of
from optgen.keras.hyperparameters import LEARNING_RATE, Hyperparameters, checked
from optgen.keras.operations import Operations, perturbs
from optgen.keras.order import assign, fitting
from optgen.keras.slots import LARGEST, Slot, add_states, new_slot, path_of, paths_of, states_of
from optgen.keras.storage import storage_of
from optgen.keras.synchronized import Watched
from optgen.keras.tensors import IN_PLACE
from optgen.runtime.hyperparameters.declarations import State
from optgen.runtime.hyperparameters.exclusions import Exclusions, taken_out
from optgen.runtime.hyperparameters.settings import Row
from optgen.runtime.hyperparameters.storage import ARGUMENTS
from optgen.runtime.kernels import UnsupportedTargetError
from optgen.runtime.routing import warn_of_matrices
from optgen.runtime.suggestions import refuse_unknown

if IN_PLACE:
    from optgen.keras.inplace import InPlace

_OF_KERAS = signature(BaseOptimizer.__init__).parameters


class FusedOptimizer(Calls):
    """Updates all variables by one rule: in kernels on torch, and elsewhere in a compiled graph.

    Subclasses are made of rules.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """An instance of this class; Keras would make one of its own for torch of some names."""
        return object.__new__(cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kind, rule = type(self), self.rule
        accepted = kind.__signature__.parameters
        unknown = {name: value for name, value in kwargs.items() if name not in accepted}
        refuse_unknown(kind.__name__, unknown, accepted)
        known = {name: value for name, value in kwargs.items() if name in accepted}
        bound = kind.__signature__.bind(*args, **known)
        bound.apply_defaults()
        values = {
            h.name: checked(h, bound.arguments[h.name], kind.__name__) for h in rule.hyperparameters
        }
        own = {name: value for name, value in values.items() if name in _OF_KERAS}
        super().__init__(name=bound.arguments["name"], **own)
        for name in values.keys() - own.keys():
            setattr(self, name, values[name])
        hyperparameters = Hyperparameters(kind.__name__, rule, self._look)
        hyperparameters.settings()
        storage = storage_of(kind.__name__, rule, bound.arguments)
        self._inside = Inside(hyperparameters, storage, Exclusions(), [], {})

    def _look(self) -> list[Any]:
        """The values of all hyperparameters as attributes hold them."""
        return [
            self._learning_rate if h.name == LEARNING_RATE else getattr(self, h.name)
            for h in self.rule.hyperparameters
        ]

    @no_automatic_dependency_tracking  # type: ignore[untyped-decorator]
    def build(self, variables: Sequence[Any]) -> None:
        """Take the variables and make their states, which are variables too."""
        if self.built:
            return
        self._trainable_variables = list(variables)
        for place, variable in enumerate(variables):
            self._trainable_variables_indices[self._var_key(variable)] = place
        paths = paths_of(variables)
        rule, inside = self.rule, self._inside
        inside.slots = [self._slot(v, path) for v, path in zip(variables, paths, strict=True)]
        trained = [slot for slot in inside.slots if not slot.overwritten]
        warn_of_matrices(rule, [slot.path for slot in trained if slot.form.is_viewed])
        settings = inside.hyperparameters.settings()
        inside.storage.warn_of_unused(paths)
        source = settings, inside.storage
        inside.shared = add_states(rule, inside.slots, *source, self.add_variable)
        inside.hyperparameters.fix()
        held = inside.slots, inside.shared
        if IN_PLACE and InPlace.fits(rule, inside.slots):
            owner, calls = type(self).__name__, Watched(self._iterations)
            inside.in_place = InPlace(owner, rule, inside.hyperparameters, *held, calls)
        try:
            inside.operations = Operations(
                rule.kernels_of("keras"), rule.states, *held, self.assign
            )
        except UnsupportedTargetError:
            if inside.in_place is None:
                raise
        inside.is_never_perturbed = perturbs(rule, settings.on())
        self.built = True

    def _slot(self, variable: Any, path: str) -> Slot:
        inside = self._inside
        excluded = inside.exclusions.of(self._var_key(variable), path_of(variable))
        is_overwritten = self._overwrite_variable_with_gradient(variable)
        settings, row = inside.hyperparameters.settings(), Row((), excluded)
        view = self.rule.view
        return new_slot(settings, view, variable, path, row, overwritten=is_overwritten)

    def minimize(self, loss: Any, variables: Sequence[Any], **inputs: Any) -> Any:
        """One step down a loss, a function of no argument; returns the loss before it.

        The loss is scaled before its gradients are taken where a scale is set.
        """
        value, grads = gradients_of(loss, self.scale_loss, list(variables))
        self.apply(grads, variables, **inputs)
        return value

    def exclude(
        self, name: str, var_list: Sequence[Any] | None = None, var_names: Any = None
    ) -> None:
        """Leave variables out of a hyperparameter's effect; before the optimizer is built.

        ``var_list`` holds variables, ``var_names`` regular expressions for their paths.
        """
        if self.built:
            raise ValueError(f"variables are excluded from {name} before the optimizer is built")
        keys = [self._var_key(variable) for variable in var_list or ()]
        self._inside.exclusions.add(name, keys, var_names)

    def _states_where(self, wanted: Callable[[State], bool]) -> list[Any]:
        """For each variable its first state that is wanted, or None."""
        declared = (*self.rule.states, LARGEST)
        names = [state.name for state in declared if wanted(state)]
        return [
            next((slot.states[name] for name in names if name in slot.states), None)
            for slot in self._inside.slots
        ]

    @property
    def _model_variables_moving_average(self) -> list[Any]:
        """What Keras's callbacks put in the place of the variables; missing where there is none."""
        found = self._states_where(lambda state: state.stands_in)
        if all(state is None for state in found):
            raise AttributeError(f"{type(self).__name__} keeps no averages of its variables")
        return found

    @property
    def _accumulated_gradients(self) -> list[Any]:
        """What calls without an update leave behind, by variable."""
        return self._states_where(lambda state: state.gathers)

    def load_own_variables(self, store: Any) -> None:
        """Take the state out of a file that this class or Keras's own saved.

        States lie in Keras's order. Up to version 0.1.0 they lay variable by variable, which the
        shapes tell. Raises ValueError, and loads nothing, where shapes fit neither.
        """
        if len(store.keys()) != len(self.variables):
            super().load_own_variables(store)  # Warns, and loads nothing.
            return
        states = [
            slot.states[state.name]
            for slot in self._inside.slots
            for state in states_of(self.rule, slot)
        ]
        shared = list(self._inside.shared.values())
        first = self.variables[: len(self.variables) - len(states) - len(shared)]
        orders = [self.variables, [*first, *states, *shared]]
        owner = type(self).__name__
        assign(store, fitting(store, orders, owner), owner)

    def finalize_variable_values(self, var_list: Sequence[Any]) -> None:
        """Give variables the value of their averages, where there are any."""
        averages = self._states_where(lambda state: state.stands_in)
        if not int(ops.convert_to_numpy(self.iterations)):
            return
        for variable in var_list if averages else ():
            found = averages[self._get_variable_index(variable)]
            if found is not None:
                # A copy: what two variables share can't be donated to a compiled step.
                variable.assign(ops.cast(ops.copy(found), variable.dtype))

    def get_config(self) -> dict[str, Any]:
        """What makes an equal optimizer: arguments, and exclusions where there are any."""
        config = super().get_config()
        for h in self.rule.hyperparameters:
            if h.name != LEARNING_RATE:
                value = getattr(self, h.name)
                config[h.name] = serialize_keras_object(value) if callable(value) else value
        accepted = type(self).__signature__.parameters
        config = {name: value for name, value in config.items() if name in accepted}
        stored = self._inside.storage.as_dict()
        config |= {name: one for name, one in stored.items() if one != ARGUMENTS[name]}
        keys = {self._var_key(slot.variable): path_of(slot.variable) for slot in self._inside.slots}
        return {**config, **self._inside.exclusions.as_arguments(keys)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        """An optimizer from what ``get_config`` returned; the dictionary isn't changed."""
        arguments = {
            name: deserialize_keras_object(value, custom_objects=custom_objects)
            if isinstance(value, dict)
            else value
            for name, value in config.items()
        }
        view = bool(cls.rule.view)
        excluded = taken_out(arguments, cls.rule.hyperparameters, has_view=view)
        optimizer = cls(**arguments)
        for name, patterns in excluded.items():
            optimizer.exclude(name, None, patterns)
        return optimizer
