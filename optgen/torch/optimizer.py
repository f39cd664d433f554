"""The base of torch optimizer classes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from functools import partial
from itertools import compress
from typing import Any, ClassVar

import torch

from optgen.runtime.averages import Standing
from optgen.runtime.core import Core
from optgen.runtime.counters import Counters
from optgen.runtime.hyperparameters.storage import ARGUMENTS
from optgen.runtime.hyperparameters.treatment import Treatment
from optgen.runtime.kernels import MATRIX
from optgen.runtime.optimizer import Optimizer
from optgen.runtime.other_programs import evaluating
from optgen.runtime.transaction import Call
from optgen.torch import peers
from optgen.torch.arguments import Argument, refuse_unknown, signature
from optgen.torch.backend import KERNELS, WithBackend
from optgen.torch.captured import Renewed, count_on_device, counting_device, refuse_uncounted
from optgen.torch.checkpoints import complete, refuse_foreign, restoring, uncast
from optgen.torch.compiled_step import SteppedAsOne
from optgen.torch.copying import attributes_of
from optgen.torch.decoding import Decoding
from optgen.torch.groups import ParamGroups, params_of
from optgen.torch.matrices import Routed, exclusions_of, matrices_in_parts, owned_parameters
from optgen.torch.owned_states import spreading
from optgen.torch.owners import Owners
from optgen.torch.parameters import Parameters
from optgen.torch.peers import Peer
from optgen.torch.refusals import refuse_params
from optgen.torch.rules import RULE, GroupRules, Ruled
from optgen.torch.state_view import Live
from optgen.torch.states import given, shapes_of
from optgen.torch.storage import counts_calls, names_of, storage_of
from optgen.torch.surgery import Surgery
from optgen.torch.version_counters import marking_changed

Tensor = torch.Tensor
#: Python's words, which programs may search for.
_UNEXPECTED = "got an unexpected keyword argument"
#: The key of the number of calls in groups, which torch saves and loads.
_CALLS = "calls"
#: Derived attributes.
_REMADE = ("_core", "_groups", "_parameters", "_live", "_hooks", "_number", "_operations")


class FusedOptimizer(WithBackend, SteppedAsOne, Renewed, Routed, Decoding, Surgery, Ruled):
    """Updates all parameters in one kernel call. Subclasses are created from rules."""

    rule: ClassVar[type[Optimizer]]
    arguments: ClassVar[tuple[Argument, ...]]
    #: Torch's class of the same formulas, whose groups have the same options.
    peer: ClassVar[Peer] = None
    #: What was given for how states are stored.
    _storage: Mapping[str, Any] = ARGUMENTS

    def __init__(self, params: Any, *args: Any, **kwargs: Any) -> None:
        refuse_unknown(type(self).__name__, self.arguments, kwargs, _UNEXPECTED)
        given = signature(self.arguments).bind(None, params, *args, **kwargs)
        given.apply_defaults()
        values = dict(given.arguments)
        owner = type(self).__name__
        peers.refuse_chosen(values, owner, self.peer)
        checked = {a.name: dict(a.values(values[a.name], owner)) for a in self.arguments}
        whole = [checked[a.name] for a in self.arguments if not a.is_grouped]
        self._shared = {name: value for own in whole for name, value in own.items()}
        self._storage, self._asked = storage_of(values), values["backend"]
        self._owners: Owners = {}
        self._rules = GroupRules(owner, values["rules"], self.arguments, bool(self.rule.view))
        self._start(defaults := peers.group_defaults(self.arguments, values, self.peer))
        super().__init__(params, defaults)
        self._rules.warn_of_unused(self.param_groups)

    def _start(self, defaults: Mapping[str, Any]) -> None:
        """Reset: nothing is built, and no call counted."""
        owner = type(self).__name__
        self._groups = ParamGroups(self.rule, owner, self.arguments, self._shared, defaults)
        states = [state.name for state in self.rule.states]
        treatment = Treatment(owner, None, (), "propagate", **self._storage, states=states)
        self._core = Core(owner, self._groups.settings, treatment, "parameters")
        self._parameters: Parameters | None = None
        self._live: Live | None = None
        self._hooks = self._operations = None

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters; their states are allocated at the next step.

        Raises TypeError or ValueError for values that aren't allowed, and for parameters that are
        of no floating-point type of 16, 32 or 64 bits; nothing is added then.
        """
        before = list(self.param_groups)
        super().add_param_group(param_group)
        try:
            self._divide()
        except (TypeError, ValueError):
            self.param_groups = before
            raise
        if counts_calls(self.rule, self._core):
            self.param_groups[-1].setdefault(_CALLS, self._core.counters.calls)

    def _divide(self) -> None:
        """Create the settings of the current groups.

        Raises TypeError or ValueError, with nothing changed, for what can't be updated.
        """
        owner, params = type(self).__name__, params_of(self.param_groups)
        refuse_params(self.rule, owner, params, is_drawn=self._core.treatment.storage.is_drawn)
        matrices_in_parts(self.rule, owner, self.param_groups)
        members: list[list[str]] = [[] for _ in self.param_groups]
        for path in params:
            members[int(path.partition(".")[0])].append(path)
        groups = ParamGroups(self.rule, owner, self.arguments, self._shared, self.defaults)
        groups.divide(members, self.param_groups)
        self._core.settings, self._groups = groups.settings, groups
        self._choose()

    def _build(self, *, tells_rounding: bool = True) -> Parameters:
        """The current parameters with their states."""
        self._divide()
        core, owner, named = self._core, type(self).__name__, params_of(self.param_groups)
        before = self._parameters
        shapes = shapes_of(self.rule.states)
        owners = owned_parameters(self.rule, owner, self.param_groups, self._owners, self.state)
        pairs = named.items()
        found = [given(path, p, self.state.get(p), shapes, p in owners) for path, p in pairs]
        core.treatment.exclusions = exclusions_of(self._groups.by_group)
        core.treatment.storage.names = names_of(self.param_groups)
        made = Parameters(
            self.rule,
            named,
            found,
            core.settings,
            core.treatment,
            # Torch's class has no fallback, which may need the age.
            shows_ages=bool(self.rule.fallback) or peers.counts_updates(self.peer),
            has_dimensions=peers.has_dimensions(self.peer, self.rule),
            owners=owners,
            device=counting_device(owner, self.param_groups),
        )
        if tells_rounding:
            made.rounded.warn("a state in another storage than this optimizer's")
        count_on_device(owner, made)
        made.built_for = self._groups.by_group
        if before is None:
            self._warn_of_matrices(made.model)
        else:
            gathered = {id(param) for param in compress(before.params, before.model.seen)}
            made.model.seen[:] = [id(param) in gathered for param in made.params]
            made.model.is_perturbed = before.model.is_perturbed
        live = Live(self.param_groups, self.state, made.params, made.own)
        # After an exception it is built again.
        self._parameters = None
        self._live, core.model = live, made.model
        self._parameters = made
        return made

    def _current(self) -> Parameters:
        """The parameters, rebuilt after a change of parameters, states or switches."""
        groups, made, live = self._groups, self._parameters, self._live
        groups.look(self.param_groups)
        if made is None or live is None or made.built_for != groups.by_group:
            return self._build()
        return made if live.is_current(self.param_groups, self.state) else self._build()

    @torch._disable_dynamo  # type: ignore[attr-defined]
    @torch.no_grad()
    def perturb(self) -> None:
        """Move parameters to where the next gradients are taken; ``step`` comes back from there.

        Raises what ``step`` raises; RuntimeError for a rule without a second point, or where the
        parameters have been moved already.
        """
        self._core.in_turn(self._perturb)

    def _perturb(self) -> None:
        made = self._current()
        self._core.refuse_to_perturb(self.rule)
        read = made.reader.read()
        if made.model.present(read).any():
            every = made.filled(made.model.every)
            self._core.perturb(read, [*every, *marking_changed(made.params)])

    def _at_once(self, inputs: Mapping[str, object]) -> None:
        if self.backend != KERNELS:
            self._step_on_tensors(inputs)
            return
        made = self._current()
        model, read = made.model, made.reader.read()
        if not model.present(read).any():
            if model.is_perturbed:
                every = made.filled(model.every)
                self._core.come_back([*every, *marking_changed(made.params)])
            return
        refuse_uncounted(type(self).__name__, made, read, self._core.counters)
        given = made.given(type(self).__name__, inputs, read)
        touched = made.touched(read)
        assert self._live is not None
        # A state that is visible before its first update equals no state.
        self._live.show(touched)
        # What was moved without a gradient comes back, too.
        touched = model.every if model.is_perturbed else touched
        changed = made.params if touched.all() else [*compress(made.params, touched)]
        also: list[Call] = [
            *made.filled(touched),
            # Autograd detects overwritten tensors by their version counters.
            *marking_changed(changed),
        ]
        self._core.take(read, also, given)

    def minimize(
        self, loss: Callable[[], Tensor], variables: Iterable[Tensor] | None = None
    ) -> Tensor:
        """Compute gradients of a loss and make one step; returns the loss before it.

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
        """The state dictionary in torch's format, with live tensors.

        Where processes own matrices, all call it; states of these are copies, and DTensors.
        """
        self._core.refuse_perturbed("save its state")
        for group in self.param_groups if counts_calls(self.rule, self._core) else ():
            group[_CALLS] = self._core.calls()
        if not self._owners:
            return super().state_dict()
        with spreading(self, self._current()):
            return super().state_dict()

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Load a state dictionary of the same parameters, from this or another device.

        Options that it doesn't know stay as they are. Raises TypeError or ValueError, with nothing
        changed, where it doesn't fit.
        """
        with self._core.turn.lock, restoring(self, ("state", "param_groups", *_REMADE)):
            with uncast(self):
                super().load_state_dict(dict(state_dict))
            owner, names = type(self).__name__, [one.name for one in self.rule.states]
            refuse_foreign(owner, self.state, names)
            # Torch's own optimizers make an update in each call, and count no calls.
            calls = max((group.get(_CALLS, 0) for group in self.param_groups), default=0)
            # An error restores the previous core.
            self._core = core = copy(self._core)
            self._parameters = core.model = core.open = None
            ages = self._found_ages()
            core.counters = Counters(int(calls), int(max(ages, default=0)))
            for group in self.param_groups if counts_calls(self.rule, self._core) else ():
                group[_CALLS] = core.counters.calls

    def __getstate__(self) -> dict[str, Any]:
        self._core.refuse_perturbed("be copied")
        counted = self._core.counted()
        counters = counted.calls, counted.updates
        own = attributes_of(self, _REMADE)
        return {**super().__getstate__(), **own, "_counters": counters}

    def __setstate__(self, state: dict[str, Any]) -> None:
        counters = state.pop("_counters", None)
        if counters is None:  # A state is loaded, and nothing else of a copy.
            owner, groups = type(self).__name__, state["param_groups"]
            for group in groups:
                peers.refuse_other(group, peers.constants(self.peer, self.arguments), owner)
            names = [*self.defaults, *(argument.name for argument in self.arguments), MATRIX, RULE]
            complete(groups, self.param_groups, names)
        super().__setstate__(state)
        if counters is not None:
            self._start(self.defaults)
            self._core.counters = Counters(*counters)
            self._divide()

    def _standing(self) -> Standing | None:
        if self._parameters is None:
            return None
        made, core = self._current(), self._core
        compute = partial(evaluating, made.model, core.settings, core.counters)
        return made.averages(core.counters.updates, compute if self.rule.has_average() else None)
