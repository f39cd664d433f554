"""The PTX of kernels, executed by an emulator, beside the kernels of the host."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ml_dtypes import bfloat16

import optgen.optimizers as oo

pytest.importorskip("numba_cuda", reason='no CUDA toolkit: pip install -e ".[cuda]"')

from optgen.runtime.cuda import simulated_driver
from optgen.runtime.cuda.arrays import on_device
from optgen.runtime.cuda.devices import driver
from optgen.runtime.parts import Parts
from tests.extents.formulas import SHAPES as FORMS
from tests.runtime.cuda import emulated
from tests.runtime.cuda.arrays import all_on_device
from tests.runtime.cuda.ptx_python import THREADS
from tests.runtime.test_shards import RANKS, Exchange, Shards, built, here, parts_of

SEED = 2**40 + 3
#: Whole blocks, ragged ends, one thread's end, and less than the first half of a block.
SHAPES: dict[str, tuple[int, ...]] = {"a": (128,), "b": (3, 67), "c": (65,), "d": (30,), "e": (7,)}


@pytest.fixture(autouse=True)
def emulator(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels that are compiled run in the emulator, over the memory of the simulated device."""
    own = {**vars(simulated_driver), "Launch": emulated.Launch, "THREADS": THREADS}
    # This module's own name is among those that change.
    real = driver
    for module in [
        one for name, one in sys.modules.items() if name.startswith(("optgen", "tests"))
    ]:
        if getattr(module, "driver", None) is real:
            monkeypatch.setattr(module, "driver", SimpleNamespace(**own))
    monkeypatch.setattr("optgen.runtime.cuda.work_list.LEAST", 64)
    monkeypatch.setattr("optgen.runtime.cuda.work_list.MULTIPLE", 64)
    monkeypatch.setattr("optgen.runtime.state_storage.SMALL", 0)


def draw(seed: int, dtype: Any, shapes: dict[str, tuple[int, ...]]) -> dict[str, Any]:
    """Numbers of few bits, so that sums are exact, whether they are fused with products or not."""
    found = np.random.default_rng(seed)
    return {p: (found.integers(-64, 64, form) / 64).astype(dtype) for p, form in shapes.items()}


def compare(make: Any, dtype: Any, shapes: dict[str, tuple[int, ...]], steps: int = 2) -> None:
    host = draw(0, dtype, shapes)
    device = all_on_device(host)
    ours, theirs = make(), make()
    ours.build(device)
    theirs.build(host)
    for seed in range(1, steps + 1):
        row = draw(seed, dtype, shapes)
        ours.apply(list(all_on_device(row).values()))
        theirs.apply(row)
        for path, array in host.items():
            assert device[path].copy_to_host().tobytes() == array.tobytes(), path
            for name, kept in theirs.state[path].items():
                found = ours.state[path][name].copy_to_host()
                assert found.dtype == kept.dtype
                np.testing.assert_array_equal(found, kept, err_msg=f"{path}, {name}")


@pytest.mark.parametrize(
    ("dtype", "state", "rounding"),
    [
        (np.float32, None, "nearest"),
        (bfloat16, "float16", "nearest"),
        *((bfloat16, None, rounding) for rounding in ("split", "split8", "stochastic")),
        *((np.float16, state, "stochastic") for state in ("float16", "bfloat16")),
        *((np.float32, state, "nearest") for state in ("int8", "float8", "int4")),
        *((np.float64, state, "nearest") for state in ("int8", "int4")),
    ],
)
def test_steps_have_the_bits_of_the_host(dtype: Any, state: Any, rounding: Any) -> None:
    given = {"state_dtype": state, "rounding": rounding, "rounding_seed": SEED}
    compare(lambda: oo.SGD(0.25, momentum=0.5, **given), dtype, SHAPES)


@pytest.mark.parametrize("kind", ["int8", "int4"])
def test_numbers_that_are_never_negative(kind: Any) -> None:
    """The mean square of numbers of few bits, which a device may add up with fused products."""
    host = draw(0, np.float32, SHAPES)
    device = all_on_device(host)
    given = {"state_dtype": kind, "beta_1": 0.5, "beta_2": 0.5, "rounding_seed": SEED}
    ours, theirs = oo.Adam(0.1, **given), oo.Adam(0.1, **given)
    ours.build(device)
    theirs.build(host)
    row = draw(1, np.float32, SHAPES)
    ours.apply(list(all_on_device(row).values()))
    theirs.apply(row)
    for path, states in theirs.state.items():
        for name, kept in states.items():
            found = ours.state[path][name].copy_to_host()
            np.testing.assert_array_equal(found, kept, err_msg=f"{path}, {name}")


@pytest.mark.parametrize("dtype", [bfloat16, np.float32], ids=["stochastic", "codes"])
def test_parts_of_variables_have_the_noise_of_their_places(dtype: Any) -> None:
    """Segments begin anywhere in a call of Philox."""
    given: dict[str, Any] = {"momentum": 0.5, "rounding_seed": SEED}
    given |= {"rounding": "stochastic"} if dtype is bfloat16 else {"state_dtype": "int8"}
    held = list(draw(0, dtype, FORMS).values())
    grads = list(draw(1, dtype, FORMS).values())
    for rank in range(RANKS):
        parts, runs = parts_of(rank), []
        for move in (np.copy, on_device):
            own: Any = [move(here(a, part)) for a, part in zip(held, parts, strict=True)]
            shards = Parts(whole=Shards(Exchange(), rank, parts))
            core, reader = built(oo.SGD, own, shards, **given)
            some = [move(here(g, part)) for g, part in zip(grads, parts, strict=True)]
            core.take(reader.read(dict(zip(FORMS, some, strict=True)), None))
            assert core.model is not None
            runs.append((own, [core.model.state_of(k) for k in range(len(parts))]))
        (host, states), (device, others) = runs
        for k, array in enumerate(host):
            assert device[k].copy_to_host().tobytes() == array.tobytes()
            for name, kept in states[k].items():
                assert others[k][name].copy_to_host().tobytes() == kept.tobytes()
