"""Memory access by address: tables, and rows of matrices in any layout."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.cuda.extending import intrinsic

from optgen.runtime.cuda import simulated
from optgen.runtime.cuda.elements import start_type
from optgen.runtime.cuda.jit import SIMULATED, Function
from optgen.runtime.cuda.lanes import Lanes, generating

_INT64 = ir.IntType(64)


class _Row(Lanes):
    """Accesses to the elements of a row that begins at an offset and follow each other."""

    def extent(self, arguments: Any) -> tuple[Any, Any, Any]:
        """The first column, the end, and whether all before are there, as one vector."""
        self._offset, *own, self._columns = arguments[2:7]
        first, count, whole = own
        return first, count, whole

    def index(self, k: int) -> Any:
        """The number of column ``first + k`` in a stretch."""
        return self.builder.add(self._offset, super().index(k))


class _Scattered(_Row):
    """Accesses to the elements of a row whose columns are at places of a table."""

    def index(self, k: int) -> Any:
        """The number of column ``first + k`` in a stretch."""
        table = self.builder.inttoptr(self._columns, _INT64.as_pointer(addrspace=1))
        place = self.builder.gep(table, [self.builder.add(self.first, _INT64(k))])
        return self.builder.add(self._offset, self.builder.load(place))

    def load(self) -> None:
        """Load single elements."""
        self.load_each()

    def store(self) -> None:
        """Store single elements."""
        self.store_each()

    def noise(self, k: int) -> Any:
        """The noise of lane ``k``, which is drawn by itself; None if it is rounded to nearest."""
        return None if self.drawn is None else self.drawn.of_one(self.index(k))


def _access(lanes: type[_Row], access: str) -> Function:
    generate = generating(lanes, access)

    @intrinsic
    def made(
        context: Any,
        lanes: Any,
        start: Any,
        offset: Any,
        first: Any,
        count: Any,
        whole: Any,
        columns: Any,
        column: Any,
        formats: Any,
    ) -> tuple[Any, Any] | None:
        # Numba tries again with literal types.
        if not isinstance(column, types.Literal):
            return None
        begin = start_type(column.literal_value, formats.instance_type)
        own = (*[types.int64] * 3, types.boolean, types.int64)
        return types.void(lanes, begin, *own, column, formats), generate

    return made  # type: ignore[no-any-return]


def _pointer(kind: Any) -> Function:
    @intrinsic
    def pointer(context: Any, address: Any) -> tuple[Any, Any]:
        result = types.CPointer(kind)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(result))

        return result(types.int64), generate

    return pointer  # type: ignore[no-any-return]


#: ``reals(address)``, ``integers(address)``: the table at an address.
reals = simulated.reals if SIMULATED else _pointer(types.float64)
integers = simulated.integers if SIMULATED else _pointer(types.int64)

_FOLLOWING = (
    (simulated.take, simulated.give)
    if SIMULATED
    else (_access(_Row, "load"), _access(_Row, "store"))
)
_SCATTERED = (
    (simulated.gather, simulated.scatter)
    if SIMULATED
    else (_access(_Scattered, "load"), _access(_Scattered, "store"))
)


def access(scattered: bool) -> tuple[Function, Function]:
    """What loads and what stores elements of a row of a matrix.

    Like ``load`` and ``store``, with two more arguments: after the second the offset of the row in
    its stretch, and after ``whole`` the address of a table with the places of the columns, which
    matters if the matrix is ``scattered``.
    """
    return _SCATTERED if scattered else _FOLLOWING
