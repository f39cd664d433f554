"""Optimizers for torch: its own formulas, names and defaults, in fused kernels.

There is a class for each generated optimizer that says what torch calls its arguments;
``optimizer_class`` makes one of any other, a user's own included.
"""

from __future__ import annotations

import optgen.optimizers as generated
from optgen.runtime.unknown import nearest
from optgen.torch.optimizer import FusedOptimizer, optimizer_class

_PREFIX = "Torch"
_RULES = {
    name.removeprefix(_PREFIX): getattr(generated, name)
    for name in generated.__all__
    if name.startswith(_PREFIX)
}
globals().update({name: optimizer_class(rule, name) for name, rule in _RULES.items()})


def __getattr__(name: str) -> type[FusedOptimizer]:
    """Tell of a name that isn't there; a type checker learns that those that are are classes."""
    raise AttributeError(f"module {__name__!r} has no {name!r}{nearest(name, __all__)}")


__all__ = ["FusedOptimizer", "optimizer_class", *_RULES]  # noqa: PLE0604
