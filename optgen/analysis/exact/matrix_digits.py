"""Functions of whole matrices in multi-precision, on the elements of a small tensor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Any

import mpmath

from optgen.analysis.exact.grids import grid
from optgen.compiler.ir.expression import Expression, Operation
from optgen.compiler.ir.matrix import (
    EIGENVECTORS,
    GRAM,
    INVERSE_ROOT,
    OF_RANK_MANY,
    ORTHONORMAL,
    PRODUCT,
    TRANSPOSE,
)

Numbers = tuple[Any, ...]


@dataclass(frozen=True)
class PreciseMatrices:
    """Values of functions of matrices, for a parameter of some elements; NaN where undefined."""

    value: Callable[[Expression], Numbers]
    elements: int

    def of(self, call: Expression) -> Numbers:
        """The elements of the value, row by row.

        Raises KeyError for a function without a value here.
        """
        found = self._matrix(call)
        return tuple(found[i, j] for i in range(found.rows) for j in range(found.cols))

    def _matrix(self, part: Expression) -> Any:
        function = _FUNCTIONS.get(part.operator) if isinstance(part, Operation) else None
        if function is None:
            return self._shaped(self.value(part))
        assert isinstance(part, Operation)
        count = 2 if part.operator == PRODUCT else 1
        matrices = [self._matrix(one) for one in part.operands[:count]]
        numbers = [self.value(one)[0] for one in part.operands[count:]]
        if any(map(mpmath.isnan, (x for one in matrices for x in one))):
            return _nan(matrices[0])
        try:
            return function(*matrices, *numbers)
        except (ArithmeticError, ValueError):
            return _nan(matrices[0])

    def _shaped(self, found: Sequence[Any]) -> Any:
        side = isqrt(len(found))
        rows, columns = grid(self.elements) if len(found) == self.elements else (side, side)
        return mpmath.matrix([found[k * columns : (k + 1) * columns] for k in range(rows)])


def _nan(like: Any) -> Any:
    return like.apply(lambda _: mpmath.nan)


def _gram(found: Any) -> Any:
    return found * found.T if found.rows <= found.cols else found.T * found


def _inverse_root(square: Any, degree: Any, added: Any) -> Any:
    values, vectors = mpmath.eigsy(square)
    roots = [mpmath.power(max(value, 0) + added, -1 / degree) for value in values]
    return vectors * mpmath.diag(roots) * vectors.T


def _of_rank(*_: Any) -> Any:
    raise KeyError("rank")  # How many there are isn't known.


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    PRODUCT: lambda a, b: a * b,
    TRANSPOSE: lambda a: a.T,
    GRAM: _gram,
    ORTHONORMAL: lambda a: mpmath.qr(a)[0],
    EIGENVECTORS: lambda a: mpmath.eigsy(a)[1],
    INVERSE_ROOT: _inverse_root,
    **dict.fromkeys(OF_RANK_MANY, _of_rank),
}
