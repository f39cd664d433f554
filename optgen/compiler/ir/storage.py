"""Storage: the memory format of a buffer's elements, independent of arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

#: Bytes of a float32, the compute type of parameters of up to 32 bits.
WIDTH = 4


@dataclass(frozen=True)
class Native:
    """One number per element in the parameter's own dtype, loaded and stored without conversion."""


#: The storage of buffers; a storage class defines how an element is decoded.
Storage = Native
NATIVE = Native()
