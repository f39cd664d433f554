"""The generated functions of a rule that are operations of torch."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import torch

from optgen.runtime.kernels import Program as Declared
from optgen.runtime.kernels import UnsupportedTargetError
from optgen.runtime.rule_metadata import Generated, mixed
from optgen.torch.distributed import whole

Tensor = torch.Tensor
#: Parts of sums over all parameters, each with the number of its sum, which is sent back.
Parts = Generator[tuple[int, Tensor], Tensor, None]
Function = Callable[..., Any]
_UPDATE = "update"


@dataclass(frozen=True)
class Program:
    """One program: its function, and what decides whether an update runs in its place."""

    declared: Declared
    function: Function
    gate: Function | None


def programs_of(rule: type[Generated]) -> Mapping[str, Program]:
    """The programs of a rule by name.

    Raises MixedBuildError where they come from another build than the class, and
    UnsupportedTargetError where there are none.
    """
    own: Any = rule.rule_class()
    return _programs_of(own)


@cache
def _programs_of(own: Any) -> Mapping[str, Program]:
    package, _, module = own.__module__.rpartition(".")
    path = f"{package}.torch.{module}"
    try:
        found = import_module(path)
    except ModuleNotFoundError as error:
        if error.name not in (path, f"{package}.torch"):
            raise
        raise UnsupportedTargetError(f"{own.__name__} was built without torch's target") from None
    if own.fingerprint != found.FINGERPRINT:
        raise mixed(path)
    return {
        one.name: Program(
            one, getattr(found, one.name), getattr(found, one.gate) if one.gate else None
        )
        for one in own.layout.programs
    }


def called(
    function: Function | None, tensors: dict[str, Tensor] | None, values: Mapping[str, Any]
) -> Any:
    """The result of a function, given the values that it takes by name."""
    assert function is not None
    wanted = names(function)
    # A name that a function needs for itself has an underscore there.
    given = {name: values[name.removesuffix("_")] for name in wanted}
    return function(**given) if tensors is None else function(tensors, **given)


@cache
def names(function: Function) -> tuple[str, ...]:
    """The names of the values that a function takes."""
    code = function.__code__
    first = code.co_argcount
    return code.co_varnames[first : first + code.co_kwonlyargcount]


def together(started: Iterable[Parts | None]) -> None:
    """Run functions that yield parts of sums over all parameters, and take the sums.

    Those that are None have run already.
    """
    totals: dict[Parts, Tensor | None] = {one: None for one in started if one is not None}
    waiting: dict[Parts, tuple[int, Tensor]] = {}
    while totals:
        for one, total in totals.items():
            try:
                waiting[one] = next(one) if total is None else one.send(total)
            except StopIteration:
                waiting.pop(one, None)
        first = min((number for number, _ in waiting.values()), default=-1)
        parts = {one: part for one, (number, part) in waiting.items() if number == first}
        whole = _sum([*parts.values()])
        totals = {one: whole[part.device] for one, part in parts.items()}


def _sum(parts: list[Tensor]) -> Mapping[torch.device, Tensor]:
    """The sum of numbers, on each of their devices."""
    if not parts:
        return {}
    parts = [whole(part) for part in parts]
    total = torch.stack([part.to(parts[0].device) for part in parts]).sum()
    return {device: total.to(device) for device in {part.device for part in parts}}
