"""The optimizers of torch that generated ones become."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from inspect import Signature
from itertools import compress
from operator import setitem
from typing import Any, ClassVar

import torch

from optgen.runtime.model import Counters
from optgen.runtime.optimizer import Optimizer
from optgen.runtime.stand_in import replaced, settle, stand_ins
from optgen.runtime.step import Step
from optgen.runtime.treatment import Treatment
from optgen.runtime.whole import Call
from optgen.torch.arguments import IMPLEMENTATIONS, Argument, arguments, refuse, signature
from optgen.torch.groups import GroupSettings
from optgen.torch.halves import HALVES
from optgen.torch.model import TensorModel
from optgen.torch.shards import refuse_unsummed
from optgen.torch.states import join, oldest, refuse_shapes, uncast

Tensor = torch.Tensor
#: What groups call the number of calls, which goes with them wherever torch saves and loads them.
_CALLS = "calls"
_DTYPES = (torch.float32, torch.float64, *HALVES)


class FusedOptimizer(torch.optim.Optimizer):
    """Updates all parameters in one call of a compiled kernel. Subclasses are made of rules."""

    rule: ClassVar[type[Optimizer]]
    arguments: ClassVar[tuple[Argument, ...]]

    def __init__(self, params: Any, *args: Any, **kwargs: Any) -> None:
        given = signature(self.arguments).bind(None, params, *args, **kwargs)
        given.apply_defaults()
        values = dict(given.arguments)
        owner = type(self).__name__
        refuse(values, owner)
        checked = {a.name: dict(a.values(values[a.name], owner)) for a in self.arguments}
        self._shared = {
            name: value
            for argument in self.arguments
            if not argument.is_grouped
            for name, value in checked[argument.name].items()
        }
        self._counters = Counters()
        self._model: TensorModel | None = None
        defaults = {a.name: values[a.name] for a in self.arguments if a.is_grouped}
        defaults |= {name: values[name] for name in IMPLEMENTATIONS} | {_CALLS: 0}
        super().__init__(params, defaults)

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
        self._model = None

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
        return GroupSettings(
            self.rule, owner, self.arguments, self._shared, paths, self.param_groups
        )

    def _build(self) -> TensorModel:
        """The parameters as they are now, with the state that they have."""
        params = self._params()
        ages = torch.zeros(len(params), dtype=torch.float64)
        treatment = Treatment(type(self).__name__, None, (), "propagate")
        model = TensorModel(self.rule, params, self._settings, treatment, ages)
        join(model, params.values(), self.state)
        model.built_for = self._settings.by_group
        self._model = model
        return model

    def _current(self) -> TensorModel:
        """The model, made anew where parameters have moved or parts of the rule were switched."""
        settings, model = self._settings, self._model
        settings.look(self.param_groups)
        if model is None or model.built_for != settings.by_group or not model.is_current:
            return self._build()
        return model

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One update of all parameters that have a gradient.

        A closure computes the loss again, and is called first. Raises TypeError or ValueError,
        with nothing changed, for gradients that don't fit and values that aren't allowed.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        model = self._current()
        checked = model.gradients()
        present = model.present(checked)
        if present.any():
            if model.deferred is not None and model.deferred.is_capturing:
                raise RuntimeError(
                    "a graph can't count the updates of parameters; don't capture it"
                )
            changed = model.params if present.all() else [*compress(model.params, present)]
            calls = self._counters.calls + 1
            also: list[Call] = [
                *model.halves.widened(model.touched(checked)),
                *((setitem, group, _CALLS, calls) for group in self.param_groups),
                # Autograd refuses to go back through what was overwritten only if it knows.
                (torch._C._increment_version, changed),
            ]
            step = Step(model, self._settings, model.treatment, None)
            step.take(checked, self._counters, also)
        return loss

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

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over a state of the same parameters, on this or another device.

        Raises ValueError, with nothing changed, where shapes don't fit.
        """
        refuse_shapes(state_dict, self._params().values())
        with uncast(self):
            super().load_state_dict(dict(state_dict))
        updates = oldest(self.state)
        # Torch's own optimizers make an update in each call, and count no calls.
        calls = max(group.setdefault(_CALLS, updates) for group in self.param_groups)
        self._counters = Counters(calls, updates)
        self._settings = self._new_settings()
        # What was loaded may be another optimizer's, which goes on with it.
        self._build()

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles name the rule, whose class is made again where it isn't there."""
        return _empty, (self.rule, type(self).__name__), self.__getstate__()

    def __getstate__(self) -> dict[str, Any]:
        counters = self._counters.calls, self._counters.updates
        return {**super().__getstate__(), "_shared": self._shared, "_counters": counters}

    def __setstate__(self, state: dict[str, Any]) -> None:
        counters = state.pop("_counters", None)
        super().__setstate__(state)
        if counters is not None:
            self._counters = Counters(*counters)
            self._model, self._settings = None, self._new_settings()

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

        Raises ValueError where no averages are kept.
        """
        if not any(s.stands_in and s.when(self._settings.on()) for s in self.rule.states):
            raise ValueError(f"{type(self).__name__} keeps no averages of its parameters")
        model = self._model
        if model is None:
            yield
            return
        pairs = stand_ins(model, self.rule.states, self._counters.updates)
        with model.halves.updating() as show, replaced(model, pairs):
            show()
            yield

    def finalize(self) -> None:
        """Give parameters the value of their averages, where there are any."""
        if self._model is not None:
            pairs = stand_ins(self._model, self.rule.states, self._counters.updates)
            with self._model.halves.updating():
                settle(self._model, pairs)


def _empty(rule: type[Optimizer], name: str) -> FusedOptimizer:
    """What a copy is filled into."""
    kind = optimizer_class(rule, name)
    return kind.__new__(kind)


#: Each class is made once, so that copies are of the same.
_MADE: dict[tuple[type[Optimizer], str], type[FusedOptimizer]] = {}


def optimizer_class(rule: type[Optimizer], name: str = "") -> type[FusedOptimizer]:
    """A ``torch.optim.Optimizer`` of any generated optimizer, built in or a user's own.

    The class has another ``name`` than the rule where one is given.
    """
    key = rule, name or rule.__name__
    if key not in _MADE:
        listed = arguments(rule)
        parameters = list(signature(listed).parameters.values())[1:]
        contents = {
            "rule": rule,
            "arguments": listed,
            "__doc__": rule.__doc__,
            "__module__": "optgen.torch",
            "__signature__": Signature(parameters),
        }
        _MADE[key] = type(key[1], (FusedOptimizer,), contents)
    return _MADE[key]
