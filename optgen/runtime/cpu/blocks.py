"""Blocks: the stretches of buffers that kernels go through, whose elements index them.

``block(addresses, tensor, column, here, formats)`` is the stretch of a buffer of a variable, and
``here`` says which: its first element in memory, the place of that one in the whole variable, the
number of elements, how many make a block whole, and how far ahead of a whole one memory is fetched.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model
from numba.np.numpy_support import from_dtype

from optgen.runtime.codes import CODES
from optgen.runtime.cpu import blockwise, dither, half_precision, split, stochastic
from optgen.runtime.cpu.blockwise import CodedBlock
from optgen.runtime.cpu.pointers import BLOCK, MOST_BLOCKS, fetch
from optgen.runtime.cpu.storage import DRAWN, REMAINDER, Formats

_BYTE, _INT64 = ir.IntType(8), ir.IntType(64)


class Block(types.Type):  # type: ignore[misc]
    """A stretch of a buffer; what is stored as kernels compute has a storage without a name.

    It isn't an array, whose references would be counted. Where it ``is_scattered``, places in it
    aren't those of a stretch.
    """

    def __init__(self, storage: str, real: Any, *, is_scattered: bool) -> None:
        self.storage, self.real = storage, real
        #: What elements are stored as: integers, or the numbers of the kernel.
        self.stored = real
        if storage:
            bits = half_precision.bits_of(storage)
            self.stored = types.Integer.from_bitwidth(bits, signed=False)
        self.further = split.further_bits(storage)
        self.is_drawn = storage.endswith(DRAWN)
        #: Whether the noise of each element is drawn at its store, and not that of all before.
        self.draws_each = self.is_drawn and is_scattered
        #: Whether rounding to float32 first would change what is nearest.
        self.rounds_twice = not self.is_drawn and self.stored.bitwidth == 16 and real.bitwidth == 64
        #: What lies beside each element: further bits of it, or its noise.
        self.beside = types.Integer.from_bitwidth(self.further or 16, signed=bool(self.further))
        super().__init__(name=f"Block({storage}, {real}, {is_scattered})")


@register_model(Block)
class _BlockModel(models.StructModel):  # type: ignore[misc]
    """The addresses of its first element and of what lies beside it, and what noise depends on."""

    def __init__(self, manager: Any, kind: Block) -> None:
        members = [("elements", types.CPointer(kind.stored))]
        if kind.draws_each:
            members.append(("stream", stochastic.STREAM))
        elif kind.is_drawn or kind.further:
            members.append(("beside", types.CPointer(kind.beside)))
        super().__init__(manager, kind, members)


@intrinsic(prefer_literal=True)
def block(
    context: Any, addresses: Any, tensor: Any, column: Any, here: Any, formats: Any
) -> tuple[Any, Any]:
    """A stretch of a buffer."""
    chosen: Formats = formats.instance_type
    real, storage = from_dtype(np.dtype(chosen.real)), chosen.storage(column.literal_value)
    # The column stays a literal: blocks of one type share generated code.
    arguments = addresses, types.int64, column, stochastic.HERE, formats
    if storage in CODES:
        return CodedBlock(storage, real)(*arguments), _coded
    return Block(storage, real, is_scattered=chosen.is_scattered)(*arguments), _stored


def _address(
    context: Any, builder: Any, kinds: Any, arguments: Any, column: int | None = None
) -> Any:
    """The address of a buffer, of the column of a call or of another one."""
    if column is None:
        column = kinds[2].literal_value
    # Functions that are given the table would count references to it.
    table = context.make_array(kinds[0])(context, builder, value=arguments[0])
    place = arguments[1], context.get_constant(types.int64, column)
    found = cgutils.get_item_pointer(context, builder, kinds[0], table, place, wraparound=True)
    return builder.load(found)


def _start(builder: Any, address: Any, here: Any, first: Any, kind: Any, length: int) -> Any:
    """The address of a number in a buffer; of whole blocks, what lies ahead is fetched."""
    start = builder.gep(builder.inttoptr(address, kind.as_pointer()), [first])
    size, whole, ahead = (builder.extract_value(here, place) for place in (2, 3, 4))
    with builder.if_then(builder.icmp_signed("==", size, whole)):
        fetch(builder, start, ahead, length)
        for k in range(1, MOST_BLOCKS):
            with builder.if_then(builder.icmp_signed(">", whole, whole.type(k * BLOCK))):
                fetch(builder, start, builder.add(ahead, ahead.type(k * length)), length)
    return start


def _stored(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    made = cgutils.create_struct_proxy(signature.return_type)(context, builder)
    some, here = signature.return_type, arguments[3]

    def at(stored: Any, column: int | None = None) -> Any:
        address = _address(context, builder, signature.args, arguments, column)
        first, kind = builder.extract_value(here, 0), context.get_value_type(stored)
        length = BLOCK * context.get_abi_sizeof(kind)
        return _start(builder, address, here, first, kind, length)

    made.elements = at(some.stored)
    if some.further:
        made.beside = at(some.beside, REMAINDER)
    elif some.is_drawn:
        stream = stochastic.stream(context, builder, signature.args, arguments)
        if some.draws_each:
            made.stream = stream
        else:
            made.beside = stochastic.tile(context, builder, stream, here)
    return made._getvalue()


def _coded(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    kind, here = signature.return_type, arguments[3]
    made = cgutils.create_struct_proxy(kind)(context, builder)
    length = kind.code.dtype.itemsize
    address = _address(context, builder, signature.args, arguments)
    number = builder.sdiv(builder.extract_value(here, 0), _INT64(BLOCK))
    first = builder.mul(number, _INT64(length))
    # What lies ahead of one line's end is of the next one.
    made.blocks = _start(builder, address, here, first, _BYTE, BLOCK)
    made.place, made.size = (builder.extract_value(here, k) for k in (1, 2))
    made.key = dither.key(context, builder, signature.args[:4], arguments)
    blockwise.decode(builder, made, kind.code)
    return made._getvalue()


@intrinsic
def _load(context: Any, some: Any, index: Any) -> tuple[Any, Any]:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        made = cgutils.create_struct_proxy(some)(context, builder, value=arguments[0])
        found = builder.load(builder.gep(made.elements, [arguments[1]]))
        if isinstance(some, Block):
            if not some.storage:
                return found
            found = _decoded(builder, some, made, arguments[1], found)
        return context.cast(builder, found, types.float32, some.real)

    return some.real(some, types.int64), generate


@intrinsic
def _store(context: Any, some: Any, index: Any, value: Any, position: Any) -> tuple[Any, Any]:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        made = cgutils.create_struct_proxy(some)(context, builder, value=arguments[0])
        _, place, value, position = arguments
        value = _narrowed(context, builder, some, value)
        if isinstance(some, Block) and some.storage:
            value = _encoded(context, builder, some, made, place, value, position)
        builder.store(value, builder.gep(made.elements, [place]))
        return context.get_dummy_value()

    return types.void(some, types.int64, some.real, types.int64), generate


def _narrowed(context: Any, builder: Any, some: Any, value: Any) -> Any:
    """A number as a float32, where it isn't stored as kernels compute it."""
    if isinstance(some, Block) and some.rounds_twice:
        return half_precision.to_odd(builder, value)
    if isinstance(some, CodedBlock) or some.storage:
        return context.cast(builder, value, some.real, types.float32)
    return value


