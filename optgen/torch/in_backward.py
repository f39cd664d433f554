"""Updates inside of the backward pass: each parameter's as soon as its gradient is complete."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from itertools import compress
from typing import Any, ClassVar
from weakref import ref

import numpy as np
import torch
from torch.utils.weak import WeakTensorKeyDictionary

from optgen.runtime.core import HasCore
from optgen.runtime.piecewise import Piecewise, obstacle, refusal
from optgen.runtime.rule_metadata import Generated
from optgen.torch.distributed import spread_dimensions
from optgen.torch.parameters import Parameters
from optgen.torch.state_view import Live
from optgen.torch.version_counters import marking_changed

Tensor = torch.Tensor


class InBackward:
    """The hooks of parameters that an optimizer updates inside of the backward pass."""

    def __init__(self, optimizer: UpdatedInBackward) -> None:
        # Parameters hold hooks, and may outlive their optimizer.
        self._optimizer = ref(optimizer)
        self._handles: Any = WeakTensorKeyDictionary()
        self.add([param for group in optimizer.param_groups for param in group["params"]])

    def add(self, params: list[Any]) -> None:
        """Hook those of some parameters that get gradients and have no hook yet."""
        for param in params:
            if param.requires_grad and param not in self._handles:
                self._handles[param] = param.register_post_accumulate_grad_hook(self.update)

    def remove(self) -> None:
        """Remove the hooks: from now on, a step updates all parameters, as without them."""
        for handle in self._handles.values():
            handle.remove()
        self._handles.clear()
        optimizer = self._optimizer()
        if optimizer is not None:
            optimizer._hooks = None

    def update(self, param: Tensor) -> None:
        """Update a parameter by its gradient, and free that; hooks call it."""
        optimizer = self._optimizer()
        if optimizer is not None and param.grad is not None:
            optimizer._update_one(param)


class UpdatedInBackward(HasCore):
    """The part of an optimizer that updates parameters one by one, or all in a step."""

    #: The optimizer for arrays whose rule this runs.
    rule: ClassVar[type[Generated]]
    param_groups: list[dict[str, Any]]
    _parameters: Parameters | None
    _live: Live | None
    _hooks: InBackward | None
    #: What the open call updates: the parameters, and the index of each by its identity.
    _opened: tuple[Parameters, dict[int, int]]

    @abstractmethod
    def _current(self) -> Parameters:
        """The current parameters."""

    @abstractmethod
    def _refuse_operations(self, what: str) -> None:
        """Raise ValueError where operations of torch make the steps."""

    @abstractmethod
    def _at_once(self, inputs: Mapping[str, object]) -> None:
        """Update all parameters that have a gradient."""

    def in_backward(self) -> InBackward:
        """Update each parameter inside of ``backward``, as soon as its gradient is complete.

        The gradient is freed then: ``param.grad`` is None. ``step`` ends the call: it counts it,
        and updates what has a gradient without ``backward``. All numbers are those of steps
        without this. ``remove`` of the result ends it. Where a rule or an argument needs all
        gradients together, and gradients are accumulated over several calls, ``backward`` adds
        them to the sums, and ``step`` makes the updates; else raises ValueError, with the reason.
        """
        with self._core.turn.lock:
            self._refuse_operations("in_backward")
            self._joint(self._current())
            self._hooks = self._hooks or InBackward(self)
            return self._hooks

    def _joint(self, made: Parameters) -> bool:
        """Whether updates are made together. Raises ValueError where gradients have no sums."""
        owner, switches = type(self).__name__, made.model.switches
        why = refusal(self.rule, switches)
        if made.owned.divided:
            why = "matrices in parts are gathered by all processes at once"
        is_spread = any(spread_dimensions(param) for param in made.params)
        together = obstacle(self.rule, switches, is_spread=is_spread)
        if together and not all(made.model.gathers):
            why = why or f"{together}; it is possible where gradients of several calls are added up"
        if why:
            raise ValueError(f"{owner} can't update parameters inside of backward: {why}")
        return bool(together)

    @torch.no_grad()
    def _update_one(self, param: Tensor) -> None:
        """Update a parameter by its gradient, and free that."""
        self._core.in_turn(self._take_one, param)

    def _take_one(self, param: Tensor) -> None:
        core = self._core
        call = core.open or self._open()
        made, places = self._opened
        if made is not self._parameters:
            raise RuntimeError(
                f"{type(self).__name__}: parameters, groups or states were changed while only some "
                "parameters were updated; change them after step()"
            )
        index = places.get(id(param))
        if index is None:  # It has left the groups.
            return
        if call.done[index]:
            raise RuntimeError(
                f"{type(self).__name__}: parameter {made.model.paths[index]!r} has been updated "
                "since the last step(); call step() after each backward. An argument that gathers "
                "gradients over several calls adds them up"
            )
        gradient = made.reader.one(index)
        chosen = np.zeros_like(call.done)
        chosen[index] = True
        assert self._live is not None
        self._live.show(chosen)
        call.take(index, gradient, [*made.filled(chosen), *marking_changed([param])])
        param.grad = None

    def _open(self) -> Piecewise:
        core, made = self._core, self._current()
        is_joint = self._joint(made)
        self._opened = made, {id(param): index for index, param in enumerate(made.params)}
        core.open = Piecewise(made.model, core.settings, core.counters, is_joint=is_joint)
        return core.open

    def _step(self, inputs: Mapping[str, object]) -> None:
        call = self._core.open
        if call is None:
            self._at_once(inputs)
            return
        if inputs:
            names = ", ".join(inputs)
            raise TypeError(f"{type(self).__name__} has updated parameters without {names}")
        made, _ = self._opened
        if late := [param for param in made.params if param.grad is not None]:
            for param in late:
                self._take_one(param)
            if self._hooks is not None:
                self._hooks.add(late)
        touched = made.touched([None] * len(made.params))
        rest = touched | call.done if call.is_joint else touched & ~call.done
        assert self._live is not None
        self._live.show(rest)
        changed = [*compress(made.params, rest)]
        ended = (setattr, self._core, "open", None)
        call.finish([*made.filled(rest), *marking_changed(changed), ended])
