"""The functions of generated code as values: typed statements, for no particular target.

A target prints each statement as one line; guards become nested ifs.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

from optgen.compiler.ir.condition import Condition
from optgen.compiler.ir.expression import Expression
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.plan import (
    Item,
    Program,
    Reduction,
    expression_of,
)


class Table(Enum):
    """Where a scalar is read or written."""

    HYPERPARAMETERS = "hyperparameters"
    SCALARS = "scalars"
    FACTORS = "factors"
    #: Numbers of the optimizer.
    SHARED = "shared"
    #: States that are numbers, by address.
    NUMBERS = "numbers"
    SUMS = "sums"
    TOTALS = "totals"
    SIZES = "sizes"


@dataclass(frozen=True)
class Read:
    """``name = table[…]``."""

    name: str
    table: Table
    guard: Condition
    #: Whether it is true or false.
    boolean: bool = False


@dataclass(frozen=True)
class Write:
    """``table[…] = name``, or what the name stands for where it is used nowhere else."""

    name: str
    table: Table
    guard: Condition
    expression: Expression | None = None


@dataclass(frozen=True)
class Load:
    """An element of a buffer into the name of the buffer."""

    buffer: str
    guard: Condition


@dataclass(frozen=True)
class Store:
    """The name of a buffer into its element."""

    buffer: str
    guard: Condition


@dataclass(frozen=True)
class Fetch:
    """The element of a vector for this row, column or matrix, under the name of the vector."""

    vector: str
    extent: Extent
    guard: Condition
    #: Whether it is true or false.
    boolean: bool = False


@dataclass(frozen=True)
class Put:
    """A value under the name of a vector into its element."""

    vector: str
    extent: Extent
    guard: Condition


#: The statements of a function.
Statement = Read | Write | Load | Store | Fetch | Put | Item


def expression_in(statement: Statement) -> Expression | None:
    """What a statement computes, if anything."""
    if isinstance(statement, Write):
        return statement.expression
    return expression_of(statement) if isinstance(statement, Item) else None


@dataclass(frozen=True)
class Function:
    """A function of generated code, or the builder of a kernel for a switch setting."""

    #: The template that prints it, in the folder of each target.
    template: ClassVar[str]

    name: str
    switches: tuple[str, ...]
    reads: tuple[Read, ...]
    body: tuple[Statement, ...]

    @property
    def statements(self) -> tuple[Statement, ...]:
        """Everything in it."""
        return (*self.reads, *self.body)


@dataclass(frozen=True)
class HostScalars(Function):
    """Computes the scalars of a call for each row of hyperparameters."""

    template = "host_scalars"


@dataclass(frozen=True)
class FeatureScalars(HostScalars):
    """Computes the scalars of features, for every optimizer."""

    template = "feature_scalars"


@dataclass(frozen=True)
class Pass(Function):
    """A pass of a program over elements; ``number`` is that of its phase."""

    program: Program
    number: int
    #: Those of the pass, in the order of their results; the guard of some never holds here.
    reductions: tuple[Reduction, ...]
    #: The function that computes tensor scalars from the sums, if any.
    finish: TensorScalars | None


@dataclass(frozen=True)
class Elements(Pass):
    """A pass without reductions."""

    template = "elements"


@dataclass(frozen=True)
class Sums(Pass):
    """A pass with reductions to numbers."""

    template = "sums"


@dataclass(frozen=True)
class Axes(Pass):
    """A pass over matrices row by row, which reads and computes vectors."""

    template = "axes"


@dataclass(frozen=True)
class Group:
    """Statements that run once, or for each unit of a vector's extent."""

    extent: Extent
    reads: tuple[Statement, ...]
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class TensorScalars(Function):
    """Computes numbers and vectors of each tensor after a pass; ``sums`` are its results."""

    template = "tensor_scalars"

    program: Program
    sums: tuple[Reduction, ...]
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class SharedScalars(TensorScalars):
    """Computes numbers of the optimizer."""

    template = "shared_scalars"
