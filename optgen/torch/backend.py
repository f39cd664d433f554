"""What makes the steps of an optimizer: kernels, or operations of torch."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar

import torch

from optgen import cuda
from optgen.runtime.optimizer import Optimizer
from optgen.torch import peers
from optgen.torch.distributed import is_shared
from optgen.torch.groups import ParamGroups
from optgen.torch.measures import Measures
from optgen.torch.operations.averages import Replaced
from optgen.torch.operations.steps import Operations, refuse
from optgen.torch.parameters import Parameters
from optgen.torch.peers import Peer
from optgen.torch.states import AGE

KERNELS, TENSORS, COMPILED = "kernels", "torch", "compiled"
_BACKENDS = (KERNELS, TENSORS, COMPILED)
#: The option of groups whose steps autograd records.
RECORDS = "differentiable"
_log = logging.getLogger("optgen.torch")


def choice(owner: str, asked: Any, groups: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """The backend of the parameters of groups, and why; ``asked`` is the user's wish, or None.

    Raises ValueError for a wish that isn't a backend, or that can't be met.
    """
    if asked not in (None, *_BACKENDS):
        known = ", ".join(map(repr, _BACKENDS))
        raise ValueError(f"{owner}: backend must be {known} or None, not {asked!r}")
    reason = next(_reasons(groups), "")
    if asked == KERNELS and reason:
        raise ValueError(f"{owner}: backend='kernels' has no step here: {reason}")
    if asked == COMPILED:
        _refuse_compiling(owner, groups)
    if asked in (TENSORS, COMPILED):
        return asked, reason or f"backend={asked!r}"
    return (TENSORS, reason) if reason else (KERNELS, "")


def _refuse_compiling(owner: str, groups: Sequence[Mapping[str, Any]]) -> None:
    what = "differentiable=True" if any(group.get(RECORDS) for group in groups) else ""
    if any(is_shared(param) for group in groups for param in group["params"]):
        what = "parameters are DTensors"
    if what:
        raise ValueError(f"{owner}: backend='compiled' has no step here: {what}")


def _reasons(groups: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Why kernels can't make the steps."""
    for group in groups:
        if group.get(RECORDS):
            yield "differentiable=True"
    devices = {
        param.device.type
        for group in groups
        for param in group["params"]
        # Torch's fused steps refuse parameters without memory, and so do kernels.
        if not (param.is_meta and group.get("fused"))
    }
    for device in sorted(devices - {"cpu", "cuda"}):
        yield f"there are no kernels for the device {device}"
    if "cuda" in devices:
        if torch.version.hip is not None:
            yield "there are no kernels for ROCm"
        elif (missing := cuda.missing_packages()) or (missing := cuda.why_not()):
            yield missing


class WithBackend(Measures):
    """The part of a torch optimizer that chooses what makes its steps."""

    rule: ClassVar[type[Optimizer]]
    param_groups: list[dict[str, Any]]
    state: Any
    _groups: ParamGroups
    #: What the user chose, if anything.
    _asked: str | None = None
    #: The choice and its reason.
    _chosen: tuple[str, str] = (KERNELS, "")
    _operations: Operations | None = None
    #: Torch's class of the same formulas.
    peer: ClassVar[Peer] = None

    @property
    def backend(self) -> str:
        """What makes the steps: ``"kernels"``, or operations, ``"torch"`` or ``"compiled"``."""
        return self._chosen[0]

    def __repr__(self) -> str:
        name, reason = self._chosen
        text = super().__repr__()
        return text if name == KERNELS else f"{text}\nsteps are operations of torch: {reason}"

    def averaged(self) -> AbstractContextManager[None]:
        """A context in which parameters hold their averages.

        Raises ValueError where no averages are kept, and RuntimeError for a step inside, in
        whichever thread.
        """
        if self.backend == KERNELS:
            return super().averaged()
        return self._replaced().inside()

    def finalize(self) -> None:
        """Assign averages to parameters, if averages are enabled.

        Raises RuntimeError inside ``averaged``, whose end would undo it.
        """
        if self.backend == KERNELS:
            super().finalize()
        else:
            self._replaced().assign()

    def _replaced(self) -> Replaced:
        return Replaced(self._rule_of_steps(), self._core, self.param_groups, self.state)

    def _choose(self) -> None:
        """Choose what makes the steps of the current parameters."""
        owner, before = type(self).__name__, self._chosen
        self._operations = None
        self._chosen = _, reason = choice(owner, self._asked, self.param_groups)
        if self.backend != KERNELS:
            refuse(self.rule, self._core, reason)
            if self._chosen != before:
                _log.info("%s: steps are operations of torch: %s", owner, reason)

    def _refuse_operations(self, what: str) -> None:
        if self.backend != KERNELS:
            owner, reason = type(self).__name__, self._chosen[1]
            raise ValueError(f"{owner}: {what} needs kernels, and there are none here: {reason}")

    def _rule_of_steps(self) -> Operations:
        """What makes steps on tensors."""
        if self._operations is None:
            own = self.rule, self._core, self._groups
            has_dimensions = peers.has_dimensions(self.peer, self.rule)
            self._operations = Operations(
                *own, has_dimensions=has_dimensions, is_compiled=self.backend == COMPILED
            )
        return self._operations

    def _step_on_tensors(self, inputs: Mapping[str, object]) -> None:
        records = any(group.get(RECORDS) for group in self.param_groups)
        with torch.set_grad_enabled(records):
            self._rule_of_steps().step(self.param_groups, self.state, inputs, records=records)

    def _found_ages(self) -> list[float]:
        """The numbers of updates of all parameters, after their states were replaced."""
        self._divide()
        if self.backend == KERNELS:
            ages: list[float] = self._build().ages.shown.tolist()
            return ages
        return [float(own.get(AGE, 0.0)) for own in self.state.values()]

    @abstractmethod
    def _divide(self) -> None:
        """Create the settings of the current groups."""

    @abstractmethod
    def _build(self) -> Parameters:
        """The current parameters with their states, for kernels."""
