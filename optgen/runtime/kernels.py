"""Programs of an optimizer, and the compiled kernels of a target."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

from optgen.runtime.hyperparameters.declarations import Switch, always
from optgen.runtime.matrix_calls import ELEMENT, MatrixCall

#: Compiles a kernel for a dtype, a loop and a setting of switches.
Builder = Callable[..., Any]
Condition = Callable[[Mapping[str, bool]], bool]

#: Switches that the runtime sets: whether a step checks gradients for elements that aren't
#: finite first, and whether an update leaves out what comes after a variable's constraint.
CHECK_FINITE, CONSTRAINED = "check_finite", "constrained"
#: The scalars that rules with random numbers have: whole numbers.
RANDOM = ("random_seed", "random_step", *(f"random_key_{count}" for count in range(1, 9)))
#: The switch of variables that are matrices in the view of their rule.
MATRIX = "matrix"
#: The program that computes what evaluation uses.
EVALUATE = "evaluate"
#: The program that moves variables to where the next gradient is taken, and the switch of updates
#: with such a gradient.
PERTURB, PERTURBED = "perturb", "perturbed"
#: The program that comes back from there without an update.
COME_BACK = "come_back"
#: Programs that don't check gradients.
_UNCHECKED = frozenset({"absent", EVALUATE, PERTURB, COME_BACK})
#: The shape of states that all variables share.
OPTIMIZER = "optimizer"


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


class MixedBuildError(ImportError):
    """A class and its kernels come from different builds, and may not compute the same rule."""


class UnsupportedTargetError(NotImplementedError):
    """A target has no code for a rule, since it lacks something that the rule needs."""


@dataclass(frozen=True)
class Norm:
    """A factor that is the gradient norm: of each variable, or ``everywhere`` of all."""

    factor: str
    everywhere: bool
    when: Condition


@dataclass(frozen=True)
class Keep:
    """A state that isn't an array of elements, and the number or vector that it becomes."""

    state: str
    value: str
    when: Condition
    shape: str


@dataclass(frozen=True)
class Phase:
    """A pass over elements, and the numbers and vectors made from its results.

    ``sums`` is how many numbers the pass computes for each variable; ``rows`` and ``columns`` how
    many vectors, where it ``is_axial``: then matrices are visited row by row. It ``stores`` arrays
    if it isn't a pass that only reads. Where the switch ``CHECK_FINITE`` is on, the first sum of a
    program's first pass is NaN for a gradient with an element that isn't finite, and else 0.
    """

    sums: int = 0
    when: Condition = always
    is_pass: bool = True
    rows: int = 0
    columns: int = 0
    is_axial: bool = False
    stores: bool = False
    #: Whether its numbers are due where the pass doesn't run.
    is_due_anyway: bool = False
    #: Whether it makes numbers of the optimizer, and numbers or vectors of each variable.
    has_shared: bool = False
    has_scalars: bool = False
    #: Whether it makes a sum over all variables while there are scratch matrices.
    has_totals: bool = False
    #: For each of the numbers 0 if it is a sum, 1 for a largest and -1 for a smallest value; empty
    #: if all are sums.
    orders: tuple[int, ...] = ()
    #: The vectors by name, each with such a number.
    vectors: tuple[tuple[str, int], ...] = ()
    #: The shape of the matrices that the pass visits, and whether it leaves scratch matrices.
    over: str = ELEMENT
    holds: bool = False
    #: What libraries compute after it.
    calls: tuple[MatrixCall, ...] = ()
    #: What the target has for it.
    elements: Builder | None = None
    axes: Builder | None = None
    shared: Builder | None = None
    scalars: Builder | None = None

    @property
    def changes(self) -> bool:
        """Whether it stores what later steps, or later stages of this one, read from memory."""
        return bool(self.stores or self.holds or self.calls)

    @property
    def reduces(self) -> bool:
        """Whether its pass computes anything besides arrays."""
        return bool(self.sums or self.rows or self.columns)

    @property
    def every_order(self) -> tuple[int, ...]:
        """For each of the numbers 0 if it is a sum, 1 or -1 for a largest or smallest value."""
        return self.orders or (0,) * self.sums

    def builder(self, on: Mapping[str, bool]) -> Builder | None:
        """What runs over the elements of variables of a switch setting, if anything."""
        if not self.is_pass or not self.when(on):
            return None
        return self.axes if self._by_rows(on) else self.elements

    def reduces_over(self, on: Mapping[str, bool]) -> bool:
        """Whether what runs over such variables reduces them: vectors are of matrices only."""
        return bool(self.sums) or (self._by_rows(on) and self.reduces)

    def _by_rows(self, on: Mapping[str, bool]) -> bool:
        return self.is_axial and on.get(MATRIX, False)


