"""A run goes on bit by bit from a file, a store of Keras's, a pickle or a copy."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import optgen.optimizers
from optgen.optimizers import SGD, Adam, LossScaleOptimizer, RMSprop
from optgen.optimizers.schedules import CosineDecay, ExponentialDecay
from optgen.runtime import Array
from tests.numeric.settings import ALONE, AT_RANDOM, Setting
from tests.numeric.specs import OPTIMIZERS, read

Make = Callable[[], Any]
SHAPES = {"scale": (), "dense/kernel": (7, 5), "dense/bias": (5,), "empty": (0, 3)}
#: Not at the end of a window of three calls.
BREAK, CALLS = 13, 26

pytestmark = [
    pytest.mark.filterwarnings("ignore:no gradient for"),
    pytest.mark.usefixtures("python_kernels"),
]


def variables() -> dict[str, Array]:
    draw = np.random.default_rng(2)
    made = {path: np.asarray(draw.normal(size=shape)) for path, shape in SHAPES.items()}
    made["dense/kernel"] = np.asfortranarray(made["dense/kernel"].astype(np.float32))
    return made


def gradients() -> list[dict[str, Array | None]]:
    draw = np.random.default_rng(3)
    rows = []
    for call in range(CALLS):
        row: dict[str, Array | None] = {
            path: np.asarray(draw.normal(size=array.shape), array.dtype)
            for path, array in variables().items()
        }
        if call % 4 == 3:
            row["dense/bias"] = None
        rows.append(row)
    return rows


ROWS = gradients()


def train(optimizer: Any, rows: list[Any]) -> None:
    for row in rows:
        optimizer.apply(row)


def bits(held: Mapping[str, Array], optimizer: Any) -> dict[Any, bytes]:
    found: dict[Any, bytes] = {path: array.tobytes() for path, array in held.items()}
    for path, states in optimizer.state.items():
        found |= {(path, name): array.tobytes() for name, array in states.items()}
    return found


def through_file(optimizer: Any, make: Make, held: Any, folder: Path) -> tuple[Any, Any]:
    optimizer.save(folder / "a.state")
    other, copied = make(), {path: array.copy(order="K") for path, array in held.items()}
    other.build(copied)
    other.load(folder / "a.state")
    return other, copied


def through_dict(optimizer: Any, make: Make, held: Any, folder: Path) -> tuple[Any, Any]:
    store: dict[str, Any] = {}
    optimizer.save_own_variables(store)
    other, copied = make(), {path: array.copy(order="K") for path, array in held.items()}
    other.build(copied)
    other.load_own_variables(store)
    return other, copied


def through_hdf5(optimizer: Any, make: Make, held: Any, folder: Path) -> tuple[Any, Any]:
    other, copied = make(), {path: array.copy(order="K") for path, array in held.items()}
    other.build(copied)
    with h5py.File(folder / "a.h5", "w") as group:
        optimizer.save_own_variables(group)
    with h5py.File(folder / "a.h5") as group:
        other.load_own_variables(group)
    return other, copied


def through_pickle(optimizer: Any, make: Make, held: Any, folder: Path) -> tuple[Any, Any]:
    copied, other = pickle.loads(pickle.dumps((held, optimizer)))
    return other, copied


def through_copy(optimizer: Any, make: Make, held: Any, folder: Path) -> tuple[Any, Any]:
    copied, other = copy.deepcopy((held, optimizer))
    return other, copied


WAYS = [through_file, through_dict, through_hdf5, through_pickle, through_copy]


def of(setting: Setting) -> Make:
    cls = getattr(optgen.optimizers, read(OPTIMIZERS[setting.optimizer])["name"])
    return lambda: cls(**setting.values)


def rate() -> float:
    return 0.25


def double(array: Array) -> Array:
    return np.clip(array, -1.0, 1.0)


#: What no file holds: functions, and what pickle can't reach by name is not among them.
MORE: dict[str, Make] = {
    "schedules": lambda: SGD(CosineDecay(0.1, 20), momentum=ExponentialDecay(0.9, 5, 0.5)),
    "function": lambda: SGD(rate, momentum=0.5),
    "options": lambda: Adam(0.1, options={"dense/*": {"learning_rate": 0.2, "amsgrad": True}}),
    "constraints": lambda: RMSprop(0.1, use_ema=True, constraints={"*kernel": double}),
    "overwriting": lambda: Adam(
        0.1, overwrite_with_gradient=["scale"], gradient_accumulation_steps=3, use_ema=True
    ),
    "excluding": lambda: excluding(Adam(0.1, weight_decay=0.1)),
}


def excluding(optimizer: Any) -> Any:
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


MAKERS = {str(setting): of(setting) for setting in [*ALONE, *AT_RANDOM[:6]]} | MORE


@pytest.mark.parametrize("name", MAKERS)
def test_a_run_goes_on_bit_by_bit(name: str, tmp_path: Path) -> None:
    make = MAKERS[name]
    held = variables()
    whole = make()
    whole.build(held)
    train(whole, ROWS[:BREAK])
    ways = WAYS if name in MORE else [through_file, through_copy]
    resumed = [way(whole, make, held, tmp_path) for way in ways]
    before = bits(held, whole)
    for optimizer, copied in resumed:
        assert bits(copied, optimizer) == before
        train(optimizer, ROWS[BREAK:])
    assert bits(held, whole) == before
    train(whole, ROWS[BREAK:])
    after = bits(held, whole)
    for optimizer, copied in resumed:
        assert bits(copied, optimizer) == after
        assert (optimizer.iterations, optimizer._iterations) == (whole.iterations, CALLS)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_loss_scale_goes_on(way: Any, tmp_path: Path) -> None:
    def make() -> LossScaleOptimizer:
        return LossScaleOptimizer(Adam(0.1), initial_scale=64, dynamic_growth_steps=4)

    held = variables()
    whole = make()
    whole.build(held)
    train(whole, ROWS[:6])
    whole.apply({**ROWS[0], "scale": np.array(np.inf)})
    other, copied = way(whole, make, held, tmp_path)
    for optimizer in (whole, other):
        train(optimizer, ROWS[6:])
    assert bits(copied, other) == bits(held, whole)
    assert (other.dynamic_scale, other.step_counter) == (whole.dynamic_scale, whole.step_counter)


def test_a_copy_shares_nothing_and_a_shallow_one_its_variables() -> None:
    held = variables()
    optimizer = Adam(0.1)
    optimizer.build(held)
    shallow, deep = copy.copy(optimizer), copy.deepcopy(optimizer)
    before = bits(held, optimizer)
    train(deep, ROWS[:2])
    assert bits(held, optimizer) == before
    train(shallow, ROWS[:2])
    assert held["scale"] != np.frombuffer(before["scale"])
    state = {key: value for key, value in bits(held, optimizer).items() if isinstance(key, tuple)}
    assert all(before[key] == value for key, value in state.items())


def test_what_was_changed_during_a_run_is_restored(tmp_path: Path) -> None:
    optimizer = SGD(0.1, momentum=0.5)
    optimizer.build([np.ones(2)])
    optimizer.learning_rate = ExponentialDecay(0.3, 1, 0.5)
    optimizer.apply([np.ones(2)])
    optimizer.save(tmp_path / "a")
    other = SGD(0.1, momentum=0.25)
    other.build([np.ones(2)])
    other.load(tmp_path / "a")
    assert (other.learning_rate, other.momentum) == (0.15, 0.5)


TRAINING = """
import sys, os
import numpy as np
from optgen.optimizers import Adam
from safetensors.numpy import save_file, load_file

