"""Memory access of a thread: adjacent elements of a buffer, decoded into an array of lanes.

Elements are counted from address 0, since buffers differ in the size of theirs: ``start`` is the
number of the first one. In Numba's simulator, memory access is that of ``simulated``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.cuda.extending import intrinsic

from optgen.runtime.cpu import half_precision
from optgen.runtime.cuda import simulated
from optgen.runtime.cuda.jit import SIMULATED, VECTOR_BYTES

_INT32, _INT64, _FLOAT = ir.IntType(32), ir.IntType(64), ir.FloatType()


class Stored:
    """Generates conversions between numbers in registers and a buffer's elements in memory."""

    def __init__(self, builder: Any, real: Any, storage: str) -> None:
        self._builder, self._real, self._storage = builder, real, storage
        is_native = not storage
        #: The type of an element, and its bytes.
        self.element = real if is_native else ir.IntType(half_precision.bits_of(storage))
        self.bytes = {ir.DoubleType(): 8, _FLOAT: 4}[real] if is_native else self.element.width // 8

    def decoded(self, value: Any) -> Any:
        """An element of memory as a number."""
        if not self._storage:
            return value
        found = half_precision.decoded(self._builder, self._storage, value)
        return found if self._real == _FLOAT else self._builder.fpext(found, self._real)

    def encoded(self, value: Any) -> Any:
        """A number as an element of memory."""
        if not self._storage:
            return value
        narrow = value if self._real == _FLOAT else self._builder.fptrunc(value, _FLOAT)
        return half_precision.encoded(self._builder, self._storage, narrow)


