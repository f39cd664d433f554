"""Options of groups besides hyperparameters, for compatibility with torch's classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import torch

from optgen.runtime.optimizer import Optimizer
from optgen.torch.arguments import IMPLEMENTATIONS, Argument
from optgen.torch.states import AGE

#: The option of parameters whose updates a graph may make.
CAPTURABLE = "capturable"
#: A class of torch's, if there is one with the same formulas.
Peer = Any
#: Rules with the formulas of torch's class are called that and the name of the class.
PREFIX = "Torch"


def peer_of(rule: type[Optimizer]) -> Peer:
    """Torch's class of the same formulas, if a rule has its name and arguments."""
    found = getattr(torch.optim, rule.__name__.removeprefix(PREFIX), None)
    names = {name for name, _ in rule.torch_names}
    if not names or not rule.__name__.startswith(PREFIX) or found is None:
        return None
    return found if names <= options_of(found).keys() else None


def _sample() -> torch.Tensor:
    """A parameter that every class takes: a matrix, as some take no others."""
    return torch.zeros(1, 1)


@cache
def options_of(peer: Peer) -> Mapping[str, Any]:
    """The options of groups in torch's class of the same formulas, with defaults."""
    if peer is None:
        return dict.fromkeys(IMPLEMENTATIONS)
    return dict(peer([_sample()]).defaults)


@cache
def counts_updates(peer: Peer) -> bool:
    """Whether the state of torch's class has the number of updates of a parameter."""
    if peer is None:
        return True
    sample = _sample().requires_grad_()
    sample.grad = _sample()
    optimizer = peer([sample])
    step = type(optimizer).step
    # Hooks that users have for all optimizers are around it.
    getattr(step, "__wrapped__", step)(optimizer)
    return AGE in optimizer.state[sample]


def has_dimensions(peer: Peer, rule: type[Optimizer]) -> bool:
    """Whether vectors of rows and columns have as many dimensions as their parameter, as torch's.

    The matrices of such a rule are those of the last two dimensions.
    """
    return peer is not None and rule.view == "last two"


def group_defaults(
    arguments: Sequence[Argument], values: Mapping[str, Any], peer: Peer
) -> dict[str, Any]:
    """The defaults of groups; options unknown to torch's class only if set."""
    options = options_of(peer)
    defaults = {
        a.name: values[a.name]
        for a in arguments
        if a.is_grouped and (peer is None or a.name in options or values[a.name] != a.default)
    }
    for name, value in options.items():
        chosen = values.get(name)
        defaults.setdefault(name, value if chosen is None else chosen)
    return defaults


def constants(peer: Peer, arguments: Sequence[Argument]) -> Mapping[str, Any]:
    """Options that identify the rule and can't be set by users."""
    chosen = {*(argument.name for argument in arguments), *IMPLEMENTATIONS}
    return {name: value for name, value in options_of(peer).items() if name not in chosen}


def refuse_chosen(chosen: Mapping[str, Any], owner: str, peer: Peer) -> None:
    """Raise ValueError for options that torch's class doesn't have."""
    if chosen.get(CAPTURABLE) and CAPTURABLE not in options_of(peer):
        raise ValueError(f"{owner}: torch's class has no {CAPTURABLE}, and no graph captures it")


def refuse_other(group: Mapping[str, Any], known: Mapping[str, Any], owner: str) -> None:
    """Raise ValueError for a group that another rule's optimizer made."""
    for name, value in known.items():
        if group.get(name, value) != value:
            raise ValueError(
                f"{owner}: the state is of an optimizer with {name}={group[name]}, here it is "
                f"{value}; load it into the class that made it"
            )