def _decoded(builder: Any, some: Block, made: Any, place: Any, value: Any) -> Any:
    """A stored number as a float32."""
    if some.further:
        rest = builder.load(builder.gep(made.beside, [place]))
        return split.joined(builder, some.further, value, rest)
    return half_precision.decoded(builder, some.storage, value)


def _encoded(
    context: Any, builder: Any, some: Block, made: Any, place: Any, value: Any, position: Any
) -> Any:
    """A float32 as it is stored; what lies beside it is stored here."""
    if some.further:
        bits, rest = split.parted(builder, some.further, value)
        builder.store(rest, builder.gep(made.beside, [place]))
        return bits
    if not some.is_drawn:
        return half_precision.encoded(builder, some.storage, value)
    if some.draws_each:
        noise = stochastic.drawn(context, builder, made.stream, position)
    else:
        noise = builder.load(builder.gep(made.beside, [place]))
    return stochastic.encoded(builder, some.storage, value, noise)


@overload(operator.getitem)
def _get(some: Any, index: Any) -> Any:
    def get(some: Any, index: Any) -> Any:
        return _load(some, index)

    return get if isinstance(some, Block | CodedBlock) else None


@overload(operator.setitem)
def _set(some: Any, index: Any, value: Any) -> Any:
    def put(some: Any, index: Any, value: Any) -> Any:
        return _store(some, index, value, 0)

    is_plain = isinstance(some, Block) and not some.draws_each
    return put if is_plain or isinstance(some, CodedBlock) else None


def store(some: Any, index: int, position: int, value: float) -> None:
    """Store an element of a block, given its place in the block and in the whole variable."""
    raise NotImplementedError("only kernels have blocks")


@overload(store)
def _store_at(some: Any, index: Any, position: Any, value: Any) -> Any:
    def put(some: Any, index: Any, position: Any, value: Any) -> None:
        some[index] = value

    def put_drawn(some: Any, index: Any, position: Any, value: Any) -> None:
        _store(some, index, value, position)

    return put_drawn if isinstance(some, Block) and some.draws_each else put


def as_stored(some: Any, index: int, position: int, value: float) -> float:
    """A number as it is loaded again once it's stored, at a place in the block and in the whole."""
    raise NotImplementedError("only kernels have blocks")


@overload(as_stored)
def _as_stored(some: Any, index: Any, position: Any, value: Any) -> Any:
    def same(some: Any, index: Any, position: Any, value: Any) -> Any:
        return value

    def rounded(some: Any, index: Any, position: Any, value: Any) -> Any:
        return _rounded(some, index, value, position)

    return rounded if isinstance(some, Block) and some.storage else same


@intrinsic
def _rounded(context: Any, some: Any, index: Any, value: Any, position: Any) -> tuple[Any, Any]:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        made = cgutils.create_struct_proxy(some)(context, builder, value=arguments[0])
        _, place, value, position = arguments
        value = _narrowed(context, builder, some, value)
        if some.further:
            found = split.joined(builder, some.further, *split.parted(builder, some.further, value))
        else:
            found = _encoded(context, builder, some, made, place, value, position)
            found = half_precision.decoded(builder, some.storage, found)
        return context.cast(builder, found, types.float32, some.real)

    return some.real(some, types.int64, some.real, types.int64), generate


@intrinsic
def encode(context: Any, some: Any) -> tuple[Any, Any]:
    """Encode the elements of a block, where it takes all of them; those of others are stored."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if isinstance(some, CodedBlock):
            made = cgutils.create_struct_proxy(some)(context, builder, value=arguments[0])
            blockwise.encode(builder, made, some.code)
        return context.get_dummy_value()

    return types.void(some), generate
