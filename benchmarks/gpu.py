"""Steps on a GPU, as a share of what a copy within its memory reaches, beside torch's.

    python benchmarks/gpu.py [--out benchmarks/results] [--repeats 20] [--most 1000000000]

Each step is timed by the device's own events, in turn with a copy of as many bytes as it must
move; the medians of both give the share. Bytes are the floor: what a fused step must read and
write. torch's own optimizers, in their foreach, fused and compiled forms, run in the same process
over the same shapes, where torch can use the device. The time that Python takes for a step is
that of calls whose work the device has not begun to finish.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np

import optgen.cuda
from optgen.bench.models import models
from optgen.optimizers import SGD, Adadelta, Adam, RMSprop
from optgen.runtime.dtypes import BFLOAT16

SIZES = (10**6, 10**7, 10**8, 10**9)
MODELS = ("resnet50", "gpt2_small", "many_tiny")
NORM, NARROW = {"global_clipnorm": 1.0}, {"state_dtype": "bfloat16"}
EVERY = {"loss_scale_factor": 2.0, "global_clipnorm": 1.0, "weight_decay": 0.01, "use_ema": True}


class Case(NamedTuple):
    """An optimizer, its arguments, the bytes for each parameter, torch's like, and the dtype."""

    name: str
    kind: Any
    arguments: dict[str, Any]
    floor: int
    peer: tuple[str, dict[str, Any]] | None = None
    dtype: Any = np.dtype(np.float32)


CASES = (
    Case("SGD", SGD, {}, 12, ("SGD", {})),
    Case("SGD, momentum", SGD, {"momentum": 0.9}, 20, ("SGD", {"momentum": 0.9})),
    Case("RMSprop", RMSprop, {}, 20, ("RMSprop", {})),
    Case("Adadelta", Adadelta, {}, 28, ("Adadelta", {})),
    Case("Adam", Adam, {}, 28, ("Adam", {})),
    Case("Adam, global norm", Adam, {"global_clipnorm": 1.0}, 32),
    Case("Adam, skipping", Adam, {"on_nonfinite": "skip"}, 32),
    Case("Adam, everything", Adam, EVERY, 40),
    # torch's states of bfloat16 parameters are bfloat16, too.
    Case("Adam, bfloat16", Adam, {}, 22, ("Adam", {}), BFLOAT16),
    Case("Adam, all bfloat16", Adam, NARROW, 14, ("Adam", {}), BFLOAT16),
    Case("Adam, all bfloat16, global norm", Adam, {**NARROW, **NORM}, 16, None, BFLOAT16),
)
FORMS: dict[str, dict[str, Any]] = {"foreach": {"foreach": True}, "fused": {"fused": True}}


def shapes(model: str) -> list[tuple[int, ...]]:
    return list(models()[model].shapes)


class Clock:
    """Times work on a stream by events of the device."""

    def __init__(self) -> None:
        from cuda.bindings import driver  # noqa: PLC0415

        from optgen.runtime.cuda.driver import on  # noqa: PLC0415

        self._driver, self._on = driver, on
        with on(0):
            self._events = [driver.cuEventCreate(0)[1] for _ in range(2)]

    def seconds(self, work: Callable[[], object]) -> float:
        driver, (start, end) = self._driver, self._events
        with self._on(0):
            driver.cuEventRecord(start, 0)
        work()
        with self._on(0):
            driver.cuEventRecord(end, 0)
            driver.cuEventSynchronize(end)
            return float(driver.cuEventElapsedTime(start, end)[1]) / 1e3

    def wait(self) -> None:
        with self._on(0):
            self._driver.cuCtxSynchronize()

    def device(self) -> str:
        with self._on(0):
            name = self._driver.cuDeviceGetName(100, 0)[1]
        return name.split(b"\0")[0].decode()

    def free(self) -> int:
        with self._on(0):
            return int(self._driver.cuMemGetInfo()[1])


def in_turn(clock: Clock, works: list[Callable[[], object]], repeats: int) -> list[float]:
    """The median time of each; the first three calls don't count."""
    times: list[list[float]] = [[] for _ in works]
    for _ in range(repeats + 3):
        for work, kept in zip(works, times, strict=True):
            kept.append(clock.seconds(work))
    return [median(kept[3:]) for kept in times]


def arrays(listed: list[tuple[int, ...]], dtype: np.dtype[Any]) -> list[Any]:
    """Arrays of ones on the device."""
    from optgen.runtime.cuda.arrays import DeviceArray  # noqa: PLC0415
    from optgen.runtime.cuda.driver import copy, upload  # noqa: PLC0415

    made = []
    for shape in listed:
        array, item = DeviceArray(0, shape, dtype), dtype.itemsize
        block = np.ones(min(array.size, 2**20), dtype)
        upload(0, array.address, block, 0)
        done = len(block)
        while done < array.size:
            more = min(done, array.size - done)
            copy(0, array.address + item * done, array.address, item * more, 0)
            done += more
        made.append(array)
    return made


