"""Memory access of a thread: adjacent elements of a buffer, decoded into an array of lanes.

In Numba's simulator, memory access is that of ``simulated``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.cuda.extending import intrinsic

from optgen.runtime.codes import CODES
from optgen.runtime.cpu.stochastic import FIRST_DRAW
from optgen.runtime.cuda import simulated
from optgen.runtime.cuda.coded_lanes import CodedLanes
from optgen.runtime.cuda.elements import bytes_of, elements_of, start_type
from optgen.runtime.cuda.jit import SIMULATED, VECTOR_BYTES
from optgen.runtime.cuda.noise import Noise

_INT32, _INT64 = ir.IntType(32), ir.IntType(64)
#: NVVM doesn't split vectors of narrower elements, so they are loaded as words of so many bits.
_WORD = 32


class Lanes:
    """Generates accesses to adjacent elements, from and to a small per-thread array."""

    def __init__(self, context: Any, builder: Any, signature: Any, arguments: Any) -> None:
        lanes, start = arguments[:2]
        self.builder, self._kinds = builder, signature.args
        self.first, self.count, self.whole = self.extent(arguments)
        kind, column, formats = (signature.args[k] for k in (0, -2, -1))
        self.number = VECTOR_BYTES * 8 // kind.dtype.bitwidth
        self._lanes = context.make_array(kind)(context, builder, lanes).data
        storage = formats.instance_type.storage(column.literal_value)
        fields = cgutils.unpack_tuple(builder, start)
        self.real = context.get_value_type(kind.dtype)
        #: What moves the elements, if they are in blocks with codes.
        self.coded = CodedLanes(self, storage, fields) if storage in CODES else None
        self.elements = elements_of(storage)(builder, self.real, storage, fields)
        #: What draws the noise of elements, if their rounding needs any.
        self.drawn = None
        if self.elements.is_drawn:
            draw = FIRST_DRAW + column.literal_value
            self.drawn = Noise(builder, self.elements.stream, draw)
        self._noises: list[Any] = [None for _ in self.each()]
        #: Element 0 of each array, counted as ``index`` does.
        self._bases = [
            builder.inttoptr(builder.mul(first, _INT64(bytes_of(one))), one.as_pointer(addrspace=1))
            for one, first in zip(self.elements.kinds, self.elements.firsts, strict=True)
        ]

    def extent(self, arguments: Any) -> tuple[Any, Any, Any]:
        """The first element, the end, and whether all before are there, as one vector."""
        first, count, whole = arguments[2:5]
        return first, count, whole

    def index(self, k: int) -> Any:
        """The number of element ``first + k`` in a stretch."""
        return self.builder.add(self.first, _INT64(k))

    def each(self) -> range:
        """The numbers of the lanes."""
        return range(self.number)

    def lane(self, k: int) -> Any:
        """The address of lane ``k`` in the thread's array."""
        return self.builder.gep(self._lanes, [_INT64(k)])

    def places(self, k: int) -> list[Any]:
        """The addresses of element ``first + k`` in each array."""
        index = self.index(k)
        return [self.builder.gep(base, [index]) for base in self._bases]

    def load_whole(self) -> None:
        """Load all elements as one vector of each array."""
        pairs = zip(self.elements.kinds, self.places(0), strict=True)
        vectors = [self._loaded(*pair) for pair in pairs]
        for k, elements in enumerate(zip(*vectors, strict=True)):
            self.builder.store(self.elements.decoded(*elements), self.lane(k))

    def _loaded(self, kind: Any, place: Any) -> list[Any]:
        """The elements of a vector."""
        builder, width = self.builder, 8 * bytes_of(kind)
        each = min(self.number, max(1, _WORD // width))
        held = kind if each == 1 else ir.IntType(each * width)
        vector = ir.VectorType(held, self.number // each)
        pointer = builder.bitcast(place, vector.as_pointer(addrspace=1))
        found = builder.load(pointer, align=self.number * width // 8)
        words = [builder.extract_element(found, _INT32(k)) for k in range(vector.count)]
        if each == 1:
            return words
        return [
            builder.trunc(builder.lshr(words[k // each], held(k % each * width)), kind)
            for k in self.each()
        ]

    def store_whole(self) -> None:
        """Store all elements as one vector of each array."""
        builder = self.builder
        encoded = [self._encoded(k) for k in self.each()]
        arrays = zip(self.elements.kinds, self.places(0), zip(*encoded, strict=True), strict=True)
        for kind, place, elements in arrays:
            vector = ir.VectorType(kind, self.number)(ir.Undefined)
            for k, element in enumerate(elements):
                vector = builder.insert_element(vector, element, _INT32(k))
            pointer = builder.bitcast(place, vector.type.as_pointer(addrspace=1))
            builder.store(vector, pointer, align=self.number * bytes_of(kind))

    def _encoded(self, k: int) -> Any:
        return self.elements.encoded(self.builder.load(self.lane(k)), self.noise(k))

    def exists(self, k: int) -> Any:
        """Whether element ``first + k`` comes before the end."""
        index = self.builder.add(self.first, _INT64(k))
        return self.builder.icmp_signed("<", index, self.count)

    def load_each(self) -> None:
        """Load single elements; lanes past the end are 0."""
        for k in self.each():
            self.builder.store(self.real(0.0), self.lane(k))
            with self.builder.if_then(self.exists(k)):
                elements = [self.builder.load(place) for place in self.places(k)]
                self.builder.store(self.elements.decoded(*elements), self.lane(k))

    def noise(self, k: int) -> Any:
        """The noise by which lane ``k`` is rounded; None where it is rounded to nearest."""
        return self._noises[k]

    def store_each(self) -> None:
        """Store single elements."""
        for k in self.each():
            with self.builder.if_then(self.exists(k)):
                for element, place in zip(self._encoded(k), self.places(k), strict=True):
                    self.builder.store(element, place)

    def load(self) -> None:
        """Load whole vectors, or else single elements."""
        with self.builder.if_else(self.whole) as (then, otherwise):
            with then:
                self.load_whole()
            with otherwise:
                self.load_each()

    def store(self) -> None:
        """Store whole vectors, or else single elements."""
        if self.drawn is not None:
            self._noises = self.drawn.of_lanes(self.index(0), self.number)
        with self.builder.if_else(self.whole) as (then, otherwise):
            with then:
                self.store_whole()
            with otherwise:
                self.store_each()


def generating(lanes: type[Lanes], access: str) -> Callable[..., Any]:
    """What generates a call of that method."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        made = lanes(context, builder, signature, arguments)
        getattr(made.coded or made, access)()
        return context.get_dummy_value()

    return generate


def _access(access: str) -> Callable[..., Any]:
    generate = generating(Lanes, access)

    @intrinsic
    def made(
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
        begin = start_type(column.literal_value, formats.instance_type)
        kinds = (lanes, begin, *[types.int64] * 2, types.boolean, column, formats)
        return types.void(*kinds), generate

    return made  # type: ignore[no-any-return]


#: ``load(lanes, start, first, count, whole, column, formats)``: load elements of the buffer of a
#: column from ``first`` on into a thread's array of lanes, as one vector if they are ``whole``
#: (complete and aligned); lanes past the end are 0.
load = simulated.load if SIMULATED else _access("load")
#: ``store(lanes, start, first, count, whole, column, formats)``: the inverse of ``load``.
store = simulated.store if SIMULATED else _access("store")
