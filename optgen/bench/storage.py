"""Steps with each storage of parameters and states, beside float32 and the rules of others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from optgen.bench import machine
from optgen.bench.cases import Case
from optgen.bench.declarations import StoragePeer, declarations
from optgen.bench.models import CACHED, Model
from optgen.bench.peers.equality import draw
from optgen.bench.timing import in_turns, ratio
from optgen.compiler.ir.formats import FLOAT32
from optgen.compiler.ir.storage import USUAL, WIDTH, Stored
from optgen.runtime.core import core_of
from optgen.runtime.stored import stored_by

Step = Callable[[], object]
_MEMORY, _FIRST = "in place", str(USUAL[0])


@dataclass(frozen=True)
class StorageFigure:
    """One storage; bytes are those of a parameter, counted from arrays.

    ``held`` are those of parameter, gradient and states, and ``moved`` those that a step reads and
    writes; ``share_of_floor`` is the part of the machine's bandwidth at which it does. ``relative``
    is the time, float32 being 1. What isn't ours has no count of what it moves, and what fits in
    caches has no floor.
    """

    model: str
    case: str
    everything_on: bool
    storage: str
    milliseconds: float
    relative: float
    held: float | None
    moved: float | None
    share_of_floor: float | None


@dataclass(frozen=True)
class _Timed:
    step: Step
    held: float | None = None
    moved: float | None = None


_Named = tuple[str, Callable[[], _Timed]]


def storage_figures(
    case: Case,
    model: Model,
    listed: Sequence[Stored],
    rounds: int,
    seconds: float,
    notes: list[str],
) -> Iterator[StorageFigure]:
    """The figures of a case on a model: of float32 and some storages, or the usual and peers."""
    memory, bytes_of_memory = machine.in_place(model.size)
    first = _ours(case, model, USUAL[0])
    assert first.moved is not None
    # What passes before the update read once more, such as gradients for their norm.
    again = (case.floor_bytes() - first.moved) / WIDTH
    first = replace(first, moved=case.floor_bytes())
    chosen = dict.fromkeys((USUAL[0], *listed) if listed else USUAL)
    others: list[_Named] = [(str(one), partial(_ours, case, model, one, again)) for one in chosen]
    if not (listed or case.full):
        others += _peers(case, model, notes)
    for name, made in others:
        # One at a time, as all parameters and states may not fit in memory.
        timed = first if name == _FIRST else made()
        functions = {_FIRST: first.step, name: timed.step, _MEMORY: memory}
        times = in_turns(functions, rounds, seconds)
        own = times[name]
        share = None
        if timed.moved is not None and model.size > CACHED:
            needed = timed.moved * model.size / bytes_of_memory
            share = ratio(own, times[_MEMORY]) * needed
        took = 1 / ratio(own, times[_FIRST])
        row = 1e3 * own.median, took, timed.held, timed.moved, share
        yield StorageFigure(model.name, case.label, bool(case.full), name, *row)
        del timed


def _peers(case: Case, model: Model, notes: list[str]) -> Iterator[_Named]:
    for peer in declarations().storage_peers.get(case.optimizer, ()):
        package = peer.rule.partition(".")[0]
        if find_spec("torch") is None or find_spec(package) is None:
            notes.append(f"{peer.title}: {package} isn't installed")
            continue
        yield peer.title, partial(_peer, peer, model)


def _ours(case: Case, model: Model, stored: Stored, again: float = 0.0) -> _Timed:
    dtype = np.dtype(stored.param.name)
    params, grads = ([array.astype(dtype) for array in draw(model, k)] for k in (0, 1))
    wide = stored.states == FLOAT32.name
    given: dict[str, Any] = {"rounding": stored.rounding.value}
    given |= {} if wide else {"state_dtype": stored.states}
    optimizer = type(case.made())(**case.arguments, **given)
    optimizer.build(params)
    found = core_of(optimizer).model
    assert found is not None
    states = stored_by(found).nbytes
    held = (2 * dtype.itemsize * model.size + states) / model.size
    moved = (3 + again) * dtype.itemsize + 2 * states / model.size
    return _Timed(lambda: optimizer.apply(grads), held, moved)


def _peer(peer: StoragePeer, model: Model) -> _Timed:
    torch: Any = import_module("torch")
    module, _, kind = peer.rule.rpartition(".")
    dtype = getattr(torch, peer.dtype)
    params = []
    for value, gradient in zip(draw(model, 0), draw(model, 1), strict=True):
        param = torch.nn.Parameter(torch.from_numpy(value).to(dtype))
        param.grad = torch.from_numpy(gradient).to(dtype)
        params.append(param)
    torch.set_num_threads(declarations().threads)
    kind_of_peer = getattr(import_module(module), kind)
    return _Timed(kind_of_peer(params, **peer.arguments).step)
