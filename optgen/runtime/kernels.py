"""What a generated kernel file says about itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

#: Compiles a kernel for a dtype, a loop and a setting of switches.
Builder = Callable[..., Any]
Condition = Callable[[Mapping[str, bool]], bool]

#: Switches that the runtime sets: whether a step looks for elements of gradients that aren't
#: finite first, and whether an update leaves out what comes after a variable's constraint.
CHECK_FINITE, CONSTRAINED = "check_finite", "constrained"


def built(builder: Builder, on: Mapping[str, bool], *fixed: Any) -> Any:
    """What a builder makes for a setting of the switches; each is made once a process."""
    return _built(builder, fixed, tuple(on[name] for name in switches_of(builder)))


@cache
def switches_of(builder: Builder) -> tuple[str, ...]:
    """The switches that a builder asks for."""
    code = builder.__code__
    first = code.co_argcount
    return tuple(code.co_varnames[first : first + code.co_kwonlyargcount])


@cache
def _built(builder: Builder, fixed: tuple[Any, ...], values: tuple[bool, ...]) -> Any:
    return builder(*fixed, **dict(zip(switches_of(builder), values, strict=True)))


def always(on: Mapping[str, bool]) -> bool:
    """The condition of what runs under every setting of the switches."""
    return True


class MixedBuildError(ImportError):
    """A class and its kernels come from different builds, and may not compute the same rule."""


def load_kernels(module: str, fingerprint: str) -> Kernels:
    """The kernels in a module, imported where they are needed.

    Raises MixedBuildError where they are not those of the class with this fingerprint.
    """
    kernels: Kernels = import_module(module).KERNELS
    refuse_others(kernels, fingerprint, module)
    return kernels


def refuse_others(kernels: Kernels, fingerprint: str, where: str) -> None:
    """Raise MixedBuildError for kernels of another fingerprint; ``where`` says whose they are."""
    if kernels.fingerprint != fingerprint:
        raise MixedBuildError(
            f"{where}: a class and its kernels come from different builds; run optgen build again"
        )


@dataclass(frozen=True)
class Norm:
    """A factor that is the norm of the gradient: of each variable, or of all ``everywhere``."""

    factor: str
    everywhere: bool
    when: Condition


@dataclass(frozen=True)
class Prepass:
    """A pass that sums over variables, and the scalars of each variable made from the sums.

    Where the switch ``CHECK_FINITE`` is on, the first sum of a program's first prepass is NaN for
    a gradient with an element that isn't finite, and else 0.
    """

    sum_up: Builder
    scalars: Builder | None
    sums: int
    when: Condition


@dataclass(frozen=True)
class Program:
    """What happens to variables in one call.

    ``gate`` names the host scalar that is false when this program replaces the update;
    ``factors`` names the columns of the scalars that its prepasses leave for each variable.
    """

    name: str
    elements: Builder
    gate: str = ""
    when: Condition = always
    factors: tuple[str, ...] = ()
    norms: tuple[Norm, ...] = ()
    prepasses: tuple[Prepass, ...] = ()


@dataclass(frozen=True)
class Kernels:
    """All kernels of an optimizer for one target, and the columns of their tables.

    ``fingerprint`` is that of the class whose kernels they are: a digest of its specs, of the
    templates and of the compiler's version.
    """

    buffers: tuple[str, ...]
    scalars: tuple[str, ...]
    host: Builder
    programs: tuple[Program, ...]
    fingerprint: str = ""

    def program(self, name: str) -> Program | None:
        """The program of that name; None where the optimizer has none."""
        return next((program for program in self.programs if program.name == name), None)

    @property
    def gates(self) -> tuple[Program, ...]:
        """The programs that replace the update, in the order in which they are asked."""
        return tuple(program for program in self.programs if program.gate)
