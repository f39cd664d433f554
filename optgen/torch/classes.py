"""torch optimizer classes for generated optimizers."""

from __future__ import annotations

import copyreg
from inspect import Signature
from typing import Any

from optgen.runtime.optimizer import Optimizer
from optgen.torch.arguments import arguments, defaulting, signature
from optgen.torch.optimizer import FusedOptimizer
from optgen.torch.peers import peer_of

#: Each class is created once, so copies have the same class.
_MADE: dict[tuple[type[Optimizer], str], type[FusedOptimizer]] = {}


def optimizer_class(rule: type[Optimizer], name: str = "") -> type[FusedOptimizer]:
    """A ``torch.optim.Optimizer`` class for any generated optimizer.

    The class has another ``name`` than the rule where one is given. Groups have the options of
    torch's class of the same formulas, if there is one.
    """
    key = rule, name or rule.__name__
    if key not in _MADE:
        peer = peer_of(rule)
        listed = defaulting(arguments(rule), peer)
        parameters = list(signature(listed).parameters.values())[1:]
        contents = {
            "rule": rule,
            "arguments": listed,
            "peer": peer,
            "__reduce__": _reduced,
            "__doc__": rule.__doc__,
            "__module__": "optgen.torch",
            "__signature__": Signature(parameters),
        }
        _MADE[key] = type(key[1], (FusedOptimizer,), contents)
    return _MADE[key]


def _reduced(optimizer: FusedOptimizer) -> tuple[Any, ...]:
    """The content of pickles: the rule, from which the class is created on demand.

    A subclass that a user wrote is found by its own name, as every class is.
    """
    kind = type(optimizer)
    is_made = _MADE.get((kind.rule, kind.__name__)) is kind
    made = (_empty, (kind.rule, kind.__name__)) if is_made else (copyreg.__newobj__, (kind,))  # type: ignore[attr-defined]
    return *made, optimizer.__getstate__()


def _empty(rule: type[Optimizer], name: str) -> FusedOptimizer:
    """An empty instance for a copy."""
    kind = optimizer_class(rule, name)
    return kind.__new__(kind)
