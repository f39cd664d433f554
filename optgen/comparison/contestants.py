"""Rules by name, with values: what is compared, and how a run of it begins."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import optgen
from optgen.comparison.tasks.task import Array
from optgen.compiler.ir.problem import UsageError
from optgen.missing_packages import require
from optgen.runtime.optimizer import Optimizer

_CALL = re.compile(r"(?P<name>[^()]+)(?:\((?P<values>[^()]*)\))?")
#: What stands before a class of torch's.
_TORCH = "torch."
#: The hyperparameter that is searched for, and what torch calls it.
_RATE, _TORCH_RATE = "learning_rate", "lr"

Values = Mapping[str, Any]
Arrays = Mapping[str, Array]


@dataclass(frozen=True)
class Started:
    """A step of an optimizer, and the context in which parameters are what it evaluates."""

    step: Callable[[], object]
    evaluating: Callable[[], AbstractContextManager[object]] = nullcontext


@dataclass(frozen=True)
class Contestant:
    """A rule as it was named; ``rate`` is None where there is none to search for.

    ``start`` begins with parameters and gradients, at a learning rate.
    """

    title: str
    rate: float | None
    start: Callable[[Arrays, Arrays, float | None], Started]


def contestant(text: str, read: Callable[[list[str]], Values]) -> Contestant:
    """A contestant from ``NAME`` or ``NAME(key=value, …)``; ``read`` reads such values.

    The name is a built-in optimizer's, a spec file's, or ``torch.`` and a class of torch's. A
    learning rate among the values is kept. Raises UsageError, and SpecError for a wrong spec.
    """
    called = _CALL.fullmatch(text.strip())
    if called is None:
        raise UsageError(f"{text!r} is neither a rule nor a rule with values, NAME(key=value)")
    name = called["name"].strip()
    values = read([part for part in (called["values"] or "").split(",") if part.strip()])
    make = _of_torch if name.startswith(_TORCH) else _of_optgen
    try:
        return make(text.strip(), name, values)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{text.strip()}: {error}") from None


def _of_optgen(title: str, name: str, values: Values) -> Contestant:
    kind, config = _class_of(name)
    config |= values
    needed = [one.name for one in kind.inputs if not one.optional]
    if needed:
        raise UsageError(f"it needs {', '.join(needed)} in every step, which no task has")
    first = kind.from_config(config)
    searched = _RATE not in values and any(one.name == _RATE for one in kind.hyperparameters)

    def start(parameters: Arrays, gradients: Arrays, rate: float | None) -> Started:
        chosen = {} if rate is None else {_RATE: rate}
        optimizer = kind.from_config({**config, **chosen})
        optimizer.build(parameters)
        given = list(gradients.values())
        averages = optimizer.averaged if kind.has_average() else nullcontext
        return Started(lambda: optimizer.apply(given), averages)

    return Contestant(title, float(first.learning_rate) if searched else None, start)


def _class_of(name: str) -> tuple[Any, dict[str, Any]]:
    """The class of a rule, and its arguments where a built-in name stands for some."""
    registry: Any = import_module("optgen.optimizers")
    try:
        known = registry.get(name)
    except ValueError:
        kind: Any = optgen.compile(name)
        if not issubclass(kind, Optimizer):
            raise UsageError(f"{name} is no optimizer") from None
        return kind, {}
    return type(known), dict(known.get_config())


def _of_torch(title: str, name: str, values: Values) -> Contestant:
    require(title, "torch")
    torch: Any = import_module("torch")
    kind: Any = getattr(torch.optim, name.removeprefix(_TORCH), None)
    if not isinstance(kind, type) or not issubclass(kind, torch.optim.Optimizer):
        raise UsageError(f"torch.optim has no optimizer {name.removeprefix(_TORCH)!r}")
    first = kind([torch.nn.Parameter(torch.zeros(1))], **values)

    def start(parameters: Arrays, gradients: Arrays, rate: float | None) -> Started:
        tensors = []  # They share the memory of the arrays.
        for path, array in parameters.items():
            tensor = torch.nn.Parameter(torch.from_numpy(array))
            tensor.grad = torch.from_numpy(gradients[path])
            tensors.append(tensor)
        chosen = {} if rate is None else {_TORCH_RATE: rate}
        return Started(kind(tensors, **{**values, **chosen}).step)

    rate = None if _TORCH_RATE in values else float(first.defaults[_TORCH_RATE])
    return Contestant(title, rate, start)
