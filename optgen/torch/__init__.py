"""Optimizers for torch: torch's formulas, names and defaults, in fused kernels.

Each generated optimizer with a ``[torch]`` table has a class here; ``optimizer_class`` adapts any
other. The other names of ``torch.optim`` are re-exported, so that changing the import suffices.
"""

from __future__ import annotations

from torch import optim
from torch.optim import Optimizer, lr_scheduler, swa_utils

import optgen.optimizers as generated
from optgen.runtime.suggestions import nearest
from optgen.torch.classes import made_like, optimizer_class
from optgen.torch.offloading import Offloaded, offload
from optgen.torch.optimizer import FusedOptimizer

_PREFIX = "Torch"
#: A rule without the table has torch's formulas, but not the arguments and states of its class.
_RULES = {
    name.removeprefix(_PREFIX): getattr(generated, name)
    for name in generated.__all__
    if name.startswith(_PREFIX) and getattr(generated, name).torch_names
}
globals().update(
    {name: made_like(getattr(optim, name, None), rule, name) for name, rule in _RULES.items()}
)


def __getattr__(name: str) -> type[FusedOptimizer]:
    """Raise AttributeError; for type checkers, unlisted names are classes."""
    raise AttributeError(f"module {__name__!r} has no {name!r}{nearest(name, __all__)}")


__all__ = [  # noqa: PLE0604
    "FusedOptimizer",
    "Offloaded",
    "Optimizer",
    "lr_scheduler",
    "offload",
    "optimizer_class",
    "swa_utils",
    *_RULES,
]
