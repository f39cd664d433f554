"""The optimizers of torch that generated ones become."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import compress
from typing import Any, ClassVar

import torch

from optgen.runtime.hyperparameters.treatment import Treatment
from optgen.runtime.locking import Turn
from optgen.runtime.model import LARGEST_GRADIENT, Counters
from optgen.runtime.optimizer import Optimizer
from optgen.runtime.stand_ins import Standing, settle, standing_in
from optgen.runtime.step import Step
from optgen.runtime.transaction import Call
from optgen.torch.arguments import Argument, signature
from optgen.torch.checkpoints import complete, restoring, uncast
from optgen.torch.copying import attributes_of
from optgen.torch.dense_copies import HALVES
from optgen.torch.distributed import refuse_unsummed
from optgen.torch.groups import GroupSettings
from optgen.torch.model import TensorModel
from optgen.torch.peers import (
    Peer,
    constants,
    counts_updates,
    group_defaults,
    refuse_chosen,
    refuse_other,
)
from optgen.torch.state_view import Live
from optgen.torch.states import given
from optgen.torch.version_counters import marking_changed

Tensor = torch.Tensor
#: What groups call the number of calls, which goes with them wherever torch saves and loads them.
_CALLS = "calls"
_DTYPES = (torch.float32, torch.float64, *HALVES)
#: Attributes that follow from others.
_REMADE = ("_model", "_live", "_settings", "_turn")


class FusedOptimizer(torch.optim.Optimizer):
    """Updates all parameters in one call of a compiled kernel. Subclasses are made of rules."""

    rule: ClassVar[type[Optimizer]]
    arguments: ClassVar[tuple[Argument, ...]]
    #: Torch's class of the same formulas, whose groups have the same options.
    peer: ClassVar[Peer] = None

    def __init__(self, params: Any, *args: Any, **kwargs: Any) -> None:
        given = signature(self.arguments).bind(None, params, *args, **kwargs)
        given.apply_defaults()
        values = dict(given.arguments)
        owner = type(self).__name__
        refuse_chosen(values, owner)
        checked = {a.name: dict(a.values(values[a.name], owner)) for a in self.arguments}
        self._shared = {
            name: value
            for argument in self.arguments
            if not argument.is_grouped
            for name, value in checked[argument.name].items()
        }
        self._counters = Counters()
        self._turn = Turn()
        self._model: TensorModel | None = None
        self._live: Live | None = None
        super().__init__(params, group_defaults(self.arguments, values, self.peer))

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters; their state is made at the next step.

        Raises TypeError or ValueError for values that aren't allowed, and for parameters that are
        of no floating-point type of 16, 32 or 64 bits; nothing is added then.
        """
        before = list(self.param_groups)
        super().add_param_group(param_group)
        try:
            self._settings = self._new_settings()
        except (TypeError, ValueError):
            self.param_groups = before
            raise
        if self._gathers:
            self.param_groups[-1].setdefault(_CALLS, self._counters.calls)

    def _params(self) -> dict[str, Tensor]:
        """All parameters by path: group and place in it."""
        return {
            f"{number}.{place}": param
            for number, group in enumerate(self.param_groups)
            for place, param in enumerate(group["params"])
        }

    def _new_settings(self) -> GroupSettings:
        owner, params = type(self).__name__, self._params()
        for path, param in params.items():
            if param.dtype not in _DTYPES:
                raise TypeError(f"{owner}: parameter {path} is {param.dtype}; cast it to float32")
            refuse_unsummed(f"{owner}: parameter {path}", param)
        paths = {path: int(path.partition(".")[0]) for path in params}
        groups = self.param_groups, self.defaults
        return GroupSettings(self.rule, owner, self.arguments, self._shared, paths, *groups)

    @property
    def _gathers(self) -> bool:
        """Whether some calls only gather gradients, so that calls are to be counted."""
        return any(s.gathers and s.when(self._settings.on()) for s in self.rule.states)

    def _build(self) -> TensorModel:
        """The parameters as they are now, with the state that they have."""
        settings, params, before = self._new_settings(), self._params(), self._model
        names = {*(state.name for state in self.rule.states), LARGEST_GRADIENT}
        found = [given(path, p, self.state.get(p), names) for path, p in params.items()]
        treatment = Treatment(type(self).__name__, None, (), "propagate")
        counts = counts_updates(self.peer)
        model = TensorModel(self.rule, params, found, settings, treatment, shows_ages=counts)
        model.built_for = settings.by_group
        if before is not None:
            gathered = {id(param) for param in compress(before.params, before.seen)}
            model.seen[:] = [id(param) in gathered for param in model.params]
        live = Live(self.param_groups, self.state, model.params, model.own)
        # Where an exception comes between, it is built again.
        self._model = None
        self._live, self._settings = live, settings
        self._model = model
        return model

    def _current(self) -> TensorModel:
        """The model, made anew where users have changed what it holds, or switched its parts."""
        settings, model, live = self._settings, self._model, self._live
        settings.look(self.param_groups)
        if model is None or live is None or model.built_for != settings.by_group:
            return self._build()
        return model if live.is_current(self.param_groups, self.state) else self._build()

    @torch._disable_dynamo  # type: ignore[attr-defined]  # It can't trace what is compiled already.
    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One update of all parameters that have a gradient.

        A closure computes the loss again, and is called first. Raises TypeError or ValueError,
        with nothing changed, for gradients and states that don't fit and values that aren't
        allowed. Threads take turns. Raises RuntimeError inside ``averaged``.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        turn = self._turn
        with turn.lock:
            turn.refuse_averaged(type(self).__name__, "makes no step")
            turn.refuse_inside(type(self).__name__, "make another")
            try:
                turn.is_stepping = True
                self._step()
            finally:
                turn.is_stepping = False
        return loss

    def _step(self) -> None:
        model = self._current()
        checked = model.gradients()
        if not model.present(checked).any():
            return
        if model.deferred is not None and model.deferred.is_capturing:
            raise RuntimeError("a graph can't count the updates of parameters; don't capture it")
        touched = model.touched(checked)
        assert self._live is not None
        # What is shown early is a state of no updates, which says no more than none does.
        self._live.show(touched)
        changed = model.params if touched.all() else [*compress(model.params, touched)]
        also: list[Call] = [
            *model.copies.filled(touched),
            # Autograd refuses to go back through what was overwritten only if it knows.
            *marking_changed(changed),
        ]
        step = Step(model, self._settings, model.treatment, None)
        step.take(checked, self._counters, also)

    def minimize(
        self, loss: Callable[[], Tensor], variables: Iterable[Tensor] | None = None
    ) -> Tensor:
        """One step down a loss, whose gradients are taken here; returns the loss before it.

        Only those ``variables`` get a gradient, all parameters by default. The loss is scaled
        before where a scale is set, and gradients are divided by it.
        """
        self.zero_grad()
        with torch.enable_grad():
            value = loss()
            wanted = None if variables is None else list(variables)
            self.scale_loss(value).backward(inputs=wanted)
        self.step()
        return value.detach()

    def state_dict(self) -> dict[str, Any]:
        """The state as torch has it: groups, and the live tensors of each parameter by number."""
        for group in self.param_groups if self._gathers else ():
            group[_CALLS] = self._counters.calls
        return super().state_dict()

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over a state of the same parameters, on this or another device.

        Options that it doesn't know stay as they are. Raises TypeError or ValueError, with nothing
        changed, where it doesn't fit.
        """
        with self._turn.lock, restoring(self, ("state", "param_groups", *_REMADE, "_counters")):
            with uncast(self):
                super().load_state_dict(dict(state_dict))
            # Torch's own optimizers make an update in each call, and count no calls.
            calls = max((group.get(_CALLS, 0) for group in self.param_groups), default=0)
            self._model = None
            model = self._build()
            self._counters = Counters(int(calls), int(max(model.ages.tolist(), default=0)))
            for group in self.param_groups if self._gathers else ():
                group[_CALLS] = self._counters.calls

    def __getstate__(self) -> dict[str, Any]:
        counters = self._counters.calls, self._counters.updates
        own = attributes_of(self, _REMADE)
        return {**super().__getstate__(), **own, "_counters": counters}

    def __setstate__(self, state: dict[str, Any]) -> None:
        counters = state.pop("_counters", None)
        if counters is None:  # A state is loaded, and nothing else of a copy.
            owner, groups = type(self).__name__, state["param_groups"]
            for group in groups:
                refuse_other(group, constants(self.peer, self.arguments), owner)
            names = [*self.defaults, *(argument.name for argument in self.arguments)]
            complete(groups, self.param_groups, names)
        super().__setstate__(state)
        if counters is not None:
            self._counters, self._turn = Counters(*counters), Turn()
            self._model = self._live = None
            self._settings = self._new_settings()

    @property
    def gradient_norm(self) -> float | None:
        """The joint norm of the last gradients, before clipping; None where none was needed."""
        return None if self._model is None else self._model.engine.gradient_norm

    def scale_loss(self, loss: Any) -> Any:
        """The loss times the factor that gradients are divided by; itself where there is none."""
        scale = self._settings.loss_scale(lambda: self._counters.calls)
        return loss if scale == 1.0 else loss * scale

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Inside, parameters hold their averages; behind, their own values again.

        Raises ValueError where no averages are kept, and RuntimeError for a step inside, in
        whichever thread.
        """
        if not any(s.stands_in and s.when(self._settings.on()) for s in self.rule.states):
            raise ValueError(f"{type(self).__name__} keeps no averages of its parameters")
        with standing_in(self._turn, type(self).__name__, self._averages):
            yield

    def _averages(self) -> Standing:
        if self._model is None:
            return None, [], []
        return self._current().averages(self.rule.states, self._counters.updates)

    def finalize(self) -> None:
        """Give parameters the value of their averages, where there are any.

        Raises RuntimeError inside ``averaged``, whose end would undo it.
        """
        with self._turn.lock:
            self._turn.refuse_averaged(type(self).__name__, "changes no parameters")
            self._turn.refuse_inside(type(self).__name__, "change parameters")
            settle(*self._averages())
