"""A run of an optimizer over torch's parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from typing import Any

from optgen.bench.ours import calls_for_matrices
from optgen.bench.peers.interface import Arrays
from optgen.bench.peers.of_torch import TorchRun
from optgen.runtime.core import core_of


class OwnTorchRun(TorchRun):
    """The class for torch of a generated one; each step uses the same gradients."""

    def __init__(self, kind: Any, rate: float, arguments: Mapping[str, Any], first: Arrays) -> None:
        made = import_module("optgen.torch").optimizer_class(kind)
        super().__init__(partial(made, lr=rate, **arguments), first)

    def matrix_calls(self) -> Callable[[], object] | None:
        """The calls of libraries that a step makes for matrices, alone; None without any."""
        return calls_for_matrices(core_of(self._optimizer).model)
