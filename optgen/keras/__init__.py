"""Optimizers for Keras: in fused kernels on torch, in the compiled graph on JAX and TensorFlow.

There is a class for each generated optimizer; ``optimizer_class`` makes one of any other, a user's
own included. ``install()`` lets Keras's own strings mean these.
"""

from __future__ import annotations

import optgen.optimizers as generated
from optgen.keras.classes import install, optimizer_class
from optgen.keras.optimizer import FusedOptimizer
from optgen.runtime.optimizer import Optimizer

_RULES = [
    found
    for found in map(generated.__dict__.get, generated.__all__)
    if isinstance(found, type) and issubclass(found, Optimizer)
]
globals().update({rule.__name__: optimizer_class(rule) for rule in _RULES})

__all__ = [  # noqa: PLE0604
    "FusedOptimizer",
    "install",
    "optimizer_class",
    *(rule.__name__ for rule in _RULES),
]
