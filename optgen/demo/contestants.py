"""The optimizers of the demo: built-in ones, and torch's of the same name for comparison."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from optgen.compiler.ir.spec import Spec
from optgen.demo.network import Network
from optgen.demo.optional_packages import optional

#: Updates a network's parameters from its gradients.
Step = Callable[[], object]


@dataclass(frozen=True)
class Contestant:
    """An optimizer and how to begin with it: ``start`` gives the step for a network."""

    name: str
    library: str
    learning_rate: float
    start: Callable[[Network], Step]

    @property
    def title(self) -> str:
        """The name, with the library where that isn't this one."""
        return self.name if self.library == "optgen" else f"{self.name} ({self.library})"


#: Contestants of this library, each with torch's of the same name where there is one.
Pairs = list[tuple[Contestant, Contestant | None]]


class NotBuiltError(Exception):
    """A spec for which nothing was generated yet."""


def pairs(specs: Iterable[Spec]) -> Pairs:
    """The generated optimizer of each spec, with torch's where there is one.

    Raises NotBuiltError where the generated package lacks an optimizer.
    """
    generated, torch = optional("optgen.optimizers"), optional("torch")
    found: Pairs = []
    for spec in specs:
        kind = getattr(generated, spec.name.value, None)
        if kind is None:
            raise NotBuiltError(f"{spec.name} was not generated yet; run optgen build")
        ours = _ours(kind, spec)
        # Torch's classes leave nothing to a fallback: what isn't for all parameters takes matrices.
        found.append((ours, None if kind.fallback else _of_torch(torch, ours)))
    return found


def _ours(kind: Any, spec: Spec) -> Contestant:
    rate = spec.demo_learning_rate
    chosen = {} if rate is None else {"learning_rate": rate}

    def start(network: Network) -> Step:
        optimizer = kind(**chosen)
        optimizer.build(network.parameters)
        gradients = list(network.gradients.values())
        return lambda: optimizer.apply(gradients)

    return Contestant(spec.name.value, "optgen", kind(**chosen).learning_rate, start)


def _of_torch(torch: Any, ours: Contestant) -> Contestant | None:
    kind = getattr(torch.optim, ours.name, None) if torch is not None else None
    if not isinstance(kind, type) or not issubclass(kind, torch.optim.Optimizer):
        return None

    def start(network: Network) -> Step:
        # These tensors share the memory of the network's arrays.
        tensors = []
        for path, array in network.parameters.items():
            tensor = torch.nn.Parameter(torch.from_numpy(array))
            tensor.grad = torch.from_numpy(network.gradients[path])
            tensors.append(tensor)
        step: Step = kind(tensors, lr=ours.learning_rate).step
        return step

    return Contestant(ours.name, "torch", ours.learning_rate, start)
