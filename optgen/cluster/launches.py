"""The kernels that a process launches in a step, and its calls of libraries for matrices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cache
from itertools import compress

import numpy as np

from optgen.cluster.exchanges import distinct
from optgen.cluster.memory import storages
from optgen.cluster.placement import Chosen, Placed
from optgen.runtime.cpu.matrix_calls import NUMPY
from optgen.runtime.kernels import MATRIX, OPTIMIZER, Phase, Program

On = Mapping[str, bool]


@dataclass(frozen=True)
class Launches:
    """Kernels over elements, rows or numbers, and functions of batches of matrices."""

    kernels: int = 0
    calls: int = 0

    def __add__(self, other: Launches) -> Launches:
        return Launches(self.kernels + other.kernels, self.calls + other.calls)


@dataclass(frozen=True)
class _Like:
    """What parameters that share launches have in common."""

    setting: int
    formats: tuple[str, ...]
    is_scattered: bool
    is_matrix: bool


class Counted:
    """Counts launches as the engine of the host makes them; a device fuses some of them."""

    def __init__(self, chosen: Chosen, every: Sequence[Placed]) -> None:
        self._program, self._every = chosen.kernels.programs[0], every
        self._settings = distinct(every)
        kinds = [_like(chosen, one, self._settings.index(one.on)) for one in every]
        self._alike = [*dict.fromkeys(kinds)]
        numbers = np.array([self._alike.index(kind) for kind in kinds])
        masks = [numbers == number for number in range(len(self._alike))]
        has = np.array([one.has for one in every]) > 0
        updates = np.array([one.updated for one in every]) > 0
        #: For each of these, the processes that have some, that update some, and that have some
        #: which no other process owns.
        self._has = np.array([has[mask].any(0) for mask in masks])
        self._updates = np.array([updates[mask].any(0) for mask in masks])
        owned = np.array([one.owner is not None for one in every])
        self._divided = np.array([has[mask & ~owned].any(0) for mask in masks])
        self._of = cache(self._counted)

    def of(self, rank: int, batches: Sequence[int]) -> Launches:
        """The launches of a process, whose matrices are so many batches of so many variables."""
        own = (tuple(side[:, rank].tolist()) for side in (self._has, self._updates, self._divided))
        return self._of(*own, tuple(batches))

    def _counted(
        self,
        has: tuple[bool, ...],
        updates: tuple[bool, ...],
        divided: tuple[bool, ...],
        batches: tuple[int, ...],
    ) -> Launches:
        program = self._program
        settings = {
            kind.setting: self._settings[kind.setting] for kind in compress(self._alike, has)
        }
        here = [*compress(self._alike, updates)]
        early = max(program.pure, program.common)
        found = sum((_phase(p, settings, here) for p in program.phases[:early]), Launches())
        # Matrices take turns by batches; all others come last.
        in_batches = [kind for kind in here if batches and kind.is_matrix]
        others = [kind for kind in here if not (batches and kind.is_matrix)]
        is_left = any(not (batches and k.is_matrix) for k in compress(self._alike, divided))
        for phase in program.phases[early:]:
            for _ in batches:
                found += _phase(phase, settings, in_batches[:1])
            if is_left or not batches:
                found += _phase(phase, settings, others)
        for phase in program.phases:
            found += _calls(phase, settings, batches)
        # Nothing was computed here for what is owned elsewhere.
        filled = compress(self._alike, map(any, zip(updates, divided, strict=True)))
        return found + _kept(program, settings, {kind.setting for kind in filled})


def _like(chosen: Chosen, one: Placed, setting: int) -> _Like:
    is_part = one.is_spread and one.owner is None
    is_scattered = is_part or (one.view is not None and one.view.row_places is not None)
    formats = tuple(storages(chosen, one).values())
    return _Like(setting, formats, is_scattered, one.view is not None)


def _phase(phase: Phase, settings: Mapping[int, On], here: Sequence[_Like]) -> Launches:
    """The kernels of one phase over some parameters."""
    passing = {number: on for number, on in settings.items() if phase.builder(on) is not None}
    kernels = 0
    for number, on in passing.items():
        members = [kind for kind in here if kind.setting == number]
        by_rows = phase.is_axial and on[MATRIX]
        kernels += len({(kind.formats, by_rows and kind.is_scattered) for kind in members})
    if settings and (passing or phase.is_due_anyway or not phase.is_pass):
        kernels += phase.has_shared + phase.has_scalars * len(settings)
    return Launches(kernels)


def _calls(phase: Phase, settings: Mapping[int, On], batches: Sequence[int]) -> Launches:
    """The functions of matrices after a phase; some take one matrix at a time."""
    calls = 0
    for call in phase.calls:
        if any(on[MATRIX] and call.when(on) for on in settings.values()):
            is_single = bool(call.numbers) and call.function in NUMPY.of_matrix
            calls += sum(batches) if is_single else len(batches)
    return Launches(0, calls)


def _kept(program: Program, settings: Mapping[int, On], filled: Set[int]) -> Launches:
    """The kernels that give numbers and vectors their new values."""
    kernels = 0
    for keep in program.keeps:
        if keep.shape == OPTIMIZER:
            kernels += any(keep.when(on) for on in [*settings.values()][:1])
        else:
            kernels += sum(keep.when(on) for number, on in settings.items() if number in filled)
    return Launches(kernels)
