"""Programs of an optimizer, and the compiled kernels of a target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

#: Compiles a kernel for a dtype, a loop and a setting of switches.
Builder = Callable[..., Any]
Condition = Callable[[Mapping[str, bool]], bool]

#: Switches that the runtime sets: whether a step checks gradients for elements that aren't
#: finite first, and whether an update leaves out what comes after a variable's constraint.
CHECK_FINITE, CONSTRAINED = "check_finite", "constrained"


def built(builder: Builder, on: Mapping[str, bool], *fixed: Any) -> Any:
    """The kernel of a builder for a switch setting, cached by process."""
    return _built(builder, fixed, tuple(on[name] for name in switches_of(builder)))


@cache
def switches_of(builder: Builder) -> tuple[str, ...]:
    """The switches that a builder takes.

    A name that its code needs for itself has an underscore there, as no name of a spec has.
    """
    return tuple(name.removesuffix("_") for name in _keywords(builder))


def _keywords(builder: Builder) -> tuple[str, ...]:
    code = builder.__code__
    first = code.co_argcount
    return code.co_varnames[first : first + code.co_kwonlyargcount]


@cache
def _built(builder: Builder, fixed: tuple[Any, ...], values: tuple[bool, ...]) -> Any:
    return builder(*fixed, **dict(zip(_keywords(builder), values, strict=True)))


def always(on: Mapping[str, bool]) -> bool:
    """The condition that holds in every switch setting."""
    return True


class MixedBuildError(ImportError):
    """A class and its kernels come from different builds, and may not compute the same rule."""


@dataclass(frozen=True)
class Norm:
    """A factor that is the gradient norm: of each variable, or ``everywhere`` of all."""

    factor: str
    everywhere: bool
    when: Condition


def unbound(*_: Any, **__: Any) -> Any:
    """A placeholder for a function of a target."""
    raise TypeError("these are no kernels of a target")


@dataclass(frozen=True)
class Prepass:
    """A pass that sums over variables, and the scalars of each variable made from the sums.

    Where the switch ``CHECK_FINITE`` is on, the first sum of a program's first prepass is NaN for
    a gradient with an element that isn't finite, and else 0.
    """

    sums: int
    when: Condition
    makes_scalars: bool = True
    sum_up: Builder = unbound
    scalars: Builder | None = None


@dataclass(frozen=True)
class Program:
    """The kernels of one call.

    ``gate`` names the host scalar that is false when this program replaces the update;
    ``factors`` names the columns of the scalars that its prepasses leave for each variable.
    """

    name: str
    gate: str = ""
    when: Condition = always
    norms: tuple[Norm, ...] = ()
    prepasses: tuple[Prepass, ...] = ()
    factors: tuple[str, ...] = ()
    elements: Builder = unbound


class Widths(NamedTuple):
    """How many numbers a row of each table has."""

    buffers: int
    scalars: int
    factors: int


@dataclass(frozen=True)
class Kernels:
    """All kernels of an optimizer for one target, and the columns of their tables."""

    buffers: tuple[str, ...]
    scalars: tuple[str, ...]
    host: Builder
    programs: tuple[Program, ...]
    factors: tuple[str, ...] = ()

    def program(self, name: str) -> Program | None:
        """The program of that name; None where the optimizer has none."""
        return next((program for program in self.programs if program.name == name), None)

    @property
    def gates(self) -> tuple[Program, ...]:
        """The programs that may replace the update, in the order of their gates."""
        return tuple(program for program in self.programs if program.gate)

    @property
    def widths(self) -> Widths:
        """How many numbers a row of each table has."""
        return Widths(len(self.buffers), len(self.scalars), len(self.factors))


def kernels_in(
    module: ModuleType,
    shared: ModuleType,
    buffers: tuple[str, ...],
    scalars: tuple[str, ...],
    factors: tuple[str, ...],
    programs: tuple[Program, ...],
) -> Kernels:
    """The kernels of an optimizer: its own, and those that it shares with others."""

    def builder(name: str) -> Builder:
        found: Builder = getattr(module, name, None) or getattr(shared, name)
        return found

    def bound(program: Program) -> Program:
        prepasses = []
        for number, prepass in enumerate(program.prepasses):
            ending = f"_{number + 1}" if number else ""
            scalars = builder(f"{program.name}_scalars{ending}") if prepass.makes_scalars else None
            sums = builder(f"{program.name}_sums{ending}")
            prepasses.append(replace(prepass, sum_up=sums, scalars=scalars))
        own = builder(program.name)
        return replace(program, elements=own, prepasses=tuple(prepasses), factors=factors)

    every = tuple(map(bound, programs))
    return Kernels(buffers, scalars, builder("host_scalars"), every, factors)
