"""What loops over elements do, as x86-64 assembly tells it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from tests.performance.flow import innermost_loops

#: An operand in memory: base, index and scale.
_MEMORY = re.compile(r"\((%\w+)?(?:,(%\w+)(?:,(\d))?)?\)")
_COUNTER = re.compile(r"(add|sub)q\s+\$(-?\d+), (%\w+)$|(inc|dec)q\s+(%\w+)$")
_REGISTER_BYTES = {"x": 16, "y": 32, "z": 64}
#: What computes in float64, or converts from or to it. Moves of eight bytes don't; nor does a
#: comparison alone: it is of a scalar, since elements would be converted first.
_DOUBLE = re.compile(
    r"v?((add|sub|mul|div|sqrt|min|max|cmp[a-z]*|round|fn?m(add|sub)\w*)[sp]d|cvt\w*[sp]d\w*)$"
)


#: Bytes of a float32.
ELEMENT = 4
#: What moves one element of 16 bits.
_WIDENED = ("vpmovzxwd", "vcvtph2ps", "vcvtps2ph")
_OF_WORDS = ("movw", "movzwl", "movswl", "vpextrw", "vpinsrw")


def _widest(text: str) -> int:
    return max(_REGISTER_BYTES[one] for one in re.findall(r"%([xyz])mm", text))


@dataclass(frozen=True)
class Access:
    """An instruction that loads or stores elements, and by how many bytes it moves on."""

    text: str
    stride: int
    #: Bytes of an element in memory.
    size: int = ELEMENT

    @property
    def stores(self) -> bool:
        return self.text.endswith(")")

    @property
    def elements(self) -> int:
        """How many it moves."""
        name = self.text.split()[0]
        if name in _WIDENED:
            # A register holds them as float32.
            return _widest(self.text) // ELEMENT
        if name.endswith(("ss", "l")) or name in _OF_WORDS:
            return 1
        if name.endswith(("sd", "q")):
            return 2
        # A register holds half as many where it gets them as float64.
        return _widest(self.text) // self.size // (2 if name == "vcvtps2pd" else 1)


@dataclass(frozen=True)
class Loop:
    """The instructions of an innermost loop."""

    lines: tuple[str, ...]
    #: Bytes of an element in memory.
    size: int = ELEMENT

    @cached_property
    def accesses(self) -> list[Access]:
        """The operands in memory that move on with a counter of the loop."""
        steps = self._steps()
        found = []
        for line in self._with_memory:
            memory = _MEMORY.search(line)
            assert memory is not None
            stride = steps.get(memory[1], 0) + int(memory[3] or 1) * steps.get(memory[2], 0)
            if stride:
                found.append(Access(line, stride, self.size))
        return found

    @property
    def is_over_elements(self) -> bool:
        """Whether all that moves on does so in step."""
        return len({access.stride for access in self.accesses}) == 1

    @property
    def step(self) -> int:
        """Elements that one iteration is for."""
        return abs(self.accesses[0].stride) // self.size

    @property
    def lanes(self) -> int:
        """Elements that an instruction moves at a time; 1 in a loop that isn't vectorised."""
        return max(access.elements for access in self.accesses)

    @property
    def loads(self) -> float:
        """Loads for each element."""
        return sum(access.elements for access in self.accesses if not access.stores) / self.step

    @property
    def stores(self) -> float:
        """Stores for each element."""
        return sum(access.elements for access in self.accesses if access.stores) / self.step

    @property
    def spills(self) -> int:
        """The other operands in memory: registers that were spilled, and constants."""
        return len(self._with_memory) - len(self.accesses)

    @property
    def calls(self) -> list[str]:
        return [line for line in self.lines if line.startswith("call")]

    @property
    def doubles(self) -> list[str]:
        """Arithmetic in float64."""
        return [line for line in self.lines if _DOUBLE.match(line.split()[0])]

    @property
    def _with_memory(self) -> list[str]:
        others = ("lea", "prefetch")
        return [one for one in self.lines if _MEMORY.search(one) and not one.startswith(others)]

    def _steps(self) -> dict[str, int]:
        """What each iteration adds to registers."""
        steps = {}
        for line in self.lines:
            counter = _COUNTER.match(line)
            if counter and counter[3]:
                steps[counter[3]] = int(counter[2]) * (1 if counter[1] == "add" else -1)
            elif counter:
                steps[counter[5]] = 1 if counter[4] == "inc" else -1
        return steps


def hot_loop(text: str, size: int = ELEMENT) -> Loop | None:
    """The loop in which a kernel spends its time on long arrays; None if none is over elements.

    Of the loops with most lanes, others take what is left over, or are for a case in which less
    is moved.
    """
    every = (Loop(lines, size) for lines in innermost_loops(text))
    found = [loop for loop in every if loop.is_over_elements]
    return max(found, key=lambda x: (x.lanes, x.loads + x.stores, x.step), default=None)
