"""What Keras has no arguments and no calls for."""

from __future__ import annotations

from optgen.runtime.hyperparameters.settings import Settings
from optgen.runtime.kernels import PERTURB
from optgen.runtime.optimizer import Optimizer


def refuse_unsupported(rule: type[Optimizer], settings: Settings, owner: str) -> None:
    """Raise ValueError for a rule that takes inputs in each call, or a second point."""
    needed = [one.name for one in rule.inputs if not one.optional]
    if needed:
        message = f"{owner} takes {', '.join(needed)} beside the gradients in each call"
        raise ValueError(f"{message}, which Keras can't pass on; use it with optgen or torch")
    moving = (program for program in rule.layout.programs if program.name == PERTURB)
    if any(program.when(settings.on()) for program in moving):
        message = f"{owner} takes a second gradient in each step"
        raise ValueError(f"{message}, which Keras never computes; use it with optgen or torch")
