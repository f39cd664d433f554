"""torch optimizer classes for generated optimizers."""

from __future__ import annotations

import copyreg
from typing import Any

from optgen.runtime.front_ends import refuse_others
from optgen.runtime.hyperparameters.storage import ARGUMENTS as STORAGE
from optgen.runtime.optimizer import Optimizer
from optgen.torch.annotations import COMMON, type_of
from optgen.torch.arguments import Argument, arguments, defaulting, signature
from optgen.torch.docstrings import docstring
from optgen.torch.optimizer import FusedOptimizer
from optgen.torch.peers import peer_of

#: Each class is created once, so copies have the same class.
_MADE: dict[tuple[type[Optimizer], str], type[FusedOptimizer]] = {}


def optimizer_class(rule: type[Optimizer], name: str = "") -> type[FusedOptimizer]:
    """A ``torch.optim.Optimizer`` class for any generated optimizer.

    The class has another ``name`` than the rule where one is given. Groups have the options of
    torch's class of the same formulas, if there is one.
    """
    refuse_others("optimizer_class", rule)
    key = rule, name or rule.__name__
    if key not in _MADE:
        peer = peer_of(rule)
        listed = defaulting(arguments(rule), peer)
        contents = {
            "rule": rule,
            "arguments": listed,
            "peer": peer,
            "__init__": _constructor(listed),
            "__reduce__": _reduced,
            "__doc__": docstring(rule, listed, STORAGE),
            "__module__": "optgen.torch",
        }
        _MADE[key] = type(key[1], (FusedOptimizer,), contents)
    return _MADE[key]


def _constructor(listed: tuple[Argument, ...]) -> Any:
    """The constructor of a class, whose arguments tools can read."""

    def __init__(self: FusedOptimizer, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        FusedOptimizer.__init__(self, *args, **kwargs)

    types = {**COMMON, **{argument.name: type_of(argument) for argument in listed}}
    shown: Any = __init__
    shown.__signature__ = signature(listed, types)
    names = shown.__signature__.parameters
    shown.__annotations__ = {n: types[n] for n in names if n in types} | {"return": None}
    return shown


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
