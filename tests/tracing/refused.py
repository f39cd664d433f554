"""Optimizers that no spec can state, or whose step leaves no trace: each names what and where."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from tests.tracing.optimizers import Plain


class Rated(Plain):
    """The base of them."""

    def __init__(self, params: Any, lr: float = 0.1) -> None:
        super().__init__(params, {"lr": lr})


class Transformed(Rated):
    """A function that the language has not."""

    def update(self, group: Any, parameter: Any, gradient: Any, state: Any) -> None:
        parameter.sub_(group["lr"] * torch.erf(gradient))


class Rows(Rated):
    """A mean over rows."""

    def update(self, group: Any, parameter: Any, gradient: Any, state: Any) -> None:
        parameter.sub_(group["lr"] * gradient / gradient.mean(dim=-1, keepdim=True))


class Together(Rated):
    """A norm of all gradients together, of which the trace follows each alone."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        (group,) = self.param_groups
        norms = [one.grad.norm() for one in group["params"]]
        for one in group["params"]:
            one.sub_(group["lr"] * one.grad / (norms[0] - 2 * norms[1]))


class ByShape(Rated):
    """Vectors are treated in another way."""

    def update(self, group: Any, parameter: Any, gradient: Any, state: Any) -> None:
        factor = 1.0 if parameter.dim() > 1 else 0.1
        parameter.sub_(group["lr"] * factor * gradient)


class Noisy(Rated):
    """Random numbers."""

    def update(self, group: Any, parameter: Any, gradient: Any, state: Any) -> None:
        parameter.sub_(group["lr"] * (gradient + torch.randn_like(gradient)))


class Leaving(Rated):
    """NumPy, where the trace ends."""

    def update(self, group: Any, parameter: Any, gradient: Any, state: Any) -> None:
        parameter.sub_(group["lr"] * gradient * float(np.float64(np.asarray(gradient.norm()))))


class Rounded(Rated):
    """A number that is rounded by Python, whose result has no trace."""

    def update(self, group: Any, parameter: Any, gradient: Any, state: Any) -> None:
        parameter.sub_(round(group["lr"], 3) * gradient)


class Late(Rated):
    """A state that is made in the third step."""

    def update(self, group: Any, parameter: Any, gradient: Any, state: Any) -> None:
        state["count"] = state.get("count", 0) + 1
        if state["count"] == 3:
            state["slow"] = parameter.clone()
        parameter.sub_(group["lr"] * (gradient + state.get("slow", 0)))


class Failing(Rated):
    """An error of its own."""

    def update(self, group: Any, parameter: Any, gradient: Any, state: Any) -> None:
        parameter.sub_(group["rate"] * gradient)


#: Each with part of the message, and the part of the source that the caret is under.
REFUSED = (
    (Transformed, "erf can't be followed", "torch.erf(gradient)"),
    (Rows, "mean over some dimensions", "gradient.mean(dim=-1, keepdim=True)"),
    (Together, "depends on another parameter", "one.grad.norm()"),
    (ByShape, "isn't computed alike for parameters of two shapes", 'group["lr"] * factor'),
    (Noisy, "randn_like can't be followed", "torch.randn_like(gradient)"),
    (Leaving, "__array__ can't be followed", "np.asarray(gradient.norm())"),
    (Rounded, "lost sight of", 'round(group["lr"], 3)'),
    (Late, "slow isn't there after the first step", ""),
    (Failing, "KeyError: 'rate'", 'group["rate"]'),
)
