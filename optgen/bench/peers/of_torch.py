"""torch's optimizers: a loop over tensors, grouped and fused kernels, and compiled code."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from optgen.bench.peers.interface import Arrays, Run, Task

PACKAGES: tuple[str, ...] = ("torch",)
_COMPILED = "compiled"
#: The implementations of a step, by the argument that selects each.
_WAYS = {"torch loop": ("foreach", False), "foreach": ("foreach", True), "fused": ("fused", True)}


class TorchRun:
    """An optimizer of torch's kind over tensors."""

    def __init__(self, make: Callable[..., Any], first: Arrays) -> None:
        torch = import_module("torch")
        self._params = [torch.tensor(array, requires_grad=True) for array in first]
        self._grads = [torch.zeros_like(param) for param in self._params]
        self._point()
        self._optimizer = make(self._params)
        self.step: Callable[[], object] = self._optimizer.step

    def compile(self) -> None:
        """Compile the step."""
        self.step = import_module("torch").compile(self._optimizer.step)

    def give(self, grads: Arrays) -> None:
        """Copy gradients."""
        # In place, as compiled code would be compiled again for other tensors.
        for own, grad in zip(self._grads, grads, strict=True):
            own.detach().numpy()[...] = grad

    def _point(self) -> None:
        for param, grad in zip(self._params, self._grads, strict=True):
            param.grad = grad

    def parameters(self) -> Arrays:
        """The tensors, as arrays."""
        return [param.detach().numpy() for param in self._params]


def prepare(threads: int) -> dict[str, str]:
    """Set the number of threads within an operation; steps have no concurrent operations."""
    import_module("torch").set_num_threads(threads)
    return {}


def runs(task: Task) -> Iterator[tuple[str, Run]]:
    """The implementations that torch has of a rule."""
    if task.features:
        return
    kind = getattr(import_module("torch").optim, task.rule.name)
    known = inspect.signature(kind).parameters
    if not any(argument in known for argument, _ in _WAYS.values()):
        yield "torch", TorchRun(_making(kind, {"lr": task.rate, **task.rule.arguments}), task.first)
    for name, (argument, value) in _WAYS.items():
        if argument not in known:
            continue
        chosen = {"lr": task.rate, **task.rule.arguments, argument: value}
        yield name, TorchRun(_making(kind, chosen), task.first)
        if task.compiled and name == "foreach":
            run = TorchRun(_making(kind, chosen), task.first)
            run.compile()
            yield _COMPILED, run


def _making(kind: Any, arguments: dict[str, Any]) -> Callable[..., Any]:
    return lambda params: kind(params, **arguments)
