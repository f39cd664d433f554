"""Codes in kernels for devices: threads that follow each other in a warp have those of a block.

Each decodes its own; before it encodes them, all exchange the largest magnitude, from which the
unit of the block follows.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from optgen.runtime.codes import BLOCK, CODES, LEAST_UNIT, ONE, Code
from optgen.runtime.cpu import dither
from optgen.runtime.cuda.block_threads import BlockThreads, called, larger

_INT32, _INT64, _FLOAT = ir.IntType(32), ir.IntType(64), ir.FloatType()
_UNIT_BYTES, _MAGNITUDE = 4, 0x7FFFFFFF


class CodedLanes:
    """Generates accesses to adjacent elements of a block, for ``lanes`` of a thread.

    The ``fields`` of the start are the first element of the stretch, the address of the blocks,
    the place of the first element in the whole variable, and the key of noise.
    """

    def __init__(self, lanes: Any, storage: str, fields: Any) -> None:
        self._lanes, self._builder = lanes, lanes.builder
        self._code: Code = CODES[storage]
        self._fields = fields

    def _locate(self) -> None:
        """Find the block, and the place of the first of these elements in it."""
        builder, (first, blocks, place, self._key) = self._builder, self._fields
        element = builder.add(first, self._lanes.index(0))
        number = builder.ashr(element, _INT64(BLOCK.bit_length() - 1))
        length = _INT64(self._code.dtype.itemsize)
        address = builder.add(blocks, builder.mul(number, length))
        self._block = builder.inttoptr(address, ir.IntType(8).as_pointer(addrspace=1))
        within = builder.and_(element, _INT64(BLOCK - 1))
        self._within = builder.trunc(within, _INT32)
        begin = builder.sub(self._lanes.index(0), within)
        #: The place of the block in the whole variable.
        self._place = builder.add(place, begin)
        self._unit = builder.bitcast(self._block, _FLOAT.as_pointer(addrspace=1))

    def _codes(self) -> Any:
        """The address of the codes of these elements, as one word."""
        builder, at = self._builder, self._within
        if self._code.bits == 4:
            at = builder.and_(at, _INT32(BLOCK // 2 - 1))
        address = builder.gep(self._block, [builder.add(at, _INT32(_UNIT_BYTES))])
        return builder.bitcast(address, self._word.as_pointer(addrspace=1))

    @property
    def _word(self) -> Any:
        return ir.IntType(8 * self._lanes.number)

    def load(self) -> None:
        """Load all elements; lanes of a thread that has none are 0."""
        lanes, builder = self._lanes, self._builder
        for k in lanes.each():
            builder.store(lanes.real(0.0), lanes.lane(k))
        with builder.if_then(lanes.exists(0)):
            self._locate()
            unit = builder.load(self._unit)
            word = builder.load(self._codes(), align=lanes.number)
            word = word if self._word == _INT32 else builder.zext(word, _INT32)
            if self._code.bits == 4:
                # The upper half of a byte is of an element in the second half of the block.
                is_late = builder.icmp_unsigned(">=", self._within, _INT32(BLOCK // 2))
                word = builder.select(is_late, builder.lshr(word, _INT32(4)), word)
            for k in lanes.each():
                code = builder.lshr(word, _INT32(8 * k))
                number = self._decoded(code, unit)
                wide = number if lanes.real == _FLOAT else builder.fpext(number, lanes.real)
                builder.store(wide, lanes.lane(k))

    def _decoded(self, code: Any, unit: Any) -> Any:
        builder, own = self._builder, self._code
        size = builder.and_(code, _INT32(own.most))
        bits = builder.add(builder.shl(size, _INT32(own.shift)), _INT32(ONE))
        relative = builder.fsub(builder.bitcast(bits, _FLOAT), _FLOAT(1.0))
        found = self._product(relative, unit)
        if not own.is_signed:
            return found
        sign = builder.shl(code, _INT32(32 - own.bits))
        sign = builder.and_(sign, _INT32(1 << 31))
        return builder.bitcast(builder.or_(builder.bitcast(found, _INT32), sign), _FLOAT)

    def store(self) -> None:
        """Encode all elements, with the threads that have the others of the block."""
        lanes, builder = self._lanes, self._builder
        with builder.if_then(lanes.exists(0)):
            self._locate()
            numbers = [self._bits(k) for k in lanes.each()]
            sizes = [builder.and_(one, _INT32(_MAGNITUDE)) for one in numbers]
            most = sizes[0]
            for size in sizes[1:]:
                most = larger(builder, most, size)
            begin = builder.sub(lanes.first, builder.zext(self._within, _INT64))
            left = builder.sub(lanes.count, begin)
            threads = BlockThreads(builder, lanes.number, self._within, left)
            unit, factor = self._unit_of(threads.largest(most))
            pairs = zip(numbers, sizes, self._noise(), strict=True)
            codes = [self._encoded(*one, factor) for one in pairs]
            word = codes[0]
            for k, code in enumerate(codes[1:], 1):
                word = builder.or_(word, builder.shl(code, _INT32(8 * k)))
            with builder.if_then(builder.icmp_unsigned("==", threads.own, _INT32(0))):
                builder.store(unit, self._unit)
            self._store(word, threads)

    def _bits(self, k: int) -> Any:
        """The bits of a lane as a float32; 0 past the end."""
        lanes, builder = self._lanes, self._builder
        number = builder.load(lanes.lane(k))
        narrow = number if lanes.real == _FLOAT else builder.fptrunc(number, _FLOAT)
        return builder.select(lanes.exists(k), builder.bitcast(narrow, _INT32), _INT32(0))

    def _unit_of(self, most: Any) -> tuple[Any, Any]:
        """The unit of a block, NaN for an element that isn't finite, and the inverse of one."""
        builder = self._builder
        unit = self._product(builder.bitcast(most, _FLOAT), _FLOAT(self._code.inverse))
        is_small = builder.fcmp_ordered("<", unit, _FLOAT(LEAST_UNIT))
        unit = builder.select(is_small, _FLOAT(LEAST_UNIT), unit)
        nothing = builder.fsub(unit, unit)
        return builder.fadd(unit, nothing), builder.fdiv(_FLOAT(1.0), unit)

    def _noise(self) -> list[Any]:
        """The noise of each element, below a step: what the host's kernels add."""
        builder = self._builder
        factor, summand = dither.numbers(builder, self._key, self._place)
        found = []
        for k in self._lanes.each():
            place = builder.add(self._within, _INT32(k))
            twice = builder.mul(place, builder.add(place, _INT32(1)))
            mixed = builder.mul(factor, builder.lshr(twice, _INT32(1)))
            mixed = builder.add(mixed, summand)
            found.append(builder.lshr(mixed, _INT32(32 - self._code.shift)))
        return found

    def _encoded(self, number: Any, size: Any, noise: Any, factor: Any) -> Any:
        """The code of an element, in a byte."""
        builder, own = self._builder, self._code
        relative = self._product(builder.bitcast(size, _FLOAT), factor)
        above = builder.bitcast(builder.fadd(relative, _FLOAT(1.0)), _INT32)
        above = builder.add(above, noise)
        code = builder.sub(builder.lshr(above, _INT32(own.shift)), _INT32(ONE >> own.shift))
        if own.is_signed:
            sign = builder.lshr(number, _INT32(31))
            code = builder.or_(code, builder.shl(sign, _INT32(own.bits - 1)))
        else:
            # What is above 0 stays so: rules divide by it.
            is_some = builder.icmp_unsigned("!=", size, _INT32(0))
            code = larger(builder, code, builder.zext(is_some, _INT32))
        return builder.and_(code, _INT32(0xFF))

    def _store(self, word: Any, threads: BlockThreads) -> None:
        builder = self._builder
        if self._code.bits == 8:
            self._store_word(word)
            return
        # In a byte is a code of the first half of the block, and one of the second.
        half = threads.most // 2
        other = builder.shl(threads.of_later(word, half), _INT32(4))
        word = builder.or_(word, builder.and_(other, _INT32(0xF0F0F0F0)))
        with builder.if_then(builder.icmp_unsigned("<", threads.own, _INT32(half))):
            self._store_word(word)

    def _store_word(self, word: Any) -> None:
        narrow = word if self._word == _INT32 else self._builder.trunc(word, self._word)
        self._builder.store(narrow, self._codes(), align=self._lanes.number)

    def _product(self, one: Any, other: Any) -> Any:
        """A rounded product, which no sum is fused with."""
        return called(self._builder, "llvm.nvvm.mul.rn.f", _FLOAT, one, other)