def copying(size: int) -> Callable[[], None]:
    """A copy within the device's memory that reads and writes so many bytes together."""
    from optgen.runtime.cuda.driver import Memory, copy  # noqa: PLC0415

    half = max(size // 2, 1)
    memory = Memory(0, 2 * half)
    return lambda: copy(0, memory.address + half, memory.address, half, 0)


def ours(case: Case, listed: list[tuple[int, ...]]) -> Callable[[], None]:
    variables, gradients = (arrays(listed, case.dtype) for _ in range(2))
    optimizer = case.kind(**case.arguments)
    optimizer.build(variables)
    return lambda: optimizer.apply(gradients)


def peers(case: Case, listed: list[tuple[int, ...]]) -> Iterator[tuple[str, Callable[[], object]]]:
    """torch's optimizers over the same shapes."""
    torch = sys.modules.get("torch")
    if torch is None or case.peer is None:
        return
    name, arguments = case.peer
    for form, chosen in [*FORMS.items(), ("compiled", {"foreach": True})]:
        dtype = getattr(torch, case.dtype.name)
        made = [torch.ones(shape, device="cuda", dtype=dtype) for shape in listed]
        parameters = [torch.nn.Parameter(one) for one in made]
        for parameter in parameters:
            parameter.grad = torch.ones_like(parameter)
        with suppress(TypeError, RuntimeError, ValueError):  # Not all have every form.
            optimizer = getattr(torch.optim, name)(parameters, lr=1e-3, **arguments, **chosen)
            step = torch.compile(optimizer.step) if form == "compiled" else optimizer.step
            step()
            yield f"torch {form}", step


def host_time(clock: Clock, step: Callable[[], object], calls: int = 50) -> float:
    """The median time of Python's part of a step."""
    clock.wait()
    times = []
    for _ in range(calls):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    clock.wait()
    return median(times)


def measure(clock: Clock, label: str, listed: list[tuple[int, ...]], repeats: int) -> list[Any]:
    size = sum(int(np.prod(shape)) for shape in listed)
    rows = []
    for case in CASES:
        needed = (case.floor + case.dtype.itemsize) * size
        if 2.2 * needed > clock.free():
            print(f"{label}: {case.name} needs more than the device's memory", file=sys.stderr)
            continue
        step, duplicate = ours(case, listed), copying(case.floor * size)
        taken, bare = in_turn(clock, [step, duplicate], repeats)
        row = {
            "shapes": label,
            "tensors": len(listed),
            "parameters": size,
            "case": case.name,
            "step_us": 1e6 * taken,
            "GB_per_s": case.floor * size / taken / 1e9,
            "share_of_copy": bare / taken,
            "host_us": 1e6 * host_time(clock, step),
        }
        del duplicate
        for name, peer in peers(case, listed):
            both = in_turn(clock, [step, peer], repeats)
            row[f"{name}, times ours"] = both[1] / both[0]
        rows.append(row)
        print(json.dumps(row), flush=True)
    return rows


def table(rows: list[Any], device: str) -> str:
    """The measurements as a page."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = [f"# {device}", "", "| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    for row in rows:
        cells = [row.get(name, "") for name in columns]
        shown = [f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in cells]
        lines.append("| " + " | ".join(shown) + " |")
    return "\n".join([*lines, ""])


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options.add_argument("--repeats", type=int, default=20)
    options.add_argument("--most", type=int, default=10**9, help="parameters at most")
    given = options.parse_args()
    missing = optgen.cuda.why_not()
    if missing:
        print(f"nothing was measured: {missing}", file=sys.stderr)
        return 1
    with suppress(ImportError):
        import torch  # noqa: PLC0415

        if not torch.cuda.is_available():
            del sys.modules["torch"]
    clock = Clock()
    listed = [(f"{size:.0e}", [(size,)]) for size in SIZES] + [(m, shapes(m)) for m in MODELS]
    rows = [
        row
        for label, found in listed
        if sum(int(np.prod(shape)) for shape in found) <= given.most
        for row in measure(clock, label, found, given.repeats)
    ]
    given.out.mkdir(parents=True, exist_ok=True)
    page = given.out / f"{clock.device().replace(' ', '-').lower()}.md"
    page.write_text(table(rows, clock.device()), encoding="utf-8")
    print(f"written to {page}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
