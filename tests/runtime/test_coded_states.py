"""States of 8 and 4 bits beside float32 ones: training, sizes, names, files and threads."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import optgen.optimizers
from optgen.optimizers import SGD, Adadelta, Adam, Lion, Muon, RMSprop
from optgen.runtime import Array
from optgen.runtime.codes import BLOCK, CODES, KINDS, storage_of
from optgen.runtime.state_storage import SMALL
from tests.chosen import first_of, rest_in_full
from tests.numeric.specs import OPTIMIZERS, is_of_few, read

ROWS, COLUMNS = 64, 128


def numbers(blocks: Array, size: int) -> Array:
    """A state as float32."""
    storage = storage_of(blocks.dtype)
    if storage not in CODES:
        return blocks.astype(np.float32).reshape(-1)
    return CODES[storage].decoded(blocks, size)


def regression(optimizer: Any) -> float:
    """The loss of a linear model of noisy data, at the end, as a part of that at the start."""
    draw = np.random.default_rng(0)
    inputs = draw.normal(size=(512, ROWS)).astype(np.float32)
    targets = inputs @ draw.normal(size=(ROWS, COLUMNS)).astype(np.float32)
    weight = np.zeros((ROWS, COLUMNS), np.float32)
    optimizer.build([weight])
    for _ in range(200):
        some = draw.integers(0, 512, 64)
        error = inputs[some] @ weight - targets[some]
        optimizer.apply([(inputs[some].T @ error / 64).astype(np.float32)])
    return float(np.square(inputs @ weight - targets).mean() / np.square(targets).mean())


#: Rules, their arguments, and the codes of states that all runs try.
TRAINED: list[tuple[Any, dict[str, Any], tuple[str, ...]]] = [
    (Adam, {"learning_rate": 0.05}, (*KINDS,)),
    (SGD, {"learning_rate": 0.02, "momentum": 0.9}, ("float8",)),
    (Lion, {"learning_rate": 0.01}, ("int4",)),
    (Adadelta, {"learning_rate": 30.0}, ("int8",)),
    (Muon, {"learning_rate": 0.05}, ("int8",)),
]


@pytest.mark.parametrize(
    ("rule", "arguments", "kind"),
    [
        pytest.param(*row, kind, marks=() if kind in tried else pytest.mark.full)
        for *row, tried in TRAINED
        for kind in KINDS
    ],
    ids=lambda one: one.__name__ if isinstance(one, type) else None,
)
def test_training_goes_as_with_float32(rule: Any, arguments: dict[str, Any], kind: Any) -> None:
    wide, narrow = rule(**arguments), rule(**arguments, state_dtype=kind)
    expected, found = regression(wide), regression(narrow)
    assert any(one.dtype == kind for one in narrow.storage())
    assert expected < 0.5
    assert found < (2 if kind == "int4" else 1.25) * expected + 0.01
    assert narrow.storage().nbytes < 0.3 * wide.storage().nbytes


@pytest.mark.parametrize("size", [SMALL, SMALL + 1, SMALL + BLOCK - 1, SMALL + BLOCK, 3 * 8192 + 5])
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_states_of_all_sizes_are_those_of_float32_but_for_their_steps(
    size: int, dtype: str
) -> None:
    draw = np.random.default_rng(size)
    pair = [Adam(state_dtype=kind) for kind in (None, "int8")]
    variables = [np.ones(size, np.dtype(dtype)) for _ in pair]
    for call in range(3):
        gradient = draw.uniform(0.5, 2, size).astype(np.dtype(dtype))
        for one, variable in zip(pair, variables, strict=True):
            one.apply([gradient], [variable] if call == 0 else None)
    exact, coded = (next(iter(one.state.values())) for one in pair)
    assert coded["velocity"].size == -(-size // BLOCK)
    for name, wide in exact.items():
        found = numbers(coded[name], size)
        # Three roundings of a fraction of 4 bits.
        np.testing.assert_allclose(found, wide.astype(np.float32), rtol=3 / 16)
    one, other = (variable.astype(np.float64) for variable in variables)
    np.testing.assert_allclose(one, other, rtol=8e-3 if dtype == "bfloat16" else 2e-3)


def test_small_variables_names_and_paths_choose_the_storage() -> None:
    shapes = {"a/kernel": (ROWS, COLUMNS), "b/kernel": (ROWS, COLUMNS), "a/bias": (COLUMNS,)}
    variables = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    chosen = {"*": "int4", "velocity": "int8", "b/*": "float32"}
    optimizer = Adam(state_dtype=chosen)
    optimizer.build(variables)
    found = {(one.path, one.state): one.dtype for one in optimizer.storage()}
    assert found == {
        ("a/kernel", "mean_gradient"): "int4",
        ("a/kernel", "velocity"): "int8",
        ("b/kernel", "mean_gradient"): "float32",
        ("b/kernel", "velocity"): "float32",
        ("a/bias", "mean_gradient"): "float32",
        ("a/bias", "velocity"): "float32",
    }
    assert str(optimizer.storage()).splitlines()[-1].strip() == str(optimizer.storage().nbytes)


def test_rows_that_end_inside_of_a_block_have_no_codes() -> None:
    optimizer = Muon(state_dtype="int8")
    optimizer.build(
        {
            "whole": np.zeros((64, 128), np.float32),
            "odd": np.zeros((100, 99), np.float32),
            "turned": np.zeros((64, 128), np.float32, order="F"),
        }
    )
    found = {one.path: one.dtype for one in optimizer.storage()}
    assert found == {"whole": "int8", "odd": "float32", "turned": "float32"}


def test_averages_and_sums_of_gradients_have_16_bits_at_least() -> None:
    optimizer = Adam(state_dtype="int4", use_ema=True, gradient_accumulation_steps=2)
    optimizer.build([np.ones((ROWS, COLUMNS), np.float32)])
    found = {one.state: one.dtype for one in optimizer.storage()}
    assert found["parameter_average"] == found["accumulated_gradient"] == "float32"
    assert found["velocity"] == "int4"


@pytest.mark.parametrize("kind", [*KINDS, "bfloat16", "float16"])
def test_states_that_bound_each_other_stay_as_they_are_computed(kind: Any) -> None:
    for state_dtype in (kind, {"velocity": kind}):
        optimizer = RMSprop(state_dtype=state_dtype, centered=True)
        optimizer.build([np.ones((ROWS, COLUMNS), np.float32)])
        assert {one.dtype for one in optimizer.storage()} == {"float32"}
    plain = RMSprop(state_dtype=kind)
    plain.build([np.ones((ROWS, COLUMNS), np.float32)])
    assert {one.dtype for one in plain.storage()} == {kind}


def test_a_variable_of_another_layout_has_the_states_of_its_memory() -> None:
    """Elements of a block follow each other in memory, whatever the order of axes."""
    draw = np.random.default_rng(4)
    gradient = draw.normal(size=(ROWS, COLUMNS)).astype(np.float32)
    states = []
    for order in ("C", "F"):
        variable = np.zeros((ROWS, COLUMNS), np.float32, order=order)
        optimizer = Adam(state_dtype="int8")
        optimizer.apply([np.asarray(gradient, order=order)], [variable])
        (own,) = optimizer.state.values()
        found = numbers(own["mean_gradient"], variable.size)
        states.append(found.reshape(variable.shape, order=order))
    # Two blocks of an element have different units.
    np.testing.assert_allclose(states[0], states[1], rtol=1 / 8, atol=2e-3)


def run(optimizer: Any, variable: Array, calls: range) -> None:
    for call in calls:
        gradient = np.random.default_rng(call).normal(size=variable.shape)
        optimizer.apply([gradient.astype(np.float32)], [variable])


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_goes_on_bit_by_bit(kind: Any, tmp_path: Path) -> None:
    first, other = (np.zeros((ROWS, COLUMNS), np.float32) for _ in range(2))
    whole = Adam(state_dtype=kind)
    run(whole, first, range(5))
    other[...] = first
    whole.save(tmp_path / "state")
    resumed = Adam(state_dtype=kind)
    resumed.build([other])
    resumed.load(tmp_path / "state")
    copied, theirs = copy.deepcopy((whole, first))
    for one, variable in ((whole, first), (resumed, other), (copied, theirs)):
        run(one, variable, range(5, 10))
    assert np.array_equal(first, other)
    assert np.array_equal(first, theirs)
    own, its = (next(iter(one.state.values())) for one in (whole, resumed))
    for name, array in own.items():
        assert array.tobytes() == its[name].tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_what_stands_still_moves_in_the_mean(kind: Any) -> None:
    """Blocks of the same numbers, whose largest one stays: a mean of constants, near to these."""
    gradient = np.tile(np.linspace(0.3, 1, BLOCK, dtype=np.float32), 2 * SMALL // BLOCK)
    optimizer = Adam(0.0, beta_1=0.9, beta_2=0.98, state_dtype=kind)
    optimizer.build([np.zeros_like(gradient)])
    sums = {"mean_gradient": np.zeros(BLOCK), "velocity": np.zeros(BLOCK)}
    calls, begin = 600, 300
    for call in range(calls):
        optimizer.apply([gradient])
        if call < begin:
            continue
        for name, total in sums.items():
            found = numbers(optimizer.state["variable_0"][name], gradient.size)
            np.add(total, found.reshape(-1, BLOCK).mean(0) / (calls - begin), out=total)
    own = numbers(optimizer.state["variable_0"]["velocity"], gradient.size).reshape(-1, BLOCK)
    assert (own.std(0)[:-1] > 0).all()
    for total, power in zip(sums.values(), (1, 2), strict=True):
        np.testing.assert_allclose(total / gradient[:BLOCK] ** power, 1, atol=0.02)


def test_the_seed_chooses_the_noise() -> None:
    found = []
    for seed in (0, 0, 1):
        variable = np.zeros((ROWS, COLUMNS), np.float32)
        optimizer = SGD(momentum=0.9, state_dtype="int8", rounding_seed=seed)
        run(optimizer, variable, range(2))
        found.append(next(iter(optimizer.state["variable_0"].values())).tobytes())
    assert found[0] == found[1] != found[2]


def test_a_file_of_other_codes_is_refused(tmp_path: Path) -> None:
    variable = np.zeros((ROWS, COLUMNS), np.float32)
    saved = Adam(state_dtype="int8")
    run(saved, variable, range(1))
    saved.save(tmp_path / "state")
    other = Adam(state_dtype="float8")
    other.build([variable])
    with pytest.raises(ValueError, match="'mean_gradient' of 'variable_0' is e3m4 of"):
        other.load(tmp_path / "state")


def test_a_gradient_in_the_memory_of_a_state_is_refused() -> None:
    variable = np.zeros(8192, np.float32)
    small = np.zeros(64, np.float32)
    optimizer = SGD(momentum=0.9, state_dtype="int8")
    optimizer.build([variable, small])
    (blocks,) = next(iter(optimizer.state.values())).values()
    inside = blocks.view(np.uint8)[4:260].view(np.float32)
    with pytest.raises(ValueError, match="shares memory with the state"):
        optimizer.apply([variable + 1, inside])


DIGEST = """
import hashlib, numpy as np
from optgen.optimizers import Adam, Muon
for rule in RULES:
    draw, variable = np.random.default_rng(0), np.zeros((600, 512), np.float32)
    optimizer = rule(state_dtype="int8")
    for _ in range(3):
        optimizer.apply([draw.normal(size=variable.shape).astype(np.float32)], [variable])
    arrays = [variable, *optimizer.variables[2:]]
    if rule is Muon:  # Its products are another library's.
        arrays = arrays[1:]
    print(hashlib.sha256(b"".join(one.tobytes() for one in arrays)).hexdigest())
