"""Optimizers of other packages of torch's kind, which are loops over torch's tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from typing import Any

from optgen.bench.peers import of_torch
from optgen.bench.peers.interface import Arrays, Run, Task


class Package:
    """The classes of a package."""

    run: type[of_torch.TorchRun] = of_torch.TorchRun

    def __init__(self, name: str) -> None:
        self.PACKAGES = ("torch", name)

    def prepare(self, threads: int) -> dict[str, str]:
        """Set the number of threads within an operation."""
        return of_torch.prepare(threads)

    def runs(self, task: Task) -> Iterator[tuple[str, Run]]:
        """The class of a rule; its argument ``group`` is what its group of parameters has."""
        name = self.PACKAGES[-1]
        if not task.features:
            arguments = {**task.rule.arguments}
            group = arguments.pop("group", {})
            kind = getattr(import_module(name), task.rule.name)
            make = partial(kind, lr=task.rate, **arguments)
            yield name, self.run(lambda own: make([{"params": own, **group}]), task.first)


class _Taking(of_torch.TorchRun):
    """A run whose steps take gradients away."""

    def __init__(self, make: Callable[..., Any], first: Arrays) -> None:
        super().__init__(make, first)
        self.step = self._step

    def _step(self) -> None:
        self._point()
        self._optimizer.step()


class Eager(Package):
    """One that takes gradients away, and would compile each shape for minutes."""

    run = _Taking

    def runs(self, task: Task) -> Iterator[tuple[str, Run]]:
        """The class of a rule, without compilation."""
        setattr(import_module(f"{self.PACKAGES[-1]}.utils"), "compile_mode", None)  # noqa: B010
        yield from super().runs(task)
