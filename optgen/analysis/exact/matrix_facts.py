"""What analyses may assume of the functions of whole matrices.

A matrix of one element is a number: its functions are then ordinary arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeGuard

from optgen.analysis.exact.interval import EVERYTHING, ONE, Interval
from optgen.compiler.ir.expression import Expression, Number, Operation
from optgen.compiler.ir.matrix import (
    EIGENVECTORS,
    GRAM,
    INVERSE_ROOT,
    LARGEST_ROWS,
    MATRIX_CALLS,
    ORTHONORMAL,
    PRODUCT,
    SINGULAR_VECTORS,
    TRANSPOSE,
)

#: The elements of a column of norm 1.
_OF_NORM_1 = Interval(-ONE, ONE, False, False)


@dataclass(frozen=True)
class Facts:
    """Facts about one function of matrices; what isn't stated is unknown."""

    #: The value for matrices of one element.
    alone: Callable[..., Expression]
    #: The exponent of a common factor of the matrix operands in the result; None if there is none.
    degree: Fraction | None = None
    #: Whether a sign comes out of each operand, or of none.
    is_odd: bool = False
    is_even: bool = False
    #: Whether the result is 0 where an operand is.
    vanishes: bool = False
    #: The range of the elements of the result.
    elements: Interval = EVERYTHING
    #: Whether the first operand must be symmetric and positive semidefinite, or symmetric.
    of_semidefinite: bool = False
    of_symmetric: bool = False


def _inverse_root(square: Expression, degree: Expression, added: Expression) -> Expression:
    power = Operation("neg", (Operation("/", (Number(1), degree)),))
    return Operation("**", (Operation("+", (square, added)), power))


def _one(*_: Expression) -> Expression:
    return Number(1)


FACTS: Mapping[str, Facts] = {
    PRODUCT: Facts(lambda a, b: Operation("*", (a, b)), Fraction(2), is_odd=True, vanishes=True),
    TRANSPOSE: Facts(lambda a: a, Fraction(1), is_odd=True, vanishes=True),
    GRAM: Facts(
        lambda a: Operation("**", (a, Number(2))), Fraction(2), is_even=True, vanishes=True
    ),
    # The triangular factor takes the sign and the size: reflections are those of the negative.
    ORTHONORMAL: Facts(_one, Fraction(0), is_even=True, elements=_OF_NORM_1),
    # The largest entry of each is positive, whatever the sign of the matrix.
    SINGULAR_VECTORS: Facts(_one, Fraction(0), is_even=True, elements=_OF_NORM_1),
    # Columns of an identity, by magnitudes.
    LARGEST_ROWS: Facts(_one, Fraction(0), is_even=True, elements=_OF_NORM_1),
    EIGENVECTORS: Facts(_one, Fraction(0), elements=_OF_NORM_1, of_symmetric=True),
    INVERSE_ROOT: Facts(_inverse_root, of_semidefinite=True),
}


def mixes(expression: Expression) -> TypeGuard[Operation]:
    """Whether it is a function of whole matrices, of which an element depends on many others."""
    return isinstance(expression, Operation) and expression.operator in FACTS


def is_call(expression: Expression) -> bool:
    """Whether it is a function that a library computes."""
    return isinstance(expression, Operation) and expression.operator in MATRIX_CALLS
