"""Libraries that compute functions of whole matrices, in the memory of the arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

#: The type of the arithmetic of products where a rule asks for less than the variable's own.
BFLOAT16 = "bfloat16"


def _same(array: Any) -> Any:
    return array


@dataclass(frozen=True)
class MatrixLibrary:
    """The functions of a library for batches of matrices, the last argument but numbers a result.

    ``multiply`` takes two factors, where the second may be the transpose of the first, and the
    array for the product. ``add`` takes a matrix to add after these, and the numbers that the
    product and this matrix are multiplied by; passes do that where a library has no such function.
    Functions of one matrix by name take a batch, the array for the results, and further numbers.
    ``seen`` makes what they take of an array of a batch, ``inner`` what products take of an array
    that only they read and write.
    """

    multiply: Callable[[Any, Any, Any], object]
    of_matrix: Mapping[str, Callable[..., object]]
    seen: Callable[[Any], Any] = _same
    add: Callable[[Any, Any, Any, Any, float, float], object] | None = None
    inner: Callable[[Any], Any] = _same
