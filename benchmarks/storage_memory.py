"""Memory of parameters, gradients and states in each storage, as the operating system counts it.

Each storage takes a few steps in a process of its own, whose peak is compared with the one that it
had before it made any array. Beside it is what arrays of parameters and gradients hold, and what
``optimizer.storage()`` says of states. Run it on Linux, in the folder of the repository, with
``python -m benchmarks.storage_memory``, and with the name of a model and storages if others are
wanted. With float32, GPT-2 small takes 2 GB.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np

from benchmarks.large_model import forget_peak, resident
from optgen.bench.models import models
from optgen.compiler.ir.formats import FLOAT32
from optgen.compiler.ir.storage import Stored, stored_as
from optgen.optimizers import Adam

STORAGES = (
    "param=float32,states=float32",
    "param=float32,states=int8",
    *(
        f"param=bfloat16,states={states},rounding={rounding}"
        for states in ("float32", "bfloat16", "int8", "int4")
        for rounding in ("nearest", "split8", "split")
    ),
)
STEPS, MIB = 3, 2**20


def made(stored: Stored, shapes: Any) -> tuple[Any, list[Any], list[Any]]:
    """An optimizer, parameters and gradients, all of whose memory was written to."""
    dtype = np.dtype(stored.param.name)
    params, grads = ([np.full(shape, x, dtype) for shape in shapes] for x in (1.0, 0.01))
    given: dict[str, Any] = {"rounding": stored.rounding.value}
    given |= {} if stored.states == FLOAT32.name else {"state_dtype": stored.states}
    return Adam(**given), params, grads


def measure(stored: Stored, shapes: Any) -> tuple[int, int]:
    """Bytes that the peak grew by, and the bytes of all arrays."""
    # Compiled code is no array; arrays that are smaller have kernels of one thread.
    optimizer, params, grads = made(stored, [(1024, 1024)])
    optimizer.apply(grads, params)
    del optimizer, params, grads
    forget_peak()
    before = resident("VmRSS")
    optimizer, params, grads = made(stored, shapes)
    for _ in range(STEPS):
        optimizer.apply(grads, params)
    arrays = sum(array.nbytes for array in (*params, *grads))
    return resident("VmHWM") - before, arrays + optimizer.storage().nbytes


def main(model: str = "gpt2_small", *storages: str) -> None:
    """Print a row for each storage."""
    size = models()[model].size
    print(f"{model}: {size} parameters\n| storage | measured, MiB | promised, MiB | bytes each |")
    for wish in storages or STORAGES:
        given = [sys.executable, "-m", "benchmarks.storage_memory", "--one", model, wish]
        said = subprocess.run(given, stdout=subprocess.PIPE, text=True, check=True).stdout
        grown, promised = map(int, said.split())
        name = str(stored_as(wish))
        row = f"{grown / MIB:.0f} | {promised / MIB:.0f} | {grown / size:.2f}"
        print(f"| `{name}` | {row} |", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(*measure(stored_as(sys.argv[3]), models()[sys.argv[2]].shapes))
    else:
        main(*sys.argv[1:])
