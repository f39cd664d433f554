"""The third noun: what kernels must do, for no particular target.

A step of the optimizer runs one *program*: ``update``, or the ``otherwise`` of a gate that does
not proceed; ``absent`` runs for the variables without a gradient. A program is a chain of
passes over the elements; all but the last are prepasses, which sum something up first.
"""

from __future__ import annotations

from dataclasses import dataclass

from optgen.compiler.ir.condition import Condition
from optgen.compiler.ir.expression import Expression
from optgen.compiler.ir.rule import Rule


@dataclass(frozen=True)
class Switch:
    """A static condition, under the name of the constant that holds it in a kernel.

    The condition is None where it is the runtime that decides.
    """

    name: str
    condition: Expression | None


@dataclass(frozen=True)
class Assignment:
    """``target = expression`` where the guard, over switches, holds; ``block`` says whose it is."""

    target: str
    expression: Expression
    guard: Condition
    block: str
    boolean: bool = False


@dataclass(frozen=True)
class Reduction:
    """Adds ``term`` of every element to the sum called ``target``, in float64."""

    target: str
    term: Expression
    guard: Condition
    block: str
    everywhere: bool
    """Whether the sum runs over all tensors or over each by itself."""


#: A line of a pass.
Item = Assignment | Reduction


def expression_of(item: Item) -> Expression:
    """What an item computes."""
    return item.term if isinstance(item, Reduction) else item.expression


@dataclass(frozen=True)
class Access:
    """A load or store of one element of a buffer."""

    buffer: str
    guard: Condition


@dataclass(frozen=True)
class Norm:
    """A tensor scalar that is the norm of the gradient, of one tensor or ``everywhere``."""

    name: str
    everywhere: bool
    guard: Condition


@dataclass(frozen=True)
class Prepass:
    """A pass that only reads and sums, and the scalars of each tensor that need its sums.

    While ``CHECK_FINITE`` is on, the first sum of a program's first one is NaN where an element of
    the gradient isn't finite, and else 0.
    """

    guard: Condition
    loads: tuple[Access, ...]
    body: tuple[Assignment | Reduction, ...]
    scalars: tuple[Assignment, ...]

    @property
    def reductions(self) -> tuple[Reduction, ...]:
        """The sums that it makes."""
        return tuple(item for item in self.body if isinstance(item, Reduction))


@dataclass(frozen=True)
class Program:
    """What happens to one variable in one call; nothing at all where the guard doesn't hold.

    ``gate`` names the host scalar that must be false for this program to run instead of
    the update.
    """

    name: str
    guard: Condition
    prepasses: tuple[Prepass, ...]
    loads: tuple[Access, ...]
    body: tuple[Assignment, ...]
    stores: tuple[Access, ...]
    gate: str | None = None
    norms: tuple[Norm, ...] = ()


@dataclass(frozen=True)
class Buffer:
    """An array that kernels reach by address: ``param``, ``grad`` or a state."""

    name: str
    guard: Condition


@dataclass(frozen=True)
class Plan:
    """All programs of an optimizer.

    ``host`` is computed once per call and row of hyperparameters, in float64; ``scalars`` are
    the host values that passes use.
    """

    rule: Rule
    switches: tuple[Switch, ...]
    buffers: tuple[Buffer, ...]
    host: tuple[Assignment, ...]
    scalars: tuple[str, ...]
    booleans: frozenset[str]
    programs: tuple[Program, ...]
