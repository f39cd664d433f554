"""Blocks: the stretches of buffers that kernels go through, whose elements index them.

``block(addresses, tensor, column, here, formats)`` is the stretch of a buffer of a variable, and
``here`` says which: its first element in memory, the place of that one in the whole variable, the
number of elements, how many make a block whole, and how far ahead of a whole one memory is fetched.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numba import carray, njit, types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model
from numba.np.numpy_support import from_dtype

from optgen.runtime.codes import CODES
from optgen.runtime.cpu import blockwise, half_precision, split, stochastic
from optgen.runtime.cpu.blockwise import CodedBlock
from optgen.runtime.cpu.pointers import BLOCK, fetch, pointer
from optgen.runtime.cpu.storage import DRAWN, REMAINDER, Formats


class Block(types.Type):  # type: ignore[misc]
    """A stretch of a buffer that isn't stored as kernels compute.

    Where it ``is_scattered``, places in it aren't those of a stretch.
    """

    def __init__(self, storage: str, real: Any, *, is_scattered: bool) -> None:
        self.storage, self.real = storage, real
        #: The integers that elements are stored as.
        self.stored = types.Integer.from_bitwidth(half_precision.bits_of(storage), signed=False)
        self.further = split.further_bits(storage)
        self.is_drawn = storage.endswith(DRAWN)
        #: Whether the noise of each element is drawn at its store, and not that of all before.
        self.draws_each = self.is_drawn and is_scattered
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
    if not storage:
        return types.Array(real, 1, "C")(*arguments), _calling(_native, real)
    if storage in CODES:
        return CodedBlock(storage, real)(*arguments), _coded
    return Block(storage, real, is_scattered=chosen.is_scattered)(*arguments), _stored


def _calling(function: Any, real: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kinds = (*signature.args[:4], types.NumberClass(real))
        values = [*arguments[:4], context.get_dummy_value()]
        return context.compile_internal(builder, function, signature.return_type(*kinds), values)

    return generate


@njit
def _address(addresses: Any, tensor: int, column: int, here: Any, kind: Any) -> Any:
    first, _, size, length, ahead = here
    if size == length:
        for part in range(0, length, BLOCK):
            fetch(pointer(addresses[tensor, column], first + part, kind), ahead)
    return pointer(addresses[tensor, column], first, kind)


def _native(addresses: Any, tensor: int, column: int, here: Any, real: Any) -> Any:
    return carray(_address(addresses, tensor, column, here, real), here[2])


def _stored(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    made = cgutils.create_struct_proxy(signature.return_type)(context, builder)
    some, given = signature.return_type, signature.args[:4]

    def at(stored: Any, column: Any, value: Any) -> Any:
        kinds = (*given[:2], column, given[3], types.NumberClass(stored))
        values = [*arguments[:2], value, arguments[3], context.get_dummy_value()]
        found = types.CPointer(stored)(*kinds)
        return context.compile_internal(builder, _address.py_func, found, values)

    made.elements = at(some.stored, given[2], arguments[2])
    if some.further:
        made.beside = at(some.beside, types.int64, context.get_constant(types.int64, REMAINDER))
    elif some.is_drawn:
        stream = stochastic.stream(context, builder, given, arguments)
        if some.draws_each:
            made.stream = stream
        else:
            made.beside = stochastic.tile(context, builder, stream, arguments[3])
    return made._getvalue()


def _coded_address(addresses: Any, tensor: int, column: int, here: Any, length: int) -> Any:
    first, _, size, whole, ahead = here
    start = pointer(addresses[tensor, column], first // BLOCK * length, types.uint8)
    if size == whole:
        fetch(start, ahead)
        if whole > BLOCK:
            fetch(start, ahead + length)
    return start


def _coded(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    kind = signature.return_type
    made = cgutils.create_struct_proxy(kind)(context, builder)
    kinds = (*signature.args[:4], types.int64)
    length = context.get_constant(types.int64, kind.code.dtype.itemsize)
    found, own = types.CPointer(types.uint8)(*kinds), [*arguments[:4], length]
    made.blocks = context.compile_internal(builder, _coded_address, found, own)
    made.size = builder.extract_value(arguments[3], 2)
    blockwise.decode(builder, made, kind.code)
    return made._getvalue()


@intrinsic
def _load(context: Any, some: Any, index: Any) -> tuple[Any, Any]:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        made = cgutils.create_struct_proxy(some)(context, builder, value=arguments[0])
        found = builder.load(builder.gep(made.elements, [arguments[1]]))
        if isinstance(some, Block):
            found = _decoded(builder, some, made, arguments[1], found)
        return context.cast(builder, found, types.float32, some.real)

    return some.real(some, types.int64), generate


@intrinsic
def _store(context: Any, some: Any, index: Any, value: Any, position: Any) -> tuple[Any, Any]:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        made = cgutils.create_struct_proxy(some)(context, builder, value=arguments[0])
        _, place, value, position = arguments
        value = context.cast(builder, value, some.real, types.float32)
        if isinstance(some, Block):
            value = _encoded(context, builder, some, made, place, value, position)
        builder.store(value, builder.gep(made.elements, [place]))
        return context.get_dummy_value()

    return types.void(some, types.int64, some.real, types.int64), generate


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

    return rounded if isinstance(some, Block) else same


@intrinsic
def _rounded(context: Any, some: Any, index: Any, value: Any, position: Any) -> tuple[Any, Any]:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        made = cgutils.create_struct_proxy(some)(context, builder, value=arguments[0])
        _, place, value, position = arguments
        value = context.cast(builder, value, some.real, types.float32)
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
