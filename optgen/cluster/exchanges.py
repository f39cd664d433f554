"""The exchanges between processes that a step makes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from optgen.cluster.memory import width_of
from optgen.cluster.placement import Chosen, Placed
from optgen.cluster.sharding import Counts, Kind, Sharding
from optgen.runtime.kernels import MATRIX, Phase
from optgen.runtime.ownership import BUCKET_BYTES, buckets_of

#: Results are float64.
_NUMBER = 8
_REDUCE, _MOVE, _SEND = "all_reduce", "all_to_all", "broadcast"


@dataclass(frozen=True)
class Exchange:
    """One collective: the bytes that each process puts in, and those that it gets.

    What a process exchanges with itself isn't counted.
    """

    collective: str
    what: str
    sent: Counts
    received: Counts


def exchanges(chosen: Chosen, every: Sequence[Placed], sharding: Sharding) -> list[Exchange]:
    """All exchanges of a step in which all parameters have a gradient."""
    if sharding.kind is Kind.ZERO:
        return [*_broadcasts(chosen, every)]
    if not any(one.is_spread for one in every):
        return []
    return [*_moves(chosen, every), *_completions(chosen, every)]


def _broadcasts(chosen: Chosen, every: Sequence[Placed]) -> Iterator[Exchange]:
    """What ``ZeroRedundancyOptimizer`` sends after its step: each parameter from where it is."""
    for one in every:
        size = width_of(chosen.dtype) * one.tensor.elements
        yield Exchange(_SEND, "parameters", size * one.has, size * (1 - one.has))


def _moves(chosen: Chosen, every: Sequence[Placed]) -> Iterator[Exchange]:
    """The parts of matrices on their way to owners, and back."""
    some = [one for one in every if one.owner is not None]
    width = width_of(chosen.dtype)
    sizes = [width * one.tensor.elements for one in some]
    found = [*buckets_of([0] * len(some), sizes, BUCKET_BYTES)]
    for what in ("gradients to owners", "parameters to owners", "parameters back"):
        for bucket in found:
            pairs = _between([some[k] for k in bucket], width)
            sent, received = pairs if what != "parameters back" else pairs[::-1]
            yield Exchange(_MOVE, what, sent, received)


def _between(some: Sequence[Placed], width: int) -> tuple[Counts, Counts]:
    """The bytes that each process has of what others own, and others of what it owns."""
    given, taken = np.zeros_like(some[0].held), np.zeros_like(some[0].held)
    for one in some:
        at_owner = np.arange(len(given)) == one.owner
        given += np.where(at_owner, 0, one.held)
        taken += np.where(at_owner, one.tensor.elements - one.held, 0)
    return width * given, width * taken


def buffer_bytes(chosen: Chosen, every: Sequence[Placed]) -> Counts:
    """The most bytes that one exchange of matrices has in its buffers, by process."""
    some = [one for one in every if one.owner is not None]
    width = width_of(chosen.dtype)
    most = np.zeros_like(every[0].held)
    sizes = [width * one.tensor.elements for one in some]
    for bucket in buckets_of([0] * len(some), sizes, BUCKET_BYTES):
        members = [some[k] for k in bucket]
        most = np.maximum(most, width * sum(one.held + one.updated for one in members))
    return most


def _completions(chosen: Chosen, every: Sequence[Placed]) -> Iterator[Exchange]:
    """The sums, largest and smallest values over whole parameters, phase by phase."""
    kernels, spread = chosen.kernels, [one for one in every if one.is_spread]
    settings = distinct(every)
    may_sum = bool(kernels.decided) or any(one.optional for one in chosen.rule.inputs)
    may_sum = may_sum or kernels.take_sums(settings)
    if not may_sum and all(one.owner is None for one in spread):
        return
    program = kernels.programs[0]
    early = max(program.pure, program.common)
    divided = [one for one in spread if one.owner is None]
    for number, phase in enumerate(program.phases):
        # Owned matrices take later phases alone, in batches.
        some = spread if number < early else divided
        passing = [on for on in settings if phase.builder(on) is not None]
        if not some or not passing:
            continue
        nothing = np.zeros_like(spread[0].held)
        if phase.sums:
            sums = phase.every_order.count(0)
            yield from _reductions(len(spread) * sums, len(spread) * (phase.sums - sums), nothing)
        yield from _vectors(chosen, phase, [one for one in some if one.on in passing], nothing)


def _vectors(
    chosen: Chosen, phase: Phase, some: Sequence[Placed], nothing: Counts
) -> Iterator[Exchange]:
    shapes = dict(chosen.kernels.vectors) | {one.name: one.shape for one in chosen.rule.states}
    sums = others = 0
    for name, order in phase.vectors:
        for one in some:
            if one.on[MATRIX] and one.view is not None:
                (length,) = one.view.length(shapes[name])
                sums, others = (sums, others + length) if order else (sums + length, others)
    yield from _reductions(sums, others, nothing, "vectors of rows and columns")


def _reductions(
    sums: int, others: int, nothing: Counts, what: str = "sums of whole parameters"
) -> Iterator[Exchange]:
    """One exchange of sums, one of largest values, each with a mark whether it is a number."""
    for count in (sums, 2 * others):
        if count:
            size = nothing + _NUMBER * count
            yield Exchange(_REDUCE, what, size, size)


def distinct(every: Sequence[Placed]) -> list[Any]:
    """The switch settings of parameters, each once."""
    return [*{tuple(one.on.items()): one.on for one in every}.values()]
