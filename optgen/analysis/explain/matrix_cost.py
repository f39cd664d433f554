"""What functions of whole matrices cost: their operations and bytes, and scratch memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from fractions import Fraction

from optgen.compiler.ir.cost import Amount, Call
from optgen.compiler.ir.expression import Expression, Name, Operation
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.matrix import (
    EIGENVECTORS,
    GRAM,
    INVERSE_ROOT,
    LARGEST_ROWS,
    LONG,
    ORTHONORMAL,
    PRODUCT,
    RANK,
    SHORT,
    SINGULAR_VECTORS,
    sides,
)
from optgen.compiler.ir.plan import MatrixCall, Plan, Program
from optgen.compiler.ir.reduction import AXIS_REDUCTIONS

#: Operations per cube of a side, about (Golub and Van Loan, 2013: 5.2, 8.3): a factor and its
#: product form; a tridiagonal form and its vectors; the same, and a product of the vectors.
_PER_CUBE: Mapping[str, Fraction] = {
    ORTHONORMAL: Fraction(8, 3),
    EIGENVECTORS: Fraction(9),
    INVERSE_ROOT: Fraction(11),
}
#: The same of all singular vectors of a square (8.6), and of factors of a matrix with a long side.
_OF_SINGULAR, _OF_TALL = Fraction(22), Fraction(4)
_FEWER, _MORE = "fewer", "more"
_LENGTHS = {SHORT: _FEWER, LONG: _MORE}
#: A function, its operations, and the matrices that it reads and writes.
_Kind = tuple[str, Amount, tuple[Amount, ...]]
_OF_TWO, _OF_ONE = "product", "product with the own transpose"
_ADDED = ", plus a matrix"


def calls_of(plan: Plan, update: Program, on: Mapping[str, bool]) -> tuple[Call, ...]:
    """The calls of a program in a setting; those of the same function and sizes are one."""
    extents = {buffer.name: buffer.extent for buffer in plan.every_buffer}
    found = Counter(
        _call(call, extents)
        for phase in update.phases
        for call in phase.calls
        if call.guard.holds(dict(on))
    )
    return tuple(Call(*one, times) for one, times in found.items())


def scratch_of(plan: Plan) -> tuple[tuple[Amount, int], ...]:
    """The sizes of scratch matrices, and how many of each are needed at the same time."""
    slots = {(buffer.extent, buffer.slot) for buffer in plan.matrices}
    found = Counter(_sides(extent) for extent, _ in slots)
    return tuple((Amount(Fraction(1), own), count) for own, count in found.items())


def _call(
    call: MatrixCall, extents: Mapping[str, Extent]
) -> tuple[str, Amount, tuple[Amount, ...]]:
    function, operands = call.function.operator, call.function.operands
    count = 2 if function == PRODUCT else 1
    shapes = [*_shapes(operands[:count], extents)]
    result = _sides(call.extent)
    added = [] if call.added is None else [result]
    moved = [Amount(Fraction(1), shape) for shape in (*shapes, *added, result)]
    if function in _PER_CUBE:
        return function, _of_factors(function, result), tuple(moved)
    if function == SINGULAR_VECTORS:
        return function, Amount(_OF_SINGULAR, (_FEWER,) * 3), tuple(moved)
    if function in AXIS_REDUCTIONS or function == LARGEST_ROWS:
        return function, Amount(Fraction(1), shapes[0]), tuple(moved)
    if function == GRAM or _are_transposes(*operands):
        # Half of a symmetric result is computed, and copied to the other half.
        inner = _MORE if function == GRAM else shapes[0][1]
        kind = _OF_ONE if call.added is None else _OF_ONE + _ADDED
        return kind, Amount(Fraction(1), (*result, inner)), (moved[0], *moved[len(shapes) :])
    (rows, inner), (_, columns) = shapes
    kind = _OF_TWO if call.added is None else _OF_TWO + _ADDED
    return kind, Amount(Fraction(2), (rows, inner, columns)), tuple(moved)


def _of_factors(function: str, result: tuple[str, str]) -> Amount:
    """The operations of a decomposition of squares, or of as many columns as the rank."""
    if RANK in result and result[0] != result[1]:
        (long,) = set(result) - {RANK}
        return Amount(_OF_TALL, (long, RANK, RANK))
    return Amount(_PER_CUBE[function], (result[0],) * 3)


def _shapes(
    operands: tuple[Expression, ...], extents: Mapping[str, Extent]
) -> Iterator[tuple[str, str]]:
    """The sides of operands; beside one with a side of the fewer or more, a matrix has these."""
    own = [extents[_matrix(one).id] for one in operands]
    by_length = any({_FEWER, _MORE} & {*_sides(extent)} for extent in own)
    for operand, extent in zip(operands, own, strict=True):
        found = (_FEWER, _MORE) if by_length and extent is Extent.ELEMENT else _sides(extent)
        yield found if isinstance(operand, Name) else found[::-1]


def _sides(extent: Extent) -> tuple[str, str]:
    found = sides(extent)
    assert found is not None
    first, second = (_LENGTHS.get(side, side) for side in found)
    return first, second


def _matrix(operand: Expression) -> Name:
    inner = operand.operands[0] if isinstance(operand, Operation) else operand
    assert isinstance(inner, Name)
    return inner


def _are_transposes(one: Expression, other: Expression) -> bool:
    is_one_turned = isinstance(one, Operation) is not isinstance(other, Operation)
    return is_one_turned and _matrix(one) == _matrix(other)
