"""The parameters of a torch optimizer, and their model for kernels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType

import torch

from optgen.runtime.arrays import Gradient, Spans, spans_of
from optgen.runtime.averages import Evaluating, Standing, standing_of
from optgen.runtime.counters import NOTHING_GIVEN, Given
from optgen.runtime.hyperparameters.settings import Settings
from optgen.runtime.hyperparameters.treatment import Treatment
from optgen.runtime.inputs import given_inputs
from optgen.runtime.memory import Mask
from optgen.runtime.model import Model
from optgen.runtime.optimizer import Optimizer
from optgen.runtime.parts import Parts
from optgen.runtime.transaction import Call
from optgen.torch.ages import AgesOnDevice, OwnAges
from optgen.torch.dense_copies import Copies, refuse_shared
from optgen.torch.distributed import Shards, local
from optgen.torch.found_states import FoundStates
from optgen.torch.gradients import HeldGradients, seen
from optgen.torch.inputs import read_input
from optgen.torch.matrix_library import library_for
from optgen.torch.owners import Owned
from optgen.torch.refusals import refuse_without_memory
from optgen.torch.states import AGE
from optgen.torch.states import Given as Found

Tensor = torch.Tensor
NOTHING_OWNED: Mapping[Tensor, int] = MappingProxyType({})


class Parameters:
    """Parameters with individual ages."""

    def __init__(
        self,
        rule: type[Optimizer],
        params: Mapping[str, Tensor],
        found: Sequence[Found],
        settings: Settings,
        treatment: Treatment,
        *,
        shows_ages: bool = True,
        has_dimensions: bool = False,
        owners: Mapping[Tensor, int] = NOTHING_OWNED,
        device: torch.device | None = None,
    ) -> None:
        """``found`` is the state of each parameter; its tensors are used in place if possible.

        Where ages needn't be shown, they are only where some state is that torch doesn't know.
        Vectors may have the dimensions that they have in torch's classes. ``owners`` are those of
        matrices in parts. A ``device`` counts the ages, if one is given.
        Raises TypeError or ValueError where parameters or states can't be updated.
        """
        self.params, self._states = list(params.values()), rule.states
        self._inputs = rule.inputs
        self.owned = Owned(self.params, owners)
        shards = Shards(self.params, self.owned.here)
        parts = {path: local(param) for path, param in params.items()}
        refuse_without_memory(parts)
        refuse_shared(parts)
        self.copies = Copies(self.owned.parts())
        self.ages = AgesOnDevice([*params], device) if device else OwnAges([*params])
        view = rule.view if has_dimensions else ""
        source = FoundStates(rule.states, params, self.copies, found, view, self.owned.here)
        self.model = Model(
            dict(zip(params, map(seen, self.copies.dense), strict=True)),
            rule.states,
            settings,
            treatment,
            rule,
            Parts(source, self.ages, shards or None, library_for(rule.compute)),
        )
        if source.have_found_some and not any(param.is_cuda for param in self.params):
            Spans(spans_of(self.model.written())).refuse_overlaps()
        self.ages.start(source.ages())
        #: States that were found in another storage.
        self.rounded = source.rounded
        #: The states of each parameter by name, in the memory that kernels update.
        self.own = source.own
        #: The shape and dtype of the states of owned matrices, in all processes.
        self.forms = source.forms
        for name, tensor in source.shared.items():
            for shown, array in zip(self.own, self.model.states[name], strict=True):
                if array is not None:
                    shown[name] = tensor
        of_rule = {s.name for s in rule.states if not (s.stands_in or s.gathers)}
        for index, own in enumerate(self.own):
            if shows_ages or index in self.owned.here or not of_rule.issuperset(own):
                own[AGE] = self.ages.shown[index]
        absent = self.model.engine.program("absent")
        self._changes_absent = absent is not None and any(map(absent.when, self.model.switches))
        self.reader = HeldGradients(self.model, self.params, self.copies, self.owned)
        #: The parameters whose updates a device counts; None before the first call.
        self.counted: Mask | None = None
        #: The switch setting of each group of parameters.
        self.built_for: list[dict[str, bool]] = []

    def touched(self, gradients: Sequence[Gradient | None]) -> Mask:
        """The parameters that a step may change: those with a gradient since the last update.

        All, where a rule does something to the others too.
        """
        model = self.model
        return model.every if self._changes_absent else model.present(gradients) | model.seen

    def filled(self, chosen: Mask) -> list[Call]:
        """Update what kernels have of chosen parameters; returns the calls that write it back."""
        sent_back = self.owned.fill(chosen)
        return [*self.copies.filled(chosen), *sent_back]

    def given(
        self, owner: str, inputs: Mapping[str, object], gradients: Sequence[Gradient | None]
    ) -> Given:
        """The validated inputs of a step. Raises TypeError or ValueError."""
        if not (inputs or self._inputs):
            return NOTHING_GIVEN
        read = partial(read_input, self.model, self.params, self.owned)
        return given_inputs(owner, self._inputs, inputs, gradients, self.model.paths, read)

    def averages(self, updates: int, evaluating: Evaluating | None = None) -> Standing:
        """The replacements of parameters, such as averages, where they exist.

        ``evaluating`` makes the calls that compute them, where the rule does.
        """
        also = self.filled(self.model.every)
        # What was never updated has no other value.
        is_old = self.ages.values > 0
        compute = None if evaluating is None else lambda chosen: evaluating(chosen & is_old)
        return standing_of(self.model, self._states, updates, also=also, evaluating=compute)