class Lanes:
    """Generates accesses to adjacent elements, from and to a small per-thread array."""

    def __init__(self, context: Any, builder: Any, signature: Any, arguments: Any) -> None:
        lanes, start, self.first, self.count, self.whole = arguments[:5]
        kind, column, formats = (signature.args[k] for k in (0, -2, -1))
        self.builder, self.real = builder, context.get_value_type(kind.dtype)
        self.number = VECTOR_BYTES * 8 // kind.dtype.bitwidth
        self._lanes = context.make_array(kind)(context, builder, lanes).data
        storage = formats.instance_type.storage(column.literal_value)
        self.stored = Stored(builder, self.real, storage)
        address = builder.mul(start, _INT64(self.stored.bytes))
        self.base = builder.inttoptr(address, self.stored.element.as_pointer(addrspace=1))

    def each(self) -> range:
        """The numbers of the lanes."""
        return range(self.number)

    def lane(self, k: int) -> Any:
        """The address of lane ``k`` in the thread's array."""
        return self.builder.gep(self._lanes, [_INT64(k)])

    def place(self, k: int) -> Any:
        """The address of element ``first + k`` in memory."""
        return self.builder.gep(self.base, [self.builder.add(self.first, _INT64(k))])

    def vector(self, element: Any, number: int) -> Any:
        """The address of all elements as one vector."""
        kind = ir.VectorType(element, number)
        return self.builder.bitcast(self.place(0), kind.as_pointer(addrspace=1))

    @property
    def alignment(self) -> int:
        """The bytes of a vector; its address is a multiple of them."""
        return int(self.number * self.stored.bytes)

    def load_whole(self) -> None:
        """Load all elements as one vector; those of 16 bits in pairs, which NVVM doesn't split."""
        builder, element = self.builder, self.stored.element
        each = 2 if self.stored.bytes == 2 else 1
        held = element if each == 1 else _INT32
        vector = builder.load(self.vector(held, self.number // each), align=self.alignment)
        for k in self.each():
            found = builder.extract_element(vector, _INT32(k // each))
            if each > 1:
                found = builder.trunc(builder.lshr(found, _INT32(k % each * 16)), element)
            builder.store(self.stored.decoded(found), self.lane(k))

    def store_whole(self) -> None:
        """Store all elements as one vector."""
        builder, element = self.builder, self.stored.element
        vector = ir.VectorType(element, self.number)(ir.Undefined)
        for k in self.each():
            found = self.stored.encoded(builder.load(self.lane(k)))
            vector = builder.insert_element(vector, found, _INT32(k))
        builder.store(vector, self.vector(element, self.number), align=self.alignment)

    def exists(self, k: int) -> Any:
        """Whether element ``first + k`` comes before the end."""
        index = self.builder.add(self.first, _INT64(k))
        return self.builder.icmp_signed("<", index, self.count)

    def load_each(self) -> None:
        """Load single elements; lanes past the end are 0."""
        for k in self.each():
            self.builder.store(self.real(0.0), self.lane(k))
            with self.builder.if_then(self.exists(k)):
                element = self.builder.load(self.place(k))
                self.builder.store(self.stored.decoded(element), self.lane(k))

    def store_each(self) -> None:
        """Store single elements."""
        for k in self.each():
            with self.builder.if_then(self.exists(k)):
                number = self.builder.load(self.lane(k))
                self.builder.store(self.stored.encoded(number), self.place(k))


def load_lanes(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """Generate a load of whole vectors, or else of single elements."""
    lanes = Lanes(context, builder, signature, arguments)
    with builder.if_else(lanes.whole) as (then, otherwise):
        with then:
            lanes.load_whole()
        with otherwise:
            lanes.load_each()
    return context.get_dummy_value()


def store_lanes(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """Generate a store of whole vectors, or else of single elements."""
    lanes = Lanes(context, builder, signature, arguments)
    with builder.if_else(lanes.whole) as (then, otherwise):
        with then:
            lanes.store_whole()
        with otherwise:
            lanes.store_each()
    return context.get_dummy_value()


def _access(generate: Callable[..., Any]) -> Callable[..., Any]:
    @intrinsic
    def access(
        context: Any,
        lanes: Any,
        start: Any,
        first: Any,
        count: Any,
        whole: Any,
        column: Any,
        formats: Any,
    ) -> tuple[Any, Any] | None:
        # Numba tries again with literal types.
        if not isinstance(column, types.Literal):
            return None
        kinds = (lanes, *[types.int64] * 3, types.boolean, column, formats)
        return types.void(*kinds), generate

    return access  # type: ignore[no-any-return]


@intrinsic
def _element_at(
    context: Any, addresses: Any, row: Any, column: Any, formats: Any
) -> tuple[Any, Any] | None:
    if not isinstance(column, types.Literal):
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = builder.add(arguments[1], _INT64(column.literal_value))
        address = builder.load(builder.gep(arguments[0], [place]))
        itemsize = formats.instance_type.itemsize(column.literal_value)
        return builder.lshr(address, _INT64(itemsize.bit_length() - 1), flags=["exact"])

    return types.int64(addresses, types.int64, column, formats), generate


@intrinsic
def _as_stored(context: Any, value: Any, column: Any, formats: Any) -> tuple[Any, Any] | None:
    if not isinstance(column, types.Literal):
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        storage = formats.instance_type.storage(column.literal_value)
        stored = Stored(builder, context.get_value_type(value), storage)
        return stored.decoded(stored.encoded(arguments[0]))

    return value(value, column, formats), generate


#: ``as_stored(value, column, formats)``: a number as it is loaded again once it's stored.
as_stored = simulated.as_stored if SIMULATED else _as_stored
#: ``load(lanes, start, first, count, whole, column, formats)``: load elements of the buffer of a
#: column from ``first`` on into a thread's array of lanes, as one vector if they are ``whole``
#: (complete and aligned); lanes past the end are 0.
load = simulated.load if SIMULATED else _access(load_lanes)
#: ``store(lanes, start, first, count, whole, column, formats)``: the inverse of ``load``.
store = simulated.store if SIMULATED else _access(store_lanes)
#: ``element_at(addresses, row, column, formats)``: the number of the first element of a buffer, of
#: the variable whose addresses begin at ``row``.
element_at = simulated.element_at if SIMULATED else _element_at
