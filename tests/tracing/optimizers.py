"""Optimizers as people write them: in plain Python, each with something of its own."""

from __future__ import annotations

import math
from math import sqrt
from typing import Any

import torch


class Plain(torch.optim.Optimizer):
    """A loop over groups and parameters, which calls ``update`` with all that it needs."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self.update(group, parameter, parameter.grad, self.state[parameter])

    def update(self, group: Any, parameter: Any, gradient: Any, state: Any) -> None:
        raise NotImplementedError


class Momentum(Plain):
    """A running mean of gradients, whose first is the first gradient; decay that is off."""

    def __init__(self, params: Any, lr: float = 0.1, keep: float = 0.9, decay: float = 0.0) -> None:
        if lr <= 0:
            raise ValueError("lr must be positive")
        if not 0.0 <= keep < 1.0:
            raise ValueError("keep must be from 0 to 1")
        super().__init__(params, {"lr": lr, "keep": keep, "decay": decay})

    def update(self, group: Any, parameter: Any, gradient: Any, state: Any) -> None:
        if group["decay"] > 0:
            gradient = gradient + group["decay"] * parameter
        if "mean" not in state:
            state["mean"] = gradient.clone()
        else:
            state["mean"].mul_(group["keep"]).add_(gradient, alpha=1 - group["keep"])
        parameter.sub_(group["lr"] * state["mean"])


class Corrected(Plain):
    """Both means of gradients, the number of the step in a tensor, and roots by math.

    Args:
        lr (float): the size of a step.
        betas: how much of the means
            is kept. Two numbers.

    """

    def __init__(self, params: Any, lr: float = 0.01, betas: Any = (0.9, 0.99)) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": 1e-8})

    def update(self, group: Any, parameter: Any, gradient: Any, state: Any) -> None:
        first, second = group["betas"]
        if len(state) == 0:
            state["step"] = torch.tensor(0.0)
            state["mean"] = torch.zeros_like(parameter)
            state["square"] = torch.zeros_like(parameter)
        state["step"] += 1
        count = state["step"].item()
        state["mean"].lerp_(gradient, 1 - first)
        state["square"].mul_(second).addcmul_(gradient, gradient, value=1 - second)
        root = state["square"].sqrt().div_(sqrt(1 - second**count)).add_(group["eps"])
        parameter.addcdiv_(state["mean"], root, value=-group["lr"] / (1 - first**count))


class Warming(Plain):
    """A condition on the number of the step, and a number of Python that persists."""

    def __init__(self, params: Any, lr: float = 0.05, warmup: int = 4, cool: float = 0.97) -> None:
        super().__init__(params, {"lr": lr, "warmup": warmup, "cool": cool, "count": 0})

    def update(self, group: Any, parameter: Any, gradient: Any, state: Any) -> None:
        state["count"] = state.get("count", 0) + 1
        state["rate"] = state.get("rate", 1.0) * group["cool"]
        rate = group["lr"] * state["rate"]
        if state["count"] < group["warmup"]:
            rate = rate * state["count"] / group["warmup"]
        parameter.add_(torch.tanh(gradient), alpha=-rate)


class Signed(Plain):
    """Masks, choices by element, and elements that are set where a condition holds."""

    def __init__(self, params: Any, lr: float = 0.02, grow: float = 1.2, cut: float = 0.5) -> None:
        super().__init__(params, {"lr": lr, "grow": grow, "cut": cut})

    def update(self, group: Any, parameter: Any, gradient: Any, state: Any) -> None:
        if not state:
            state["length"] = torch.full_like(parameter, 0.5)
            state["before"] = torch.zeros_like(parameter)
        agreement = gradient * state["before"]
        factor = torch.ones_like(parameter)
        factor[agreement > 0] = group["grow"]
        factor = torch.where(agreement < 0, group["cut"], factor)
        state["length"] = (state["length"] * factor).clamp(min=1e-3, max=2.0)
        mask = (agreement >= 0).to(gradient.dtype)
        state["before"].copy_(gradient * mask)
        parameter.sub_(group["lr"] * state["length"] * state["before"].sign())


class Trusted(Plain):
    """Norms of the whole parameter, and a condition on one of them."""

    def __init__(self, params: Any, lr: float = 0.1, largest: float = 3.0) -> None:
        super().__init__(params, {"lr": lr, "largest": largest})

    def update(self, group: Any, parameter: Any, gradient: Any, state: Any) -> None:
        norm = gradient.norm()
        if norm > group["largest"]:
            gradient = gradient * (group["largest"] / norm)
        ratio = parameter.pow(2).mean().sqrt() / math.sqrt(parameter.numel())
        # Norms of what is the same for all elements, and of other degrees than 2.
        ratio = ratio * torch.ones_like(parameter).norm(3) / (1 + gradient.norm(p=1))
        parameter.data.add_(gradient.view(-1).view_as(parameter) * ratio, alpha=-group["lr"])


class Lists(torch.optim.Optimizer):
    """Lists of tensors, with a state of each decay, and the look of an iterate ahead."""

    def __init__(self, params: Any, lr: float = 0.1, decays: Any = (0.5, 0.9)) -> None:
        super().__init__(params, {"lr": lr, "decays": decays})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            held = [one for one in group["params"] if one.grad is not None]
            gradients = [one.grad for one in held]
            for one in held:
                if not self.state[one]:
                    self.state[one]["means"] = [torch.zeros_like(one) for _ in group["decays"]]
            for place, decay in enumerate(group["decays"]):
                means = [self.state[one]["means"][place] for one in held]
                torch._foreach_mul_(means, decay)
                torch._foreach_add_(means, gradients, alpha=1 - decay)
                torch._foreach_add_(held, means, alpha=-group["lr"] / len(group["decays"]))


class Balanced(torch.optim.Optimizer):
    """A norm of all gradients, whose mean all parameters share, times a number that cools."""

    def __init__(self, params: Any, lr: float = 0.1, keep: float = 0.8) -> None:
        super().__init__(params, {"lr": lr, "keep": keep, "power": 0.25, "heat": 1.0})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            total = 0.0
            for one in group["params"]:
                total += one.grad.square().sum().item()
            before = group.get("power", 0.25)
            group["heat"] = 0.9 * group.get("heat", 1.0)
            added = (1 - group["keep"]) * group["heat"] * total
            group["power"] = before * group["keep"] + added
            for one in group["params"]:
                one.sub_(group["lr"] * one.grad / (1 + math.sqrt(group["power"])))


CONVERTED: tuple[tuple[type, dict[str, Any]], ...] = (
    (Momentum, {}),
    (Momentum, {"decay": 0.1}),
    (Corrected, {}),
    (Warming, {}),
    (Signed, {}),
    (Trusted, {}),
    (Lists, {}),
    (Balanced, {}),
)
