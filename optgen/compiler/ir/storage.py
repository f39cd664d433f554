"""Storage: the memory format of a buffer's elements, independent of arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

#: Bytes of a float32, which parameters of up to 32 bits are computed in.
WIDTH = 4


@dataclass(frozen=True)
class Native:
    """A number of the parameter's own dtype for each element, loaded and stored as it is."""

    @property
    def width(self) -> float:
        """Bytes for each element of a float32 parameter."""
        return WIDTH


#: How buffers may be stored; a storage of its own class says how an element is decoded.
Storage = Native
NATIVE = Native()