"""


@pytest.mark.parametrize("rules", first_of(["[Adam]", "[Muon]"], 1))
def test_the_same_bits_for_any_number_of_threads(rules: str) -> None:
    def digest(threads: int) -> str:
        environment = {**os.environ, "NUMBA_NUM_THREADS": str(threads)}
        command = [sys.executable, "-c", DIGEST.replace("RULES", rules)]
        root = Path(optgen.__file__).parents[1]
        return subprocess.run(
            command, env=environment, cwd=root, capture_output=True, text=True, check=True
        ).stdout

    assert digest(1) == digest(2) == digest(4)


#: Rules that need no other numbers than gradients.
_NAMES = [table["name"] for table in map(read, OPTIMIZERS.values()) if "inputs" not in table]


#: Of a matrix Adafactor has rows and columns alone; of others with matrices one has siblings above.
_MORE = {"Adafactor", "Muon", "SOAP"}


@pytest.mark.parametrize(
    "name", rest_in_full(_NAMES, lambda name: is_of_few(name) and name not in _MORE)
)
def test_every_rule_makes_steps_with_codes(name: str) -> None:
    draw = np.random.default_rng(5)
    start = draw.normal(size=(ROWS, COLUMNS)).astype(np.float32)
    variable = start.copy()
    optimizer = getattr(optgen.optimizers, name)(state_dtype="int8")
    # Rules that wait until their mean square is long enough move in the fifth call.
    for call in range(6):
        gradient = draw.normal(size=variable.shape).astype(np.float32)
        optimizer.apply([gradient], [variable] if call == 0 else None)
    assert np.isfinite(variable).all()
    assert not np.array_equal(variable, start)


def test_codes_are_made_without_copies_of_the_whole() -> None:
    """States of a large variable are encoded when they are made, beside all others."""
    values = np.broadcast_to(np.float32(0.5), 1 << 23)
    (code, _) = KINDS["int8"]
    code.encoded(values[:64])
    tracemalloc.start()
    try:
        blocks = code.encoded(values)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1.5 * blocks.nbytes
    assert (code.decoded(blocks, values.size) == code.decoded(blocks, 1)).all()
