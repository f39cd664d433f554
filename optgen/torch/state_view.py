"""The contents of ``optimizer.state``: the tensors that kernels update."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from typing import Any

import numpy as np
import torch

from optgen.runtime.memory import Mask
from optgen.torch.addresses import Positions
from optgen.torch.container_identity import Contents

Tensor = torch.Tensor
State = MutableMapping[Any, Any]
Groups = Sequence[MutableMapping[str, Any]]


class Live:
    """Parameters in their groups, and their states, as registered in a model.

    A parameter's state is shown from its first gradient on, as torch makes it then.
    """

    def __init__(
        self, groups: Groups, state: State, params: Sequence[Tensor], own: Sequence[dict[str, Any]]
    ) -> None:
        """``own`` holds the states of each parameter by name, in live tensors."""
        self._groups, self._state, self._params, self._own = groups, state, list(params), own
        self._lists = [group["params"] for group in groups]
        self._counts = [*map(len, self._lists)]
        self._has: Mask = np.array([bool(one) for one in own], np.bool_)
        self._hidden = self._has.copy()
        self._put_in(np.array([bool(state.get(param)) for param in self._params], np.bool_))

    def show(self, chosen: Mask) -> None:
        """Publish the states of more parameters."""
        if self._hides and (self._hidden & chosen).any():
            self._put_in(chosen)

    def _put_in(self, chosen: Mask) -> None:
        for index in map(int, np.flatnonzero(self._hidden & chosen)):
            self._state[self._params[index]].update(self._own[index])
        self._hidden &= ~chosen
        self._hides = bool(self._hidden.any())
        self._note()

    def _note(self) -> None:
        """Record identities and addresses."""
        shown = [self._state[self._params[i]] for i in np.flatnonzero(self._has & ~self._hidden)]
        self._contents = Contents([self._groups, *self._lists], [self._state, *shown])
        tensors = [v for own in self._own for v in own.values()]
        self._positions = Positions(self._params, tensors)

    def is_current(self, groups: Groups, state: State) -> bool:
        """Whether parameters, states and their memory are unchanged."""
        is_same = groups is self._groups and state is self._state and self._contents.are_current
        is_same &= all(g["params"] is known for g, known in zip(groups, self._lists, strict=False))
        if not is_same and not self._is_equivalent(groups, state):
            return False
        return self._positions.are_current

    def _is_equivalent(self, groups: Groups, state: State) -> bool:
        """Whether kernels' tensors are unchanged; entries that users added don't count."""
        lists = [group["params"] for group in groups]
        params = [param for some in lists for param in some]
        if [*map(len, lists)] != self._counts or [*map(id, params)] != [*map(id, self._params)]:
            return False
        shown = self._has & ~self._hidden
        for param, own, is_shown in zip(params, self._own, shown, strict=True):
            found = state.get(param)
            if not is_shown and not found:
                continue
            if not is_shown or not isinstance(found, MutableMapping):
                return False
            if any(found.get(name) is not own[name] for name in own):
                return False
        self._groups, self._state, self._lists = groups, state, lists
        self._note()
        return True
