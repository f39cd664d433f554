"""Optimizers for torch: torch's formulas, names and defaults, in fused kernels.

Each generated optimizer has a class here, made when it is first used. Torch's names are those of
optimizers with torch's formulas; ``optimizer_class`` adapts any other. The other names of
``torch.optim`` are re-exported, so that changing the import suffices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from optgen.missing_packages import require

require("optgen.torch", "torch")

from torch import optim
from torch.optim import Optimizer, lr_scheduler, swa_utils

import optgen.optimizers as generated
from optgen.runtime.front_ends import absent
from optgen.runtime.loss_scaling import LossScaleOptimizer
from optgen.torch.classes import optimizer_class
from optgen.torch.named_states import match_names
from optgen.torch.offloading import Offloaded, offload
from optgen.torch.optimizer import FusedOptimizer
from optgen.torch.peers import PREFIX

_RULES = [name for name in generated.list() if name != LossScaleOptimizer.__name__]
#: The optimizers with torch's formulas, by the name of torch's class.
_TORCH = {name.removeprefix(PREFIX): name for name in _RULES if name.startswith(PREFIX)}
#: Those with a class here, by its name: one of torch's means torch's formulas, and nothing else.
CLASSES = {name: name for name in _RULES if not hasattr(optim, name)}
CLASSES = {name: name for name in CLASSES if not name.startswith(PREFIX)} | _TORCH

__all__ = [  # noqa: PLE0604
    "FusedOptimizer",
    "Offloaded",
    "Optimizer",
    "lr_scheduler",
    "match_names",
    "offload",
    "optimizer_class",
    "swa_utils",
    *_TORCH,
]

if TYPE_CHECKING:
    from optgen.optimizers import torch_classes as typed
    from optgen.optimizers.torch_classes import *  # noqa: F403

    __all__ += typed.__all__


def __getattr__(name: str) -> type[FusedOptimizer]:
    """The class of an optimizer. Raises AttributeError for another name."""
    if name in CLASSES:
        made = globals()[name] = optimizer_class(getattr(generated, CLASSES[name]), name)
        return made
    message = f"module {__name__!r} has no {name!r}"
    if name in _RULES and hasattr(optim, name):
        message = f"{message} with torch's formulas"
        raise AttributeError(f"{message}; there is optimizer_class(optgen.optimizers.{name})")
    if name in _TORCH.values():
        raise AttributeError(f"{message}; its class is {name.removeprefix(PREFIX)!r}")
    raise AttributeError(absent(__name__, name, CLASSES, optimizer_class.__name__))


def __dir__() -> list[str]:
    return sorted({*globals(), *CLASSES})
