"""Keras optimizer classes for generated optimizers, registered by name."""

from __future__ import annotations

from functools import cache, partialmethod
from inspect import Parameter, Signature, signature
from types import TracebackType
from typing import Any

import keras
import numpy as np
from keras.src.api_export import REGISTERED_NAMES_TO_OBJS
from keras.src.optimizers import ALL_OBJECTS_DICT

from optgen.keras.optimizer import FusedOptimizer
from optgen.keras.registered import PACKAGE, package_of
from optgen.runtime.front_ends import refuse_others
from optgen.runtime.hyperparameters.storage import ARGUMENTS as STORAGE
from optgen.runtime.kernels import MATRIX
from optgen.runtime.optimizer import Optimizer

#: The modules that Keras's own optimizers are saved under, by any backend and by torch's.
_OF_KERAS = "keras.optimizers"
_OF_TORCH = "keras.src.backend.torch.optimizers.torch_{}"
_MADE: dict[tuple[str, str], type[FusedOptimizer]] = {}


def optimizer_class(rule: type[Optimizer], name: str = "") -> type[FusedOptimizer]:
    """A ``keras.optimizers.Optimizer`` class for any generated optimizer.

    It is registered with the rule's name or another, so that it can be compiled by that string,
    and models that were saved with it be loaded: a rule of ``optgen.optimizers`` as
    ``"optgen>Name"``, any other as ``"optgen.own>Name"``. Raises ValueError where another rule has
    that name already.
    """
    refuse_others("optimizer_class", rule)
    name = name or rule.__name__
    package = package_of(rule)
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

    Models that were saved with Keras's optimizers are loaded with optgen's of the same names, where
    these have the same arguments and states. Acts at once, and for good; as a context manager until
    its end. Classes of a user's own rules are meant too where they were made before, and optgen has
    none of that name; saved models mean none of them.
    """

    def __init__(self) -> None:
        own_first = sorted(_MADE.items(), key=lambda item: item[0][0] == PACKAGE)
        names = {name.lower(): made for (_, name), made in own_first}
        own = {name: made for (package, name), made in _MADE.items() if package == PACKAGE}
        paths = {path: made for name, made in own.items() for path in _replaced(name)}
        self._before = [(ALL_OBJECTS_DICT, {name: ALL_OBJECTS_DICT.get(name) for name in names})]
        known = {path: REGISTERED_NAMES_TO_OBJS.get(path) for path in paths}
        self._before.append((REGISTERED_NAMES_TO_OBJS, known))
        ALL_OBJECTS_DICT.update(names)
        REGISTERED_NAMES_TO_OBJS.update(paths)

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for found, before in self._before:
            for name, value in before.items():
                if value is None:
                    found.pop(name, None)
                else:
                    found[name] = value


@cache
def _replaced(name: str) -> tuple[str, ...]:
    """What saved models call Keras's class of a name, if its states fit the one here.

    A class of a backend is saved by its own module.
    """
    theirs, made = getattr(keras.optimizers, name, None), _MADE[PACKAGE, name]
    if theirs is None:
        return ()
    sample, shapes = keras.Variable(np.zeros((2, 3))), []
    try:
        both = theirs(), made.from_config(theirs().get_config())
    except (TypeError, ValueError):  # Other arguments, or other numbers.
        return ()
    for one in both:
        one.build([sample])
        shapes.append([tuple(variable.shape) for variable in one.variables])
    modules = _OF_KERAS, type(both[0]).__module__, _OF_TORCH.format(name.lower())
    paths = tuple(f"{module}.{name}" for module in modules)
    return paths if shapes[0] == shapes[1] else ()
