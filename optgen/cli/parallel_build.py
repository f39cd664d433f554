"""Compilation of many specs in processes; one that hangs or dies loses its own spec only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from optgen.cli.worker_processes import Lost, in_parallel
from optgen.compiler.build import Made, in_turn, make
from optgen.compiler.ir.problem import Problem
from optgen.compiler.ir.spec import Spec
from optgen.compiler.pipeline import Surroundings

#: Fewer specs than these take less time than processes take to start.
_WORTH_IT = 8
#: Seconds of CPU time for a spec, after which a process is taken to hang.
_MOST_SECONDS = 300.0


def in_processes(
    specs: Sequence[Spec], around: Surroundings, done: Callable[[Spec], None]
) -> Sequence[Made]:
    """Compile specs in as many processes as there are cores."""
    if len(specs) < _WORTH_IT:
        return in_turn(specs, around, done)
    # What rules share is kept here, so that processes begin with it.
    _ = around.shared
    every = in_parallel(partial(make, around=around), specs, _MOST_SECONDS, done)
    return [
        Made((), (Problem.internal(one.reason, spec.name.location),))
        if isinstance(one, Lost)
        else one
        for spec, one in zip(specs, every, strict=True)
    ]
