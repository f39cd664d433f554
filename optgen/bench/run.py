"""The results of a benchmark, as JSON-compatible values."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numba

from optgen.bench import machine, startup
from optgen.bench.cases import Case
from optgen.bench.declarations import declarations
from optgen.bench.models import CACHED, Model, tiny
from optgen.bench.peers.equality import difference, draw, moved
from optgen.bench.peers.interface import Run, Task
from optgen.bench.peers.libraries import LIBRARIES, runs
from optgen.bench.time_budget import Clock
from optgen.bench.timing import Times, in_turns, ratio
from optgen.doctor.machine import processor_name

OURS, MEMORY, CALLS = "optgen", "in place", "calls for matrices"
_COUNTS = (1, 10, 100, 1000, 10_000)
_PACKAGES = ("numpy", "numba")
#: Load, and spread of a memory pass, above which other programs distort the results.
_BUSY_LOAD, _BUSY_SPREAD = 0.7, 0.15


@dataclass(frozen=True)
class Figure:
    """One optimizer on one model; ``peers`` are the relative times of other libraries."""

    model: str
    case: str
    everything_on: bool
    milliseconds: float
    spread: float
    bytes_moved: int
    gigabytes_per_second: float
    #: None for data that fits in caches, because memory is not the bottleneck then.
    share_of_floor: float | None
    #: The time of the calls of libraries for matrices, alone; they count as part of the floor.
    milliseconds_of_calls: float | None
    peers: dict[str, float]


@dataclass
class Figures:
    """The results, with the machine they were measured on."""

    machine: dict[str, Any]
    steps: list[Figure] = field(default_factory=list)
    growth: dict[str, dict[int, float]] = field(default_factory=dict)
    startup: dict[str, Any] = field(default_factory=dict)
    #: The measurements skipped for lack of time.
    left_out: list[str] = field(default_factory=list)
    #: Peers that are absent from a comparison, with the reasons.
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def described(size: int, peers: Sequence[str]) -> dict[str, Any]:
    """The machine, the libraries, and its bandwidth for arrays of ``size`` float32 numbers.

    Sets the number of threads of all, before any of them starts its own.
    """
    threads = declarations().threads
    numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
    facts = [LIBRARIES[name].prepare(threads) for name in peers]
    packages = dict.fromkeys([*_PACKAGES, *(p for name in peers for p in LIBRARIES[name].PACKAGES)])
    (changing, moved), (copying, copied) = machine.in_place(size), machine.copy(size)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    times = in_turns({"in place": changing, "copy": copying}, 30, 3.0)
    busy = load > _BUSY_LOAD or times["in place"].spread > _BUSY_SPREAD
    return {
        "processor": processor_name(),
        "threads": numba.get_num_threads(),
        "python": platform.python_version(),
        **{name: found for name in packages if (found := _version(name))},
        **{name: fact for found in facts for name, fact in found.items()},
        "in place, GB/s": moved / times["in place"].median / 1e9,
        "copy, GB/s": copied / times["copy"].median / 1e9,
        "load": load,
        "busy": busy,
    }


def figure(
    case: Case, model: Model, peers: Sequence[str], *, rounds: int, seconds: float, compiled: bool
) -> tuple[Figure, list[str]]:
    """The result of a case on a model, compared with memory and peers, and notes about these."""
    model = case.part(model)
    memory, bytes_of_memory = machine.in_place(model.size)
    ours = case.run(model)
    functions = {OURS: ours.step, MEMORY: memory}
    shares = 1 + len([name for name in case.peers if name in peers])
    others, notes = _others(
        case,
        model,
        ours,
        peers,
        lambda run: in_turns({OURS: ours.step, "": run.step}, rounds, seconds / shares),
        compiled=compiled,
    )
    if (calls := ours.matrix_calls()) is not None:
        functions[CALLS] = calls
    times = in_turns(functions, rounds, seconds / shares)
    mine, needed = times[OURS], case.floor_bytes() * model.size
    alone = ratio(mine, times[CALLS]) if calls is not None else 0.0
    found = Figure(
        model.name,
        case.label,
        bool(case.full),
        1e3 * mine.median,
        mine.spread,
        needed,
        needed / mine.median / 1e9,
        alone + ratio(mine, times[MEMORY]) * needed / bytes_of_memory
        if model.size > CACHED
        else None,
        None if calls is None else 1e3 * times[CALLS].median,
        {name: ratio(one[OURS], one[""]) for name, one in others.items()},
    )
    return found, notes


def _others(
    case: Case,
    model: Model,
    ours: Run,
    peers: Sequence[str],
    timed: Callable[[Run], dict[str, Times]],
    *,
    compiled: bool,
) -> tuple[dict[str, dict[str, Times]], list[str]]:
    """The times of peers that compute what ours does, and notes about the others.

    There is one at a time, as the parameters and states of all may not fit in memory.
    """
    notes: list[str] = []
    found: dict[str, dict[str, Times]] = {}
    first, rate = draw(model, 0), case.rate or 0.0
    mine = [array.copy() for array in moved(ours, model)]
    for library, rule in case.peers.items():
        task = Task(rule, rate, first, case.full, compiled=compiled)
        for name, run in runs(library, task, notes) if library in peers else ():
            far = difference(mine, moved(run, model), first)
            if far <= case.tolerance:
                found[name] = timed(run)
            else:
                what = f"{name} computes something else than {case.title} on {model.name}"
                notes.append(f"{what}: parameters are {far:.2g} of their way apart")
            del run  # Before the next one is made.
    return found, notes


def growth(case: Case, rounds: int, clock: Clock) -> dict[int, float]:
    """The microseconds of a step by the number of tensors of 64 elements, within the time limit."""
    return {
        count: 1e6 * in_turns({OURS: case.step(tiny(count))}, rounds, 2.0)[OURS].median
        for count in _COUNTS
        if clock.left > 0
    }


def beginnings(cases: list[Case], folder: Path, clock: Clock, found: Figures) -> None:
    """Add the seconds of imports, of first steps, and of a build, within the time limit.

    ``folder`` holds the package of a user's own optimizers.
    """
    found.startup = {"import over numpy's": startup.import_seconds(), "first step": {}}
    for case in cases:
        if clock.left <= 0:
            found.left_out.append(f"the first step of {case.title}")
            continue
        cold, cached = startup.first_step_seconds(case, folder)
        found.startup["first step"][case.title] = {"cold": cold, "from the cache": cached}
    if clock.left > 0:
        found.startup["build of all"] = startup.build_seconds()
    else:
        found.left_out.append("the build of all")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
