"""Memory access by address: tables, and rows of matrices in any layout."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.cuda.extending import intrinsic

from optgen.runtime.cuda import simulated
from optgen.runtime.cuda.jit import SIMULATED, Function
from optgen.runtime.cuda.lanes import Lanes, load_lanes, store_lanes

_INT64 = ir.IntType(64)


class _Scattered(Lanes):
    """Accesses to the elements of a row whose columns are at places of a table."""

    def __init__(self, context: Any, builder: Any, signature: Any, arguments: Any) -> None:
        super().__init__(context, builder, signature, arguments)
        self._columns = builder.inttoptr(arguments[5], _INT64.as_pointer(addrspace=1))

    def place(self, k: int) -> Any:
        """The address of element ``first + k`` in memory."""
        index = self.builder.add(self.first, _INT64(k))
        column = self.builder.load(self.builder.gep(self._columns, [index]))
        return self.builder.gep(self.base, [column])


def _gather(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    _Scattered(context, builder, signature, arguments).load_each()
    return context.get_dummy_value()


def _scatter(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    _Scattered(context, builder, signature, arguments).store_each()
    return context.get_dummy_value()


def _access(generate: Function) -> Function:
    @intrinsic
    def access(
        context: Any,
        lanes: Any,
        start: Any,
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
        kinds = (lanes, *[types.int64] * 3, types.boolean, types.int64, column, formats)
        return types.void(*kinds), generate

    return access  # type: ignore[no-any-return]


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

_PLAIN = (
    (simulated.take, simulated.give) if SIMULATED else (_access(load_lanes), _access(store_lanes))
)
_SCATTERED = (
    (simulated.gather, simulated.scatter) if SIMULATED else (_access(_gather), _access(_scatter))
)


def access(scattered: bool) -> tuple[Function, Function]:
    """What loads and what stores elements of a row of a matrix.

    Like ``load`` and ``store``, with one more argument after the fifth: the address of a table with
    the places of the columns, which matters if the matrix is ``scattered``.
    """
    return _SCATTERED if scattered else _PLAIN
