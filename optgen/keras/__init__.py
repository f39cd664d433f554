"""Optimizers for Keras: in fused kernels on torch, in the compiled graph on JAX and TensorFlow.

There is a class for each generated optimizer; ``optimizer_class`` makes one of any other, a user's
own included. ``install()`` lets Keras's own strings mean these. The rest of ``keras.optimizers``
is here as it is there, so that a changed import is enough.
"""

from __future__ import annotations

from keras.optimizers import LossScaleOptimizer, Optimizer, deserialize, schedules, serialize

import optgen.keras.version_check  # noqa: F401 (first: what follows fails with an old Keras)
import optgen.optimizers as generated
from optgen.keras.classes import get, install, optimizer_class
from optgen.keras.optimizer import FusedOptimizer
from optgen.runtime.optimizer import Optimizer as Rule
from optgen.runtime.suggestions import nearest

_RULES = [
    found
    for found in (getattr(generated, name) for name in generated.__all__)
    if isinstance(found, type) and issubclass(found, Rule)
]
globals().update({rule.__name__: optimizer_class(rule) for rule in _RULES})


def __getattr__(name: str) -> type[FusedOptimizer]:
    """Tell of a name that isn't there; a type checker learns that those that are are classes."""
    raise AttributeError(f"module {__name__!r} has no {name!r}{nearest(name, __all__)}")


__all__ = [  # noqa: PLE0604
    "FusedOptimizer",
    "LossScaleOptimizer",
    "Optimizer",
    "deserialize",
    "get",
    "install",
    "optimizer_class",
    "schedules",
    "serialize",
    *(rule.__name__ for rule in _RULES),
]
