"""Programs as launches on devices, and what several devices can't run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from optgen.runtime.cuda.launch_sequence import Stage
from optgen.runtime.cuda.phase_launches import Launches
from optgen.runtime.kernels import OPTIMIZER, Kernels


@dataclass(frozen=True)
class Prepared:
    """The launches of a program over some variables, for each phase and device."""

    phases: list[list[Launches]]
    keeping: list[Stage]


def refuse_several(kernels: Kernels, settings: Sequence[Mapping[str, bool]]) -> None:
    """Raise ValueError for a program that several devices can't run.

    The host combines sums over devices before anything is stored. It can't between stores, and a
    number of the optimizer is on one device only.
    """
    for program in kernels.programs:
        after = any(phase.sums for phase in program.phases[program.pure :])
        shared = any(keep.shape == OPTIMIZER for keep in program.keeps)
        shared = shared or any(phase.calls for phase in program.phases)
        if (after or shared) and any(program.when(on) for on in settings):
            raise ValueError(
                "the variables are on several devices, but this rule stores arrays before it has "
                "all its sums, multiplies matrices, or has states that all variables share; make "
                "an optimizer for the variables of each device"
            )
