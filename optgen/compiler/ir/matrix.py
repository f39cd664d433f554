"""Functions of whole matrices: their names, and the shapes of what they take and make.

Libraries compute them, batched over matrices of one shape; they are never loops of our own.
"""

from __future__ import annotations

from collections.abc import Mapping

from optgen.compiler.ir.extent import Extent

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
#: The functions by name, each with its number of arguments; a product is an operator.
MATRIX_FUNCTIONS: Mapping[str, int] = {
    TRANSPOSE: 1,
    GRAM: 1,
    **{name: 1 + count for name, count in OF_SQUARES.items()},
}
#: What libraries compute.
MATRIX_CALLS = frozenset({PRODUCT, GRAM, *OF_SQUARES})

#: What the rows and the columns of a matrix stand for.
Sides = tuple[str, str]
_ROWS, _COLUMNS, _SHORT = "rows", "columns", "short"
_SIDES: Mapping[Extent, Sides] = {
    Extent.ELEMENT: (_ROWS, _COLUMNS),
    Extent.ROWS_BY_ROWS: (_ROWS, _ROWS),
    Extent.COLUMNS_BY_COLUMNS: (_COLUMNS, _COLUMNS),
    Extent.SHORT_BY_SHORT: (_SHORT, _SHORT),
}
_OF_SIDES = {sides: extent for extent, sides in _SIDES.items()}


def sides(extent: Extent) -> Sides | None:
    """The sides of values of an extent; None of what is no matrix."""
    return _SIDES.get(extent)


def product(left: Sides | None, right: Sides | None) -> Sides | None:
    """The sides of a product; None where the operands don't fit.

    A square of the fewer of rows and columns multiplies that side of a matrix.
    """
    if left is None or right is None:
        return None
    if left == (_SHORT, _SHORT) and right == (_ROWS, _COLUMNS):
        return right
    return (left[0], right[1]) if left[1] == right[0] else None


def extent_of(found: Sides | None) -> Extent | None:
    """The extent of a matrix of these sides; None where no value has them."""
    return None if found is None else _OF_SIDES.get(found)
