"""Keras optimizer classes for generated optimizers, registered by name."""

from __future__ import annotations

from functools import partialmethod
from inspect import Parameter, Signature, signature
from types import TracebackType
from typing import Any

import keras
from keras.src.optimizers import ALL_OBJECTS_DICT

import optgen.optimizers as generated
from optgen.keras.optimizer import FusedOptimizer
from optgen.runtime.hyperparameters.storage import ARGUMENTS as STORAGE
from optgen.runtime.kernels import MATRIX
from optgen.runtime.optimizer import Optimizer

#: The prefixes of registered names: of rules that belong to optgen, and of all others.
PACKAGE, OWN = "optgen", "optgen.own"
_MADE: dict[tuple[str, str], type[FusedOptimizer]] = {}


def optimizer_class(rule: type[Optimizer], name: str = "") -> type[FusedOptimizer]:
    """A ``keras.optimizers.Optimizer`` class for any generated optimizer.

    It is registered with the rule's name or another, so that it can be compiled by that string,
    and models that were saved with it be loaded: a rule of ``optgen.optimizers`` as
    ``"optgen>Name"``, any other as ``"optgen.own>Name"``. Raises ValueError where another rule has
    that name already.
    """
    name = name or rule.__name__
    package = PACKAGE if rule.__module__.startswith(f"{generated.__name__}.") else OWN
    made = _MADE.get((package, name))
    if made is not None:
        if made.rule is not rule:
            message = f"another rule is registered as '{package}>{name}'"
            raise ValueError(f'{message}: give this one a name, optimizer_class(…, "{name}2")')
        return made
    accepted = list(_arguments(rule))
    contents: dict[str, object] = {
        "rule": rule,
        "__doc__": rule.__doc__,
        "__module__": "optgen.keras",
        "__signature__": Signature(accepted),
    }
    excludable = [h.name for h in rule.hyperparameters if h.excluded is not None]
    for one in [*excludable, *([MATRIX] if rule.view else [])]:
        contents[f"exclude_from_{one}"] = partialmethod(FusedOptimizer.exclude, one)
    made = type(name, (FusedOptimizer,), contents)
    keras.saving.register_keras_serializable(package, name)(made)
    _MADE[package, name] = made
    return made


def _arguments(rule: type[Optimizer]) -> list[Parameter]:
    """The hyperparameters, storage and a name; Keras variables carry all other settings."""
    wanted = {"name", *STORAGE, *(h.name for h in rule.hyperparameters)}
    every = signature(rule.__init__).parameters.values()
    return [argument for argument in every if argument.name in wanted]


def get(identifier: Any) -> Any:
    """``keras.optimizers.get``, with plain names resolved to optgen's optimizers."""
    with install():
        return keras.optimizers.get(identifier)


class install:  # noqa: N801
    """Resolve plain names, in any case, to optgen's optimizers wherever Keras takes a string.

    Acts at once, and for good; as a context manager until its end. Classes of a user's own rules
    are meant too where they were made before, and optgen has none of that name.
    """

    def __init__(self) -> None:
        own_first = sorted(_MADE.items(), key=lambda item: item[0][0] == PACKAGE)
        names = {name.lower(): made for (_, name), made in own_first}
        self._before = {name: ALL_OBJECTS_DICT.get(name) for name in names}
        ALL_OBJECTS_DICT.update(names)

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for name, before in self._before.items():
            if before is None:
                ALL_OBJECTS_DICT.pop(name, None)
            else:
                ALL_OBJECTS_DICT[name] = before
