"""The calls of a Keras optimizer: in kernels on torch, and elsewhere as operations."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import keras
from keras import ops
from keras.src.backend import in_stateless_scope

from optgen.keras.arithmetic import host_dtype
from optgen.keras.hyperparameters import Hyperparameters
from optgen.keras.inputs import Given, read_inputs
from optgen.keras.operations import Operations, perturbs
from optgen.keras.replicas import in_each_replica, replicas
from optgen.keras.slots import Slot
from optgen.keras.stateless import stateless
from optgen.keras.tensors import IN_PLACE
from optgen.runtime.hyperparameters.exclusions import Exclusions
from optgen.runtime.hyperparameters.settings import Row
from optgen.runtime.hyperparameters.storage import Storage
from optgen.runtime.kernels import PERTURBED, UnsupportedTargetError
from optgen.runtime.optimizer import Optimizer

if IN_PLACE:
    from optgen.keras.inplace import InPlace


@dataclass
class Inside:
    """What Keras must neither wrap nor save, as it does with attributes that are lists."""

    hyperparameters: Hyperparameters
    storage: Storage
    exclusions: Exclusions
    slots: list[Slot]
    shared: dict[str, Any]
    operations: Operations | None = None
    #: Whether operations have moved the variables to a second point.
    is_perturbed: bool = False
    #: Whether a rule with a second point has never been called for it.
    is_never_perturbed: bool = False
    in_place: InPlace | None = None


class Calls(keras.optimizers.Optimizer):  # type: ignore[misc]
    """The base of optimizers, with all that makes steps; it has no arguments yet."""

    rule: ClassVar[type[Optimizer]]
    built: bool
    _inside: Inside

    def apply(
        self,
        grads: Sequence[Any],
        trainable_variables: Sequence[Any] | None = None,
        **inputs: Any,
    ) -> None:
        """Update variables with their gradients; None stands for one that is missing.

        ``inputs`` are what a rule takes beside the gradient: numbers, or tensors in the order of
        the gradients or by path. Raises ValueError for variables that the optimizer wasn't built
        with, where no variable has a gradient, and TypeError or ValueError for values that aren't
        allowed; nothing has changed then.
        """
        grads, inside = list(grads), self._inside
        if not grads:
            return
        gradients, places = self._matched(grads, trainable_variables)
        owner = type(self).__name__
        given: Given = {}
        if inputs or self.rule.inputs:
            paths = [slot.path for slot in inside.slots]
            given = read_inputs(owner, self.rule.inputs, inputs, gradients, places, paths)
        if inside.is_never_perturbed:
            message = f"{owner} makes plain steps where perturb isn't called before apply"
            warnings.warn(f"{message}, and fit never does", stacklevel=2)
            inside.is_never_perturbed = False
        if inside.in_place is not None and not in_stateless_scope():
            inside.in_place.step(gradients, lambda: self.iterations, given)
            return
        on = {one.switch: one.name in given for one in self.rule.inputs if one.optional}
        on[PERTURBED] = inside.is_perturbed
        operations = self._operations().switched(on)
        if given:
            self._refuse_replicas("inputs")
        self._in_replicas(gradients, lambda own: operations.step(own, self._operands, given))
        self._iterations.assign_add(1)
        inside.is_perturbed = False

    def perturb(
        self, grads: Sequence[Any], trainable_variables: Sequence[Any] | None = None
    ) -> None:
        """Move variables to where the next gradient is taken; ``apply`` comes back from there.

        A compiled function must call both. Takes what ``apply`` takes, and raises the same;
        RuntimeError for a rule without a second point, or where the variables have been moved.
        """
        gradients, _ = self._matched(list(grads), trainable_variables)
        inside, owner = self._inside, type(self).__name__
        inside.is_never_perturbed = False
        if inside.in_place is not None and not in_stateless_scope():
            inside.in_place.perturb(gradients, lambda: self.iterations)
            return
        if not perturbs(self.rule, inside.hyperparameters.settings().on()):
            raise RuntimeError(f"{owner} takes its gradient where the variables are")
        if inside.is_perturbed:
            raise RuntimeError(f"{owner} can't perturb variables that are perturbed; call apply")
        operations = self._operations()
        self._in_replicas(gradients, lambda own: operations.perturb(own, self._operands))
        inside.is_perturbed = True

    def stateless_apply(
        self,
        optimizer_variables: Sequence[Any],
        grads: Sequence[Any],
        trainable_variables: Sequence[Any],
        **inputs: Any,
    ) -> tuple[list[Any], list[Any]]:
        """The values of variables and of the optimizer's own after ``apply``."""
        call = partial(self.apply, grads, **inputs)
        return self._stateless(call, trainable_variables, optimizer_variables)

    def stateless_perturb(
        self,
        optimizer_variables: Sequence[Any],
        grads: Sequence[Any],
        trainable_variables: Sequence[Any],
    ) -> tuple[list[Any], list[Any]]:
        """The values of variables and of the optimizer's own after ``perturb``."""
        call = partial(self.perturb, grads)
        return self._stateless(call, trainable_variables, optimizer_variables)

    def _stateless(
        self, call: Callable[[], None], trained: Sequence[Any], own: Sequence[Any]
    ) -> tuple[list[Any], list[Any]]:
        if not self.built:
            raise ValueError(f"{type(self).__name__} must be built before calls without state")
        return stateless(call, (self._trainable_variables, trained), (self.variables, own))

    def _matched(
        self, grads: list[Any], variables: Sequence[Any] | None
    ) -> tuple[dict[int, Any], list[int]]:
        """The gradients by place, and the places of the variables; builds the optimizer."""
        if variables is None and self.built:
            variables = self._trainable_variables
        if variables is None:
            raise ValueError("the first apply needs the variables, or call build before")
        variables = list(variables)
        if len(grads) != len(variables):
            raise ValueError(f"there are {len(grads)} gradients for {len(variables)} variables")
        found, owners = self._filter_empty_gradients(grads, variables)
        if not self.built:
            self.build(variables)
        self._check_variables_are_known(variables)
        places = [self._get_variable_index(variable) for variable in variables]
        pairs = zip(owners, found, strict=True)
        return {self._get_variable_index(v): gradient for v, gradient in pairs}, places

    def _operands(self, row: Row) -> dict[str, Any]:
        """The hyperparameters and counters of a call of operations."""
        dtype = host_dtype()
        counters = {
            "call": ops.cast(self._iterations, dtype) + 1,
            "step": ops.cast(self.iterations, dtype) + 1,
        }
        return self._inside.hyperparameters.operands(row, self._iterations, dtype) | counters

    def _refuse_replicas(self, what: str) -> None:
        owner = type(self).__name__
        if replicas(owner) > 1:
            raise NotImplementedError(f"{owner} doesn't support {what} in replicas of a model")

    def _in_replicas(
        self, gradients: dict[int, Any], step: Callable[[Mapping[int, Any]], None]
    ) -> None:
        """Make a step with the gradients; where the model has replicas, with their sums in each."""
        if in_stateless_scope():
            self._refuse_replicas("calls without state")
        if replicas(type(self).__name__) > 1:
            in_each_replica(gradients, self._trainable_variables[0], step)
        else:
            step(gradients)

    def _operations(self) -> Operations:
        """What makes a call in whatever graph is being made."""
        if self._inside.operations is None:
            message = "has no operations; a step must run in its kernels, outside of graphs"
            raise UnsupportedTargetError(f"{type(self).__name__} {message}")
        return self._inside.operations
