"""Loss, gradients and step in one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from optgen.runtime.gradient_pairs import Gradients, Variables

#: Computes a loss, and its gradients as ``apply`` takes them.
Loss = Callable[[], tuple[Any, Gradients]]


class _Applies(Protocol):
    def scale_loss(self, loss: Any) -> Any: ...

    def apply(self, grads: Gradients, trainable_variables: Variables | None = None) -> None: ...


def minimize(optimizer: _Applies, loss: Loss, variables: Variables | None = None) -> Any:
    """One step down a loss; returns what the loss was before it.

    ``loss`` takes no argument and returns its value with the gradients of all variables, as a list
    or a mapping as ``apply`` takes them. Where a scale is set the gradients are multiplied by it,
    as those of a scaled loss are, and divided by it in the step. Raises what ``apply`` raises.
    """
    value, gradients = loss()
    scale = optimizer.scale_loss(1.0)
    optimizer.apply(gradients if scale == 1.0 else _scaled(gradients, scale), variables)
    return value


def _scaled(gradients: Gradients, scale: float) -> Gradients:
    # What becomes infinite is for the optimizer to see.
    with np.errstate(over="ignore"):
        if isinstance(gradients, Mapping):
            return {path: _times(gradient, scale) for path, gradient in gradients.items()}
        return [_times(gradient, scale) for gradient in gradients]


def _times(gradient: Any, scale: float) -> Any:
    return None if gradient is None else gradient * scale
