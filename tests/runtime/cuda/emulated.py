"""An emulator of PTX, on the host's memory.

Threads of a warp meet in shuffles; one that reads from a thread outside of the mask, or a mask
whose threads don't come, is an error.
"""

from __future__ import annotations

import ctypes
from collections.abc import Generator, Sequence
from typing import Any

import numpy as np

from optgen.runtime.cuda import simulated_driver
from optgen.runtime.cuda.jit import Kernel
from tests.runtime.cuda.ptx_python import THREADS, WARP, translated

CAPABILITY = (9, 0)
Exchange = tuple[int, str, int, int, int, int]
_compiled: dict[int, Any] = {}


def _memory(letter: str, address: int, count: int) -> Any:
    kind = np.dtype(letter)
    assert address % (kind.itemsize * count) == 0, "an access isn't aligned"
    held = (ctypes.c_ubyte * (kind.itemsize * count)).from_address(address)
    return _Words(np.ctypeslib.as_array(held).view(kind))


class _Words:
    def __init__(self, words: Any) -> None:
        self._words = words

    def __getitem__(self, k: int) -> int:
        return int(self._words[k])

    def __setitem__(self, k: int, value: int) -> None:
        self._words[k] = value


def _permuted(low: int, high: int, selector: int) -> int:
    every = (low | high << 32).to_bytes(8, "little")
    chosen = [selector >> 4 * k & 15 for k in range(4)]
    assert max(chosen) < 8, "no sign is spread"
    return int.from_bytes(bytes(every[one] for one in chosen), "little")


def _inserted(one: int, other: int, first: int, count: int) -> int:
    mask = (1 << count) - 1 << first
    return other & ~mask | one << first & mask


def _divided(one: int, other: int) -> int:
    return abs(one) // abs(other) * (1 if (one < 0) == (other < 0) else -1)


_NAMES = {
    "np": np,
    "memory": _memory,
    "permuted": _permuted,
    "inserted": _inserted,
    "div": _divided,
    "rem": lambda one, other: one - _divided(one, other) * other,
    "real32": lambda bits: np.uint32(bits).view(np.float32),
    "real64": lambda bits: np.uint64(bits).view(np.float64),
    "bits32": lambda number: int(np.float32(number).view(np.uint32)),
    "bits64": lambda number: int(np.float64(number).view(np.uint64)),
}


class Launch:
    """A kernel with its arguments, for one block."""

    def __init__(self, device: int, kernel: Kernel, key: object, arguments: Sequence[int]) -> None:
        self._name, self._arguments = kernel.name, list(arguments)
        if id(kernel) not in _compiled:
            (text,) = kernel.ptx(CAPABILITY)
            scope: dict[str, Any] = {**_NAMES}
            exec(translated(text), scope)
            _compiled[id(kernel)] = scope["thread"], kernel
        self._thread = _compiled[id(kernel)][0]

    def __call__(self, blocks: int, stream: int) -> None:
        """Run all threads of the block."""
        simulated_driver.log.append(self._name)
        with np.errstate(all="ignore"):
            for warp in range(0, THREADS, WARP):
                numbers = range(warp, warp + WARP)
                _run([self._thread(number, self._arguments) for number in numbers])


def _run(threads: Sequence[Generator[Exchange, Any, None]]) -> None:
    """Run the threads of a warp, which meet where they exchange numbers."""
    waiting: dict[int, Exchange] = {}
    ready: dict[int, Any] = dict.fromkeys(range(len(threads)))
    while ready or waiting:
        for lane, given in ready.items():
            try:
                waiting[lane] = threads[lane].send(given)
            except StopIteration:
                waiting.pop(lane, None)
        ready = {}
        for lane, (at, _, _, _, _, mask) in waiting.items():
            assert mask >> lane & 1, "a thread isn't in its own mask"
            named = [other for other in range(WARP) if mask >> other & 1]
            if all(waiting.get(o, (None,))[0] == at and waiting[o][5] == mask for o in named):
                ready[lane] = _exchanged(lane, waiting)
        assert ready or not waiting, "threads wait for others that don't come"
        for lane in ready:
            del waiting[lane]


def _exchanged(lane: int, waiting: dict[int, Exchange]) -> tuple[int, bool]:
    """What a thread gets, and whether its source is in bounds."""
    _, mode, own, by, limits, mask = waiting[lane]
    segment, clamp = limits >> 8 & 31, limits & 31
    most, least = lane & segment | clamp & ~segment & 31, lane & segment
    source = lane + by if mode == "down" else least | by & ~segment & 31
    is_there = source <= most
    source = source if is_there else lane
    assert mask >> source & 1, "a thread reads from one that may not be there"
    return waiting[source][2] if is_there else own, is_there
