"""What evaluation uses in place of parameters, for steps on tensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import get_ident
from typing import Any

import torch

from optgen.runtime.averages import kept_averages
from optgen.runtime.core import Core
from optgen.torch.operations.steps import Operations

Tensor = torch.Tensor


class Replaced:
    """The parameters of an optimizer and their averages."""

    def __init__(
        self,
        operations: Operations,
        core: Core,
        groups: Sequence[Mapping[str, Any]],
        states: Mapping[Any, dict[str, Any]],
    ) -> None:
        self._operations, self._core = operations, core
        self._groups, self._states = groups, states

    @torch.no_grad()
    def assign(self) -> None:
        """Assign averages to parameters. Raises RuntimeError inside of ``inside``."""
        turn, owner = self._core.turn, self._core.owner
        with turn.lock:
            turn.refuse_averaged(owner, "changes no parameters")
            for param, value in self._operations.averages(self._groups, self._states):
                param.copy_(value)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Parameters hold their averages inside.

        Raises ValueError where no averages are kept, and RuntimeError if entered twice.
        """
        core, rule = self._core, self._operations.rule
        if not (rule.has_average() or kept_averages(rule.states, core.settings.on())):
            raise ValueError(f"{core.owner} keeps no averages of its parameters")
        turn = core.turn
        held: list[tuple[Tensor, Tensor]] = []
        with turn.lock, torch.no_grad():
            turn.refuse_inside(core.owner, "change variables")
            if turn.evaluator is not None:
                raise RuntimeError("averaged() can't be entered twice")
            pairs = self._operations.averages(self._groups, self._states)
            held = [(param, param.clone()) for param, _ in pairs]
            turn.evaluator = get_ident()
            for param, value in pairs:
                param.copy_(value)
        try:
            yield
        finally:
            with torch.no_grad():
                for param, value in held:
                    param.copy_(value)
            turn.evaluator = None
