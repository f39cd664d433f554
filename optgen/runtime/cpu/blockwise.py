"""Codes in kernels: a block is decoded into memory of the kernel, and encoded after the loop.

All elements of a block are vectors of LLVM, which it divides into those that a processor has.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import models, register_model

from optgen.runtime.codes import BLOCK, CODES, LEAST_UNIT, ONE, Code
from optgen.runtime.cpu import dither

_BYTE, _INT32, _INT64, _FLOAT = ir.IntType(8), ir.IntType(32), ir.IntType(64), ir.FloatType()
_BYTES, _INTS, _FLOATS = (ir.VectorType(one, BLOCK) for one in (_BYTE, _INT32, _FLOAT))
#: Blocks that a loop may go through at once.
_MOST_BLOCKS = 2
_UNIT_BYTES = 4
#: Bytes of a line of a cache.
_LINE = 64
_MAGNITUDE, _SIGN = 0x7FFFFFFF, 0x80000000
#: The bits of 2 as a float32.
_TWO = 0x40000000


class CodedBlock(types.Type):  # type: ignore[misc]
    """A stretch of a buffer whose blocks have codes; its elements are in memory of the kernel."""

    def __init__(self, storage: str, real: Any) -> None:
        self.code, self.real = CODES[storage], real
        super().__init__(name=f"CodedBlock({storage}, {real})")


@register_model(CodedBlock)
class _CodedBlockModel(models.StructModel):  # type: ignore[misc]
    """Where the blocks are, where their elements, how many these are, and what noise depends on."""

    def __init__(self, manager: Any, kind: CodedBlock) -> None:
        numbers = types.CPointer(types.float32)
        fields = [("blocks", types.CPointer(types.uint8)), ("elements", numbers)]
        fields += [("size", types.int64), ("place", types.int64), ("key", types.uint64)]
        super().__init__(manager, kind, fields)


def decode(builder: Any, made: Any, code: Code) -> None:
    """Decode the blocks of a stretch into memory of the kernel, which is made here."""
    elements = cgutils.alloca_once(builder, _FLOAT, size=_MOST_BLOCKS * BLOCK)
    elements.align = _LINE
    made.elements = elements
    _decode(builder, code, made.blocks, made.elements)
    with builder.if_then(builder.icmp_signed(">", made.size, _INT64(BLOCK))):
        _decode(builder, code, *_second(builder, made, code))


def encode(builder: Any, made: Any, code: Code) -> None:
    """Encode the elements of a stretch into its blocks."""
    noise = dither.numbers(builder, made.key, made.place)
    _encode(builder, code, made.blocks, made.elements, noise)
    with builder.if_then(builder.icmp_signed(">", made.size, _INT64(BLOCK))):
        noise = dither.numbers(builder, made.key, builder.add(made.place, _INT64(BLOCK)))
        _encode(builder, code, *_second(builder, made, code), noise)


def _second(builder: Any, made: Any, code: Code) -> tuple[Any, Any]:
    """The second block, and where its elements are."""
    block = cgutils.gep_inbounds(builder, made.blocks, code.dtype.itemsize)
    return block, cgutils.gep_inbounds(builder, made.elements, BLOCK)


def _decode(builder: Any, code: Code, block: Any, elements: Any) -> None:
    unit = builder.load(builder.bitcast(block, _FLOAT.as_pointer()), align=1)
    codes = builder.sext(_load_codes(builder, code, block), _INTS)
    size = builder.and_(builder.shl(codes, _all(code.shift)), _all(code.most << code.shift))
    # Relative to 2, and half the unit: the bits of 2 are none of a code's.
    relative = builder.fsub(builder.bitcast(builder.or_(size, _all(_TWO)), _FLOATS), _every(2.0))
    half = builder.fmul(unit, _FLOAT(0.5))
    found = builder.fmul(relative, _splat(builder, half, _FLOATS))
    if code.is_signed:
        sign = builder.and_(builder.shl(codes, _all(32 - code.bits)), _all(_SIGN))
        found = builder.or_(builder.bitcast(found, _INTS), sign)
    builder.store(found, builder.bitcast(elements, found.type.as_pointer()), align=_LINE)


def _encode(builder: Any, code: Code, block: Any, elements: Any, noise: tuple[Any, Any]) -> None:
    bits = builder.load(builder.bitcast(elements, _INTS.as_pointer()), align=_LINE)
    size = builder.and_(bits, _all(_MAGNITUDE))
    unit, factor = _unit(builder, code, size)
    builder.store(unit, builder.bitcast(block, _FLOAT.as_pointer()), align=1)
    relative = builder.fmul(builder.bitcast(size, _FLOATS), _splat(builder, factor, _FLOATS))
    above = builder.bitcast(builder.fadd(relative, _every(1.0)), _INTS)
    above = builder.add(above, _added(builder, code, *noise))
    if not code.is_signed:
        # What is above 0 stays so: rules divide by it.
        least = _larger(builder, above, _all(ONE + (1 << code.shift)))
        above = builder.select(builder.icmp_unsigned("!=", size, _all(0)), least, above)
    codes = _upper(builder, builder.shl(above, _all(24 - code.shift)))
    codes = builder.sub(codes, _all(ONE >> code.shift & 0xFF, _BYTES))
    if code.is_signed:
        sign = builder.and_(_upper(builder, bits), _all(0x80, _BYTES))
        codes = builder.or_(codes, builder.lshr(sign, _all(8 - code.bits, _BYTES)))
    _store_codes(builder, code, block, codes)


def _upper(builder: Any, numbers: Any) -> Any:
    """The upper bytes of numbers."""
    found = builder.bitcast(numbers, ir.VectorType(_BYTE, 4 * BLOCK))
    places = ir.Constant(_INTS, list(range(3, 4 * BLOCK, 4)))
    return builder.shuffle_vector(found, found, places)


def _unit(builder: Any, code: Code, size: Any) -> tuple[Any, Any]:
    """The unit of a block, NaN where an element isn't finite, and the inverse of one that is."""
    unit = builder.fmul(_most(builder, size), _FLOAT(code.inverse))
    is_small = builder.fcmp_ordered("<", unit, _FLOAT(LEAST_UNIT))
    unit = builder.select(is_small, _FLOAT(LEAST_UNIT), unit)
    nothing = builder.fsub(unit, unit)
    return builder.fadd(unit, nothing), builder.fdiv(_FLOAT(1.0), unit)