folder, calls = sys.argv[1], int(sys.argv[2])
weights = {"w": np.linspace(-1, 1, 40, dtype=np.float32)}
optimizer = Adam(0.05, gradient_accumulation_steps=3, use_ema=True, clipnorm=0.5)
optimizer.build(weights)
newest = max((int(name) for name in os.listdir(folder) if name.isdigit()), default=None)
if newest is not None:
    weights["w"][...] = load_file(f"{folder}/weights-{newest}")["w"]
    optimizer.load(f"{folder}/{newest}")
for call in range(optimizer._iterations, calls):
    optimizer.apply({"w": np.cos(weights["w"] * (call + 1))})
    save_file(weights, f"{folder}/weights-{call}")
    optimizer.save(f"{folder}/{call}")
    print(call, flush=True)
print(weights["w"].tobytes().hex())
"""


def test_a_killed_training_run_goes_on(tmp_path: Path) -> None:
    """Killed three times, a run ends in the same bits as one that is left alone."""
    calls = 40
    alone, killed = tmp_path / "alone", tmp_path / "killed"
    alone.mkdir()
    killed.mkdir()

    def command(folder: Path) -> list[str]:
        return [sys.executable, "-c", TRAINING, str(folder), str(calls)]

    expected = subprocess.run(command(alone), capture_output=True, text=True, check=True).stdout
    for stop in (5, 16, 29):
        with subprocess.Popen(command(killed), stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout
            while int(child.stdout.readline()) < stop:
                pass
            time.sleep(0.0005)
            child.kill()
    result = subprocess.run(command(killed), capture_output=True, text=True, check=True).stdout
    assert result.splitlines()[-1] == expected.splitlines()[-1]
