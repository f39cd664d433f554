"""Functions of whole matrices: their names, and the shapes of what they take and make.

Libraries compute them, batched over matrices of one shape; they are never loops of our own.
"""

from __future__ import annotations

from collections.abc import Mapping

from optgen.compiler.ir.extent import MATRICES, Extent
from optgen.compiler.ir.reduction import AXIS_REDUCTIONS

#: The product of two matrices, and its operand with rows and columns exchanged.
PRODUCT, TRANSPOSE = "@", "transpose"
#: The product of a matrix and its transpose, in the order that makes the smaller one.
GRAM = "gram"
#: The orthonormal factor of a matrix times a triangular one; the eigenvectors of a symmetric
#: matrix, in the order of their eigenvalues; the inverse of the root of one, of a degree and with
#: a number added to the diagonal.
ORTHONORMAL, EIGENVECTORS, INVERSE_ROOT = "orthonormal", "eigenvectors", "inverse_root"
#: Functions of one square matrix and further numbers, each with how many.
OF_SQUARES: Mapping[str, int] = {ORTHONORMAL: 0, EIGENVECTORS: 0, INVERSE_ROOT: 2}
#: The left singular vectors of a matrix with the largest singular values, as many as the rank.
SINGULAR_VECTORS = "singular_vectors"
#: A column for each of the rows with the largest sums of magnitudes, as many as the rank: 1 at the
#: place of the row, and 0 elsewhere.
LARGEST_ROWS = "largest_rows"
#: Functions of a matrix and the rank, which is the number of their columns.
OF_RANK_MANY = frozenset({SINGULAR_VECTORS, LARGEST_ROWS})
#: The functions by name, each with its number of arguments; a product is an operator.
MATRIX_FUNCTIONS: Mapping[str, int] = {
    TRANSPOSE: 1,
    GRAM: 1,
    **{name: 1 + count for name, count in OF_SQUARES.items()},
    **dict.fromkeys(sorted(OF_RANK_MANY), 2),
}
#: What libraries compute: reductions of rows and columns too, where matrices have a rank.
MATRIX_CALLS = frozenset({PRODUCT, GRAM, *OF_SQUARES, *OF_RANK_MANY})
LIBRARY_CALLS = MATRIX_CALLS | AXIS_REDUCTIONS

#: What the rows and the columns of a matrix stand for.
Sides = tuple[str, str]
ROWS, COLUMNS, SHORT, LONG, RANK = "rows", "columns", "short", "long", "rank"
_ELEMENT: Sides = (ROWS, COLUMNS)


def _sides_in(name: str) -> Sides:
    first, _, second = name.lower().partition("_by_")
    return first, second


_SIDES: Mapping[Extent, Sides] = {
    Extent.ELEMENT: _ELEMENT,
    **{extent: _sides_in(extent.name) for extent in MATRICES},
}
_OF_SIDES = {sides: extent for extent, sides in _SIDES.items()}
#: The variable's own matrix by the lengths of its sides, and back.
_BY_LENGTH: Mapping[Sides, Sides] = {_ELEMENT: (SHORT, LONG), _ELEMENT[::-1]: (LONG, SHORT)}
_BY_NAME = {by_length: sides for sides, by_length in _BY_LENGTH.items()}


def sides(extent: Extent) -> Sides | None:
    """The sides of values of an extent; None of what is no matrix."""
    return _SIDES.get(extent)


def product(left: Sides | None, right: Sides | None) -> Sides | None:
    """The sides of a product; None where the operands don't fit.

    The variable's own matrix is rows by columns, and else short by long: where it meets a matrix
    with a side of the fewer, or of the more, of rows and columns.
    """
    if left is None or right is None:
        return None
    for first in (left, _BY_LENGTH.get(left, left)):
        for second in (right, _BY_LENGTH.get(right, right)):
            if first[1] == second[0]:
                found = first[0], second[1]
                return _BY_NAME.get(found, found)
    return None


def sides_of_rank(found: Sides | None) -> Sides | None:
    """The sides of a result with a column for each of the rank.

    There is a row for each of the matrix, or of the shorter side of the variable's own.
    """
    return None if found is None else (_BY_LENGTH.get(found, found)[0], RANK)


def reduced(found: Sides, kept: Extent) -> Sides | None:
    """The sides of what has one number for each row, or column, of a matrix with a rank.

    The number is the same along the other side. What has one for each row or column of the
    variable's own matrix has one for each of its elements. None of squares and of that matrix.
    """
    if RANK not in found or found[0] == found[1]:
        return None
    side = found[0] if kept is Extent.ROWS else found[1]
    return found if side == RANK else _ELEMENT


def extent_of(found: Sides | None) -> Extent | None:
    """The extent of a matrix of these sides; None where no value has them."""
    return None if found is None else _OF_SIDES.get(found)