def _most(builder: Any, size: Any) -> Any:
    """The largest magnitude, in a register of floats, of which it is needed."""
    count = BLOCK
    while count > 4:
        count //= 2
        halves = (
            builder.shuffle_vector(size, size, _places(begin, begin + count))
            for begin in (0, count)
        )
        size = _larger(builder, *halves)
    for order in ((2, 3, 0, 1), (1, 0, 3, 2)):
        turned = builder.shuffle_vector(size, size, ir.Constant(size.type, order))
        size = _larger(builder, size, turned)
    return builder.extract_element(builder.bitcast(size, ir.VectorType(_FLOAT, 4)), _INT32(0))


def _added(builder: Any, code: Code, factor: Any, summand: Any) -> Any:
    """Noise below a step, which is added before bits are dropped, so that small changes add up."""
    product = builder.mul(_splat(builder, factor, _INTS), ir.Constant(_INTS, dither.FACTORS))
    mixed = builder.add(product, _splat(builder, summand, _INTS))
    return builder.lshr(mixed, _all(32 - code.shift))


def _smaller(builder: Any, numbers: Any, others: Any) -> Any:
    return builder.select(builder.icmp_unsigned("<", numbers, others), numbers, others)


def _larger(builder: Any, numbers: Any, others: Any) -> Any:
    return builder.select(builder.icmp_unsigned(">", numbers, others), numbers, others)


def _load_codes(builder: Any, code: Code, block: Any) -> Any:
    if code.bits == 8:
        return builder.load(_codes(builder, block, _BYTES), align=1)
    pairs = builder.load(_codes(builder, block, _half(_BYTE)), align=1)
    halves = [builder.and_(pairs, _all(15, _half(_BYTE))), builder.lshr(pairs, _all(4, pairs.type))]
    return builder.shuffle_vector(*halves, _places(0, BLOCK))


def _store_codes(builder: Any, code: Code, block: Any, codes: Any) -> None:
    if code.bits != 8:
        first, second = (
            builder.shuffle_vector(codes, codes, _places(begin, begin + BLOCK // 2))
            for begin in (0, BLOCK // 2)
        )
        codes = builder.or_(first, builder.shl(second, _all(4, second.type)))
    builder.store(codes, _codes(builder, block, codes.type), align=1)


def _codes(builder: Any, block: Any, kind: Any) -> Any:
    """The address of the codes of a block."""
    return builder.bitcast(cgutils.gep(builder, block, _UNIT_BYTES), kind.as_pointer())


def _half(kind: Any) -> Any:
    return ir.VectorType(kind, BLOCK // 2)


def _places(begin: int, end: int) -> Any:
    return ir.Constant(ir.VectorType(_INT32, end - begin), list(range(begin, end)))


def _all(number: int, kind: Any = _INTS) -> Any:
    return ir.Constant(kind, [number] * kind.count)


def _every(number: float) -> Any:
    return ir.Constant(_FLOATS, [number] * BLOCK)


def _splat(builder: Any, number: Any, kind: Any) -> Any:
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), number, _INT32(0))
    zeros = ir.Constant(ir.VectorType(_INT32, kind.count), [0] * kind.count)
    return builder.shuffle_vector(one, one, zeros)
