"""Optimizers for JAX, as Optax has them: each name is a function that makes a transformation.

What it makes is an ``optax.GradientTransformationExtraArgs``. ``factory`` makes such a function of
any generated optimizer.
"""

from __future__ import annotations

from collections.abc import Callable

from optgen.missing_packages import require

require("optgen.optax", "jax")

import optgen.optimizers as generated
from optgen.jax.factories import GradientTransformation, factory
from optgen.jax.states import Perturbed, State
from optgen.runtime.front_ends import absent
from optgen.runtime.optimizer import Optimizer

#: Classes by the names of their functions; each is imported when it is used.
_NAMES = {
    name.lower(): name for name in generated.list() if name != generated.LossScaleOptimizer.__name__
}

__all__ = [  # noqa: PLE0604
    "GradientTransformation",
    "Perturbed",
    "State",
    "factory",
    *_NAMES,
]


def __getattr__(name: str) -> Callable[..., GradientTransformation]:
    """The function of a rule. Raises AttributeError for another name."""
    if name not in _NAMES:
        raise AttributeError(absent(__name__, name, __all__, factory.__name__))
    rule: type[Optimizer] = getattr(generated, _NAMES[name])
    return factory(rule)


def __dir__() -> list[str]:
    return list(__all__)
