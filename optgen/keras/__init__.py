"""Optimizers for Keras: in fused kernels on torch, in the compiled graph on JAX and TensorFlow.

There is a class for each generated optimizer; ``optimizer_class`` makes one of any other, a user's
own included. ``install()`` lets Keras's own strings mean these.
"""

from __future__ import annotations

import optgen.optimizers as generated
from optgen.keras.classes import install, optimizer_class
from optgen.keras.optimizer import FusedOptimizer
from optgen.runtime.optimizer import Optimizer
from optgen.runtime.unknown import nearest

_RULES = [
    found
    for found in map(generated.__dict__.get, generated.__all__)
    if isinstance(found, type) and issubclass(found, Optimizer)
]
globals().update({rule.__name__: optimizer_class(rule) for rule in _RULES})


def __getattr__(name: str) -> type[FusedOptimizer]:
    """Tell of a name that isn't there; a type checker learns that those that are are classes."""
    raise AttributeError(f"module {__name__!r} has no {name!r}{nearest(name, __all__)}")


__all__ = [  # noqa: PLE0604
    "FusedOptimizer",
    "install",
    "optimizer_class",
    *(rule.__name__ for rule in _RULES),
]
