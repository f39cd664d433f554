"""Storage: the memory formats of an optimizer's buffers, independent of arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction

from optgen.compiler.ir.formats import (
    BFLOAT16,
    FLOAT16,
    FLOAT32,
    FLOATS,
    STATE_FORMATS,
    Blockwise,
    Floating,
    Format,
)
from optgen.compiler.ir.problem import UsageError

#: Bytes of a float32, the compute type of parameters of up to 32 bits.
WIDTH = 4


@dataclass(frozen=True)
class Native:
    """One number per element in the parameter's own dtype, loaded and stored without conversion."""


#: The storage of buffers; a storage class defines how an element is decoded.
Storage = Native
NATIVE = Native()


class Rounding(StrEnum):
    """How what a step stores is rounded; split parameters have more bits in their state."""

    NEAREST = "nearest"
    STOCHASTIC = "stochastic"
    SPLIT8 = "split8"
    SPLIT = "split"
    SPLIT8_STOCHASTIC = "split8+stochastic"
    SPLIT_STOCHASTIC = "split+stochastic"

    @property
    def more_bits(self) -> int:
        """The bits of a parameter that the state keeps."""
        return {"split8": 8, "split": 16}.get(self.value.partition("+")[0], 0)

    @property
    def is_drawn(self) -> bool:
        """Whether states of half precision are rounded at random."""
        return "stochastic" in self.value


@dataclass(frozen=True)
class Stored:
    """The formats of the buffers of an optimizer, and the rounding at their stores."""

    param: Floating = FLOAT32
    grad: Floating = FLOAT32
    #: The name of the format of states; which codes it has depends on the state.
    states: str = FLOAT32.name
    rounding: Rounding = Rounding.NEAREST

    def __str__(self) -> str:
        if self == Stored():
            return FLOAT32.name
        words = [f"param={self.param.name}", f"states={self.states}"]
        if self.grad != self.param:
            words.insert(1, f"grad={self.grad.name}")
        if self.rounding is not Rounding.NEAREST:
            words.append(f"rounding={self.rounding}")
        return ",".join(words)

    @property
    def kept(self) -> Floating:
        """What is kept of a parameter, with the bits of it in the state."""
        more = self.rounding.more_bits
        name = f"float{self.param.bits + more}"
        return replace(
            self.param, name=name, bits=self.param.bits + more, digits=self.param.digits + more
        )

    def draws(self, found: Format) -> bool:
        """Whether one of both neighbours of a value is drawn when a state is stored."""
        if isinstance(found, Blockwise):
            return True
        return self.rounding.is_drawn and found is not FLOAT32

    @property
    def extra_width(self) -> Fraction:
        """Bytes of the bits of a parameter that the state keeps."""
        return Fraction(self.rounding.more_bits, 8)


#: The usual combinations; the first is what others are compared with.
USUAL = (
    Stored(),
    Stored(states="bfloat16"),
    Stored(states="int8"),
    Stored(FLOAT16, FLOAT16),
    Stored(BFLOAT16, BFLOAT16),
    *(Stored(BFLOAT16, BFLOAT16, "bfloat16", rounding) for rounding in [*Rounding][:4]),
    *(
        Stored(BFLOAT16, BFLOAT16, name, Rounding.SPLIT)
        for name in STATE_FORMATS
        if name not in FLOATS
    ),
)


def stored_as(wish: str) -> Stored:
    """The storage of a text such as ``param=bfloat16,states=int8,rounding=split``.

    A gradient has the format of its parameter where nothing else is said. Raises UsageError.
    """
    given: dict[str, str] = {}
    for part in wish.split(","):
        key, equals, value = (word.strip() for word in part.partition("="))
        if not equals or key not in _CHOICES or value not in _CHOICES[key]:
            raise UsageError(f"the storage {wish!r} has {part.strip()!r}; {_allowed(key)}")
        given[key] = value
    param = FLOATS[given.get("param", FLOAT32.name)]
    grad = FLOATS[given.get("grad", param.name)]
    rounding = Rounding(given.get("rounding", Rounding.NEAREST))
    found = Stored(param, grad, given.get("states", FLOAT32.name), rounding)
    if found.rounding.more_bits and param is not BFLOAT16:
        raise UsageError(f"the storage {wish!r} splits {param.name}; only {BFLOAT16.name} is split")
    return found


_CHOICES: Mapping[str, tuple[str, ...]] = {
    "param": tuple(FLOATS),
    "grad": tuple(FLOATS),
    "states": STATE_FORMATS,
    "rounding": tuple(Rounding),
}


def _allowed(key: str) -> str:
    if key in _CHOICES:
        return f"{key} is one of {', '.join(_CHOICES[key])}"
    return f"there are {', '.join(_CHOICES)}, as in param=bfloat16,states=int8"
