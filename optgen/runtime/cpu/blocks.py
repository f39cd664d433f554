"""Blocks: the stretches of buffers that kernels go through, whose elements index them.

``block(addresses, tensor, column, here, formats)`` is the stretch of a buffer of a variable, and
``here`` says which: its first element in memory, the place of that one in the whole variable, the
number of elements, how many make a block whole, and how far ahead of a whole one memory is fetched.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numba import carray, types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model
from numba.np.numpy_support import from_dtype

from optgen.runtime.codes import CODES
from optgen.runtime.cpu import blockwise, half_precision
from optgen.runtime.cpu.blockwise import CodedBlock
from optgen.runtime.cpu.pointers import BLOCK, fetch, pointer
from optgen.runtime.cpu.storage import Formats

#: Which elements, of what is here and of the whole variable.
_HERE = types.UniTuple(types.int64, 5)


class Block(types.Type):  # type: ignore[misc]
    """A stretch of a buffer that isn't stored as kernels compute."""

    def __init__(self, storage: str, real: Any) -> None:
        self.storage, self.real = storage, real
        #: The integers that elements are stored as.
        self.stored = types.Integer.from_bitwidth(half_precision.bits_of(storage), signed=False)
        super().__init__(name=f"Block({storage}, {real})")


@register_model(Block)
class _BlockModel(models.StructModel):  # type: ignore[misc]
    """The address of its first element."""

    def __init__(self, manager: Any, kind: Block) -> None:
        super().__init__(manager, kind, [("elements", types.CPointer(kind.stored))])


@intrinsic(prefer_literal=True)
def block(
    context: Any, addresses: Any, tensor: Any, column: Any, here: Any, formats: Any
) -> tuple[Any, Any]:
    """A stretch of a buffer."""
    chosen: Formats = formats.instance_type
    real, storage = from_dtype(np.dtype(chosen.real)), chosen.storage(column.literal_value)
    # The column stays a literal: blocks of one type share generated code.
    arguments = addresses, types.int64, column, _HERE, formats
    if not storage:
        return types.Array(real, 1, "C")(*arguments), _calling(_native, real)
    if storage in CODES:
        return CodedBlock(storage, real)(*arguments), _coded
    return Block(storage, real)(*arguments), _half


def _calling(function: Any, real: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kinds = (*signature.args[:4], types.NumberClass(real))
        values = [*arguments[:4], context.get_dummy_value()]
        return context.compile_internal(builder, function, signature.return_type(*kinds), values)

    return generate


def _native(addresses: Any, tensor: int, column: int, here: Any, real: Any) -> Any:
    first, _, size, length, ahead = here
    start = pointer(addresses[tensor, column], first, real)
    if size == length:
        for part in range(0, length, BLOCK):
            fetch(pointer(addresses[tensor, column], first + part, real), ahead)
    return carray(start, size)


def _address(addresses: Any, tensor: int, column: int, here: Any, kind: Any) -> Any:
    first, _, size, length, ahead = here
    if size == length:
        for part in range(0, length, BLOCK):
            fetch(pointer(addresses[tensor, column], first + part, kind), ahead)
    return pointer(addresses[tensor, column], first, kind)


def _half(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    made = cgutils.create_struct_proxy(signature.return_type)(context, builder)
    stored = signature.return_type.stored
    kinds = (*signature.args[:4], types.NumberClass(stored))
    values = [*arguments[:4], context.get_dummy_value()]
    found = types.CPointer(stored)(*kinds)
    made.elements = context.compile_internal(builder, _address, found, values)
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
            found = half_precision.decoded(builder, some.storage, found)
        return context.cast(builder, found, types.float32, some.real)

    return some.real(some, types.int64), generate


@intrinsic
def _store(context: Any, some: Any, index: Any, value: Any) -> tuple[Any, Any]:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        made = cgutils.create_struct_proxy(some)(context, builder, value=arguments[0])
        value = context.cast(builder, arguments[2], some.real, types.float32)
        if isinstance(some, Block):
            value = half_precision.encoded(builder, some.storage, value)
        builder.store(value, builder.gep(made.elements, [arguments[1]]))
        return context.get_dummy_value()

    return types.void(some, types.int64, some.real), generate


@overload(operator.getitem)
def _get(some: Any, index: Any) -> Any:
    def get(some: Any, index: Any) -> Any:
        return _load(some, index)

    return get if isinstance(some, Block | CodedBlock) else None


@overload(operator.setitem)
def _set(some: Any, index: Any, value: Any) -> Any:
    def put(some: Any, index: Any, value: Any) -> Any:
        return _store(some, index, value)

    return put if isinstance(some, Block | CodedBlock) else None


@intrinsic
def encode(context: Any, some: Any) -> tuple[Any, Any]:
    """Encode the elements of a block, where it takes all of them; those of others are stored."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if isinstance(some, CodedBlock):
            made = cgutils.create_struct_proxy(some)(context, builder, value=arguments[0])
            blockwise.encode(builder, made, some.code)
        return context.get_dummy_value()

    return types.void(some), generate
