"""The third noun: the programs of an optimizer, independent of the target.

A step runs one *program*: ``update``, or the ``otherwise`` of a gate that does not proceed;
``absent`` runs for variables without a gradient. A program is a list of *stages*: passes over the
elements, and between them scalars computed from their sums.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from optgen.compiler.ir.condition import Condition
from optgen.compiler.ir.expression import Expression
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.rule import Rule
from optgen.compiler.ir.storage import NATIVE, Storage


@dataclass(frozen=True)
class Switch:
    """A static condition, under the name of its constant in a kernel.

    The condition is None if the runtime decides the switch.
    """

    name: str
    condition: Expression | None


@dataclass(frozen=True)
class Assignment:
    """``target = expression``, guarded by switches; ``block`` names the block it belongs to."""

    target: str
    expression: Expression
    guard: Condition
    block: str
    boolean: bool = False


@dataclass(frozen=True)
class Reduction:
    """Adds ``term`` of every element to the sum ``target``, in float64."""

    target: str
    term: Expression
    guard: Condition
    block: str
    extent: Extent
    """The extent of the sum: tensor or optimizer."""


#: A line of a pass over elements.
Item = Assignment | Reduction


def expression_of(item: Item) -> Expression:
    """The expression of an item."""
    return item.term if isinstance(item, Reduction) else item.expression


@dataclass(frozen=True)
class Access:
    """A load or store of one element of a buffer."""

    buffer: str
    guard: Condition


@dataclass(frozen=True)
class Norm:
    """A scalar that is the norm of the gradient: of each tensor, or of the whole optimizer."""

    name: str
    extent: Extent
    guard: Condition


@dataclass(frozen=True)
class ElementPass:
    """A stage that visits all elements once and can load, store and sum.

    While ``CHECK_FINITE`` is on, the first sum of the first pass of a program is NaN if an element
    of the gradient isn't finite, and 0 otherwise.
    """

    guard: Condition
    loads: tuple[Access, ...]
    body: tuple[Item, ...]
    stores: tuple[Access, ...] = ()

    @property
    def reductions(self) -> tuple[Reduction, ...]:
        """The reductions of the pass."""
        return tuple(item for item in self.body if isinstance(item, Reduction))

    @property
    def assignments(self) -> tuple[Assignment, ...]:
        """The element-wise assignments of the pass."""
        return tuple(item for item in self.body if isinstance(item, Assignment))


@dataclass(frozen=True)
class Scalars:
    """A stage that computes one number per unit of an ``extent``, in float64."""

    extent: Extent
    body: tuple[Assignment, ...]


#: A stage of a program.
Stage = ElementPass | Scalars


class Prepass(NamedTuple):
    """A pass that only reads and sums, and the scalars of each tensor that depend on its sums."""

    sums: ElementPass
    scalars: Scalars


@dataclass(frozen=True)
class Program:
    """The stages of one call; skipped if the guard doesn't hold.

    The last stage is the pass that stores. ``gate`` names the host scalar that must be false for
    this program to run in place of the update.
    """

    name: str
    guard: Condition
    stages: tuple[Stage, ...]
    gate: str | None = None
    norms: tuple[Norm, ...] = ()

    @property
    def elements(self) -> ElementPass:
        """The pass that stores."""
        last = self.stages[-1]
        assert isinstance(last, ElementPass)
        return last

    @property
    def prepasses(self) -> tuple[Prepass, ...]:
        """The passes before the storing pass, each with the scalars derived from its sums."""
        return tuple(
            Prepass(one, after)
            for one, after in pairwise(self.stages)
            if isinstance(one, ElementPass) and isinstance(after, Scalars)
        )

    @property
    def items(self) -> Iterator[Item]:
        """All items of the program, in order."""
        for stage in self.stages:
            yield from stage.body


@dataclass(frozen=True)
class Buffer:
    """An array that kernels access by address: ``param``, ``grad`` or a state."""

    name: str
    guard: Condition
    extent: Extent = Extent.ELEMENT
    storage: Storage = NATIVE


@dataclass(frozen=True)
class Plan:
    """All programs of an optimizer.

    ``host`` is computed once per call and row of hyperparameters; ``scalars`` are the host values
    that passes use.
    """

    rule: Rule
    switches: tuple[Switch, ...]
    buffers: tuple[Buffer, ...]
    host: Scalars
    scalars: tuple[str, ...]
    booleans: frozenset[str]
    programs: tuple[Program, ...]
