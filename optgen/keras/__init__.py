"""Optimizers for Keras: fused kernels on torch, operations in the graph on JAX and TensorFlow.

Each generated optimizer has a class here; ``optimizer_class`` adapts any other. ``install()``
redirects Keras's strings to these classes. All other names of ``keras.optimizers`` are re-exported,
so that changing the import suffices.
"""

from __future__ import annotations

from optgen.missing_packages import require

require("optgen.keras", "keras")

from keras.optimizers import LossScaleOptimizer, Optimizer, deserialize, serialize

import optgen.keras.version_check  # noqa: F401 (first: what follows fails with an old Keras)
import optgen.optimizers as generated
from optgen.keras import schedules
from optgen.keras.classes import get, install, optimizer_class
from optgen.keras.optimizer import FusedOptimizer
from optgen.keras.schedules import schedule_class
from optgen.runtime.front_ends import absent
from optgen.runtime.optimizer import Optimizer as Rule

_RULES = [
    found
    for found in (getattr(generated, name) for name in generated.__all__)
    if isinstance(found, type) and issubclass(found, Rule)
]
globals().update({rule.__name__: optimizer_class(rule) for rule in _RULES})


def __getattr__(name: str) -> type[FusedOptimizer]:
    """Raise AttributeError; for type checkers, unlisted names are classes."""
    raise AttributeError(absent(__name__, name, __all__, optimizer_class.__name__))


__all__ = [  # noqa: PLE0604
    "FusedOptimizer",
    "LossScaleOptimizer",
    "Optimizer",
    "deserialize",
    "get",
    "install",
    "optimizer_class",
    "schedule_class",
    "schedules",
    "serialize",
    *(rule.__name__ for rule in _RULES),
]