@dataclass(frozen=True)
class Program:
    """The kernels of one call.

    ``gate`` names the host scalar that is false when this program replaces the update;
    ``factors`` names the columns of the numbers that its phases leave for each variable.
    """

    name: str
    gate: str = ""
    when: Condition = always
    norms: tuple[Norm, ...] = ()
    phases: tuple[Phase, ...] = (Phase(),)
    keeps: tuple[Keep, ...] = ()
    factors: tuple[str, ...] = ()

    @property
    def checks(self) -> bool:
        """Whether its first sum says if gradients are finite, where they are checked."""
        return self.name not in _UNCHECKED

    @property
    def prepasses(self) -> tuple[Phase, ...]:
        """The phases before the last one."""
        return self.phases[:-1]

    @property
    def elements(self) -> Phase:
        """The phase with the last pass."""
        return self.phases[-1]

    @property
    def is_single(self) -> bool:
        """Whether one pass stores everything, for any variables alone."""
        return self.pure == len(self.phases) - 1 and not (self.keeps or self.phases[-1].sums)

    @property
    def pure(self) -> int:
        """The number of phases at the beginning that change nothing."""
        last = len(self.phases) - 1
        return next(k for k, phase in enumerate(self.phases) if phase.changes or k == last)

    @property
    def common(self) -> int:
        """The number of phases at the beginning that have no scratch matrices.

        The others may run for some variables after the other, unless numbers of the optimizer
        follow from them.
        """
        every = [*enumerate(self.phases)]
        first = next((k for k, one in every if one.holds or one.calls), len(every))
        left = self.phases[first:]
        are_joint = any(phase.has_shared or phase.has_totals for phase in left)
        return len(every) if are_joint else first


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
    #: Vectors that aren't states, each with what it has one number for.
    vectors: tuple[tuple[str, str], ...] = ()
    #: Scratch matrices by name, each with its shape; those of one slot share memory.
    matrices: tuple[tuple[str, str, int], ...] = ()
    #: Switches that each call decides.
    decided: tuple[Switch, ...] = ()

    def program(self, name: str) -> Program | None:
        """The program of that name; None where the optimizer has none."""
        return next((program for program in self.programs if program.name == name), None)

    @property
    def gates(self) -> tuple[Program, ...]:
        """The programs that may replace the update, in the order of their gates."""
        return tuple(program for program in self.programs if program.gate)

    def take_sums(self, switches: Sequence[Mapping[str, bool]]) -> bool:
        """Whether any program reduces variables of these settings, or their rows or columns."""
        phases = [phase for program in self.programs for phase in program.phases if phase.reduces]
        return any(phase.when(on) for phase in phases for on in switches)

    @property
    def widths(self) -> Widths:
        """How many numbers a row of each table has."""
        # Behind the addresses of buffers is that of the variable's remainder.
        return Widths(len(self.buffers) + 1, len(self.scalars), len(self.factors))


def kernels_in(
    module: ModuleType,
    shared: ModuleType,
    buffers: tuple[str, ...],
    scalars: tuple[str, ...],
    factors: tuple[str, ...],
    programs: tuple[Program, ...],
    vectors: tuple[tuple[str, str], ...] = (),
    matrices: tuple[tuple[str, str, int], ...] = (),
    decided: tuple[Switch, ...] = (),
) -> Kernels:
    """The kernels of an optimizer: its own, and those that it shares with others."""

    def builder(name: str) -> Builder:
        found: Builder = getattr(module, name, None) or getattr(shared, name)
        return found

    def found(name: str) -> Builder | None:
        return getattr(module, name, None) or getattr(shared, name, None)

    def bound(program: Program) -> Program:
        phases, first = [], 1 if program.phases[0].is_pass else 0
        for number, phase in enumerate(program.phases, first):
            ending = "" if number == 1 else f"_{number}"
            is_last = number == len(program.phases) - 1 + first
            name = program.name if is_last else f"{program.name}_sums{ending}"
            phases.append(
                replace(
                    phase,
                    elements=found(name),
                    axes=found(f"{name}_axes") if phase.is_axial else None,
                    shared=found(f"{program.name}_shared{ending}") if phase.has_shared else None,
                    scalars=found(f"{program.name}_scalars{ending}") if phase.has_scalars else None,
                )
            )
        return replace(program, phases=tuple(phases), factors=factors)

    every = tuple(map(bound, programs))
    scratch = vectors, matrices
    return Kernels(buffers, scalars, builder("host_scalars"), every, factors, *scratch, decided)
