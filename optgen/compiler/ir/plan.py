"""The third noun: the programs of an optimizer, independent of the target.

A step runs one *program*: ``update``, or the ``otherwise`` of a gate that does not proceed; where
there is no gradient, ``absent``. It has *stages*: passes over elements, and scalars of their sums.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from optgen.compiler.ir.condition import Condition
from optgen.compiler.ir.expression import Expression, Name, Operation, names
from optgen.compiler.ir.extent import VECTORS, Extent
from optgen.compiler.ir.reduction import Combination
from optgen.compiler.ir.rule import COUNTERS, Rule, Step
from optgen.compiler.ir.storage import NATIVE, Storage


@dataclass(frozen=True)
class Switch:
    """A static condition, under the name of its constant in a kernel.

    The condition is None if the runtime decides the switch.
    """

    name: str
    condition: Expression | None

    @property
    def is_of_calls(self) -> bool:
        """Whether it is decided anew in each call."""
        return self.condition is not None and bool({*names(self.condition)} & {*COUNTERS})


@dataclass(frozen=True)
class Assignment:
    """``target = expression``, guarded by switches; ``block`` names the block it belongs to.

    There is one value for each unit of an ``extent``.
    """

    target: str
    expression: Expression
    guard: Condition
    block: str
    boolean: bool = False
    extent: Extent = Extent.ELEMENT


@dataclass(frozen=True)
class Reduction:
    """Reduces ``term``, which has one value for each unit of a ``source``, in float64.

    There is one result ``target`` for each unit of an ``extent``.
    """

    target: str
    term: Expression
    guard: Condition
    block: str
    extent: Extent
    source: Extent = Extent.ELEMENT
    combination: Combination = Combination.SUM
    #: Whether a stretch of elements may be reduced in the type of the parameter first.
    is_rough: bool = False


@dataclass(frozen=True)
class Hold:
    """Keeps the value of a ``term`` in a scratch matrix, for libraries and later passes."""

    target: str
    term: Expression
    guard: Condition
    block: str
    extent: Extent


@dataclass(frozen=True)
class Added:
    """A matrix that a product is added to: ``times*product + number*matrix``."""

    times: Expression
    number: Expression
    matrix: Name


@dataclass(frozen=True)
class MatrixCall:
    """``target = function``: a function of whole matrices, which a library computes.

    The operands are names of matrices, or their transposes. A product may be added to a matrix.
    """

    target: str
    function: Operation
    guard: Condition
    block: str
    extent: Extent
    added: Added | None = None

    @property
    def expression(self) -> Operation:
        """All that is computed."""
        if self.added is None:
            return self.function
        terms = ((self.added.times, self.function), (self.added.number, self.added.matrix))
        one, other = (Operation("*", term) for term in terms)
        return Operation("+", (one, other), self.function.location)


#: A line of a stage.
Item = Assignment | Reduction | Hold | MatrixCall
#: The items that a pass computes whether or not the pass needs their values.
RESULTS = (Reduction, Hold)


def expression_of(item: Item) -> Expression:
    """The expression of an item."""
    return item.term if isinstance(item, RESULTS) else item.expression


@dataclass(frozen=True)
class Access:
    """A load or store of one element of a buffer."""

    buffer: str
    guard: Condition


@dataclass(frozen=True)
class Keep:
    """At the end of a program, ``state = value``, where the state is a number or a vector."""

    state: str
    value: str
    guard: Condition


@dataclass(frozen=True)
class Norm:
    """A scalar that is the norm of the gradient: of each tensor, or of the whole optimizer."""

    name: str
    extent: Extent
    guard: Condition


@dataclass(frozen=True)
class ElementPass:
    """A stage that visits all elements of matrices once and can load, store and sum.

    While ``CHECK_FINITE`` is on, the first sum of the first pass of a program is NaN if an element
    of the gradient isn't finite, and 0 otherwise.
    """

    guard: Condition
    loads: tuple[Access, ...]
    body: tuple[Item, ...]
    stores: tuple[Access, ...] = ()
    #: Whether it reads or computes vectors, and so visits the variables row by row.
    is_axial: bool = False
    #: The extent of the matrices.
    over: Extent = Extent.ELEMENT

    @property
    def reductions(self) -> tuple[Reduction, ...]:
        """The reductions of the pass."""
        return tuple(item for item in self.body if isinstance(item, Reduction))

    @property
    def numbers(self) -> tuple[Reduction, ...]:
        """The reductions to one number of a tensor or of the optimizer."""
        return tuple(item for item in self.reductions if item.extent not in VECTORS)

    @property
    def assignments(self) -> tuple[Assignment, ...]:
        """The element-wise assignments of the pass."""
        return tuple(item for item in self.body if isinstance(item, Assignment))


@dataclass(frozen=True)
class Scalars:
    """A stage of float64 arithmetic on numbers and vectors.

    It runs once if its ``extent`` is the call or the optimizer, and else for each tensor.
    """

    extent: Extent
    body: tuple[Item, ...]

    @property
    def assignments(self) -> tuple[Assignment, ...]:
        """The assignments of the stage."""
        return tuple(item for item in self.body if isinstance(item, Assignment))


@dataclass(frozen=True)
class Phase:
    """A pass over elements, and what its results allow to be computed.

    The first phase of a program may have no pass. ``shared`` are numbers of the optimizer,
    ``scalars`` are numbers and vectors of each tensor, ``calls`` are functions of whole matrices.
    """

    elements: ElementPass | None
    shared: Scalars | None = None
    scalars: Scalars | None = None
    calls: tuple[MatrixCall, ...] = ()

    @property
    def passing(self) -> ElementPass:
        """The pass of a phase that has one."""
        assert self.elements is not None
        return self.elements

    @property
    def items(self) -> Iterator[Item]:
        """All items of the phase, in order."""
        for stage in (self.elements, self.shared, self.scalars):
            if stage is not None:
                yield from stage.body
        yield from self.calls


@dataclass(frozen=True)
class Program:
    """The phases of one call; skipped if the guard doesn't hold.

    ``gate`` names the host scalar that must be false for this program to run in place of the
    update. ``keeps`` are the numbers and vectors that persist.
    """

    name: str
    guard: Condition
    phases: tuple[Phase, ...]
    gate: str | None = None
    norms: tuple[Norm, ...] = ()
    keeps: tuple[Keep, ...] = ()
    #: What it was planned from: steps in order, guarded by switches, each with its block.
    steps: tuple[tuple[Step, str], ...] = field(default=(), repr=False, compare=False)

    @property
    def elements(self) -> ElementPass:
        """The last pass."""
        return self.phases[-1].passing

    @property
    def prepasses(self) -> tuple[Phase, ...]:
        """The phases whose passes run before the last one."""
        return tuple(phase for phase in self.phases[:-1] if phase.elements is not None)

    @property
    def items(self) -> Iterator[Item]:
        """All items of the program, in order."""
        for phase in self.phases:
            yield from phase.items


@dataclass(frozen=True)
class Buffer:
    """An array that kernels access by address.

    It is ``param``, ``grad``, a state, or a scratch vector that holds values between stages.
    """

    name: str
    guard: Condition
    extent: Extent = Extent.ELEMENT
    storage: Storage = NATIVE
    #: Scratch matrices of one extent and one slot share memory.
    slot: int = 0
    #: Whether products make it and nothing but products reads it.
    is_inner: bool = False


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
    #: Scratch vectors, and scratch matrices.
    vectors: tuple[Buffer, ...] = ()
    matrices: tuple[Buffer, ...] = ()

    @property
    def every_buffer(self) -> tuple[Buffer, ...]:
        """All buffers of the plan."""
        return (*self.buffers, *self.vectors, *self.matrices)
