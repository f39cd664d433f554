"""The first step of a rule, after which its kernels are on disk."""

from __future__ import annotations

from optgen.demo.network import Network
from optgen.demo.optional_packages import optional


def first_step(name: str) -> None:
    """Make a step of an optimizer, which compiles its kernels or finds them in Numba's cache."""
    network = Network()
    optimizer = getattr(optional("optgen.optimizers"), name)()
    optimizer.build(network.parameters)
    optimizer.apply([*network.gradients.values()])
