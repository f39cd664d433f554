"""Rules with numbers, rows and columns: runs, files, averages, constraints and Ctrl-C."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optgen.runtime.state.snapshot import StateError
from tests.chosen import rest_in_full
from tests.extents.formulas import SHAPES, Array, differences, drawn, expected
from tests.extents.own import NAMES, rule
from tests.interrupts import is_interrupted, places

every_rule = pytest.mark.parametrize("name", NAMES)
pytestmark = [
    pytest.mark.filterwarnings("ignore:no gradient for"),
    pytest.mark.usefixtures("python_kernels"),
]
STEPS, BREAK = 6, 3
#: With rows and columns, and with numbers of each variable and of all.
COMPILED = ("Factored", "Learned")


def made(name: str, **arguments: Any) -> Any:
    optimizer = rule(name)(**arguments)
    if hasattr(optimizer, "exclude_from_matrix"):
        optimizer.exclude_from_matrix(var_names=["plain"])
    return optimizer


def variables(held: list[Array]) -> dict[str, Array]:
    return {path: array.copy() for path, array in zip(SHAPES, held, strict=True)}


def run(optimizer: Any, rows: Any) -> None:
    for row in rows:
        optimizer.apply(dict(zip(SHAPES, row, strict=True)))


def bits(optimizer: Any, held: dict[str, Array]) -> dict[Any, bytes]:
    found: dict[Any, bytes] = {path: array.tobytes() for path, array in held.items()}
    for path, states in optimizer.state.items():
        found |= {(path, name): array.tobytes() for name, array in states.items()}
    return found


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.compiled if name in COMPILED else ()) for name in NAMES],
)
def test_variables_and_states_are_those_of_the_formulas(name: str) -> None:
    held, rows = drawn(8)
    own, optimizer = variables(held), made(name)
    optimizer.build(own)
    run(optimizer, rows)
    state, paths = optimizer.state, list(SHAPES)

    def found(k: int | None, wanted: str) -> Any:
        return state["*" if k is None else paths[k]][wanted]

    assert not differences(found, list(own.values()), expected(name, held, rows), 2e-6)


def through_file(optimizer: Any, other: Any, folder: Path) -> None:
    optimizer.save(folder / "a.state")
    other.load(folder / "a.state")


def through_store(optimizer: Any, other: Any, folder: Path) -> None:
    store: dict[str, Any] = {}
    optimizer.save_own_variables(store)
    other.load_own_variables({key: np.array(value) for key, value in store.items()})


@every_rule
@pytest.mark.parametrize("through", [through_file, through_store])
def test_a_run_goes_on_bit_by_bit(
    name: str, through: Callable[[Any, Any, Path], None], tmp_path: Path
) -> None:
    held, rows = drawn(STEPS)
    arguments = {"gradient_accumulation_steps": 2, "use_ema": True}
    whole, first = made(name, **arguments), made(name, **arguments)
    one, other = variables(held), variables(held)
    whole.build(one)
    first.build(other)
    run(whole, rows)
    run(first, rows[:BREAK])
    config = json.loads(json.dumps(first.get_config()))
    again = rule(name).from_config(config)
    third = {path: array.copy() for path, array in other.items()}
    again.build(third)
    through(first, again, tmp_path)
    run(again, rows[BREAK:])
    assert bits(again, third) == bits(whole, one)


@every_rule
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_go_on_bit_by_bit(name: str, copied: Callable[[Any], Any]) -> None:
    held, rows = drawn(STEPS)
    own, optimizer = variables(held), made(name)
    optimizer.build(own)
    run(optimizer, rows[:BREAK])
    twin, theirs = copied((optimizer, own))
    run(optimizer, rows[BREAK:])
    run(twin, rows[BREAK:])
    assert bits(twin, theirs) == bits(optimizer, own)


def test_a_file_of_other_matrices_is_refused(tmp_path: Path) -> None:
    held, rows = drawn(1)
    one, other = made("Factored"), rule("Factored")()
    one.build(variables(held))
    other.build(own := variables(held))
    run(one, rows)
    one.save(tmp_path / "a.state")
    before = bits(other, own)
    with pytest.raises(StateError):
        other.load(tmp_path / "a.state")
    assert bits(other, own) == before


@every_rule
def test_averages_stand_in(name: str) -> None:
    held, rows = drawn(4)
    own, optimizer = variables(held), made(name, use_ema=True, ema_momentum=0.75)
    optimizer.build(own)
    averages = [array.astype(np.float64) for array in own.values()]
    for number, row in enumerate(rows):
        run(optimizer, [row])
        kept = 0.75 if number else 0.0
        averages = [kept * a + (1 - kept) * b for a, b in zip(averages, own.values(), strict=True)]
    before = bits(optimizer, own)
    with optimizer.averaged():
        for array, average in zip(own.values(), averages, strict=True):
            np.testing.assert_allclose(array, average, rtol=1e-5, atol=1e-6)
    assert bits(optimizer, own) == before


@every_rule
def test_constraints_hold_and_roll_back(name: str) -> None:
    """What a constraint raises finds the phases of a step undone that have stored already."""
    held, rows = drawn(4)
    is_failing = False

    def limited(array: Array) -> Array:
        if is_failing:
            raise RuntimeError("no")
        return np.clip(array, -0.5, 0.5)

    own = variables(held)
    optimizer = made(name, constraints={"kernel": limited, "bias": limited})
    optimizer.build(own)
    run(optimizer, rows[:2])
    assert all(np.abs(own[path]).max() <= 0.5 for path in ("kernel", "bias"))
    before = bits(optimizer, own)
    is_failing = True
    with pytest.raises(RuntimeError, match="no"):
        run(optimizer, rows[2:3])
    assert bits(optimizer, own) == before
    is_failing = False
    run(optimizer, rows[2:])
    free = made(name)
    free.build(theirs := variables(held))
    run(free, rows[:1])
    # A constraint changes nothing but its variable.
    only = made(name, constraints={"kernel": limited})
    only.build(ours := variables(held))
    run(only, rows[:1])
    assert np.array_equal(ours["kernel"], np.clip(theirs["kernel"], -0.5, 0.5))
    assert all(np.array_equal(ours[path], theirs[path]) for path in SHAPES if path != "kernel")


@pytest.mark.compiled
@pytest.mark.parametrize(
    ("name", "is_constrained"),
    rest_in_full(
        ((name, given) for name in NAMES for given in (False, True)),
        lambda one: one[0] in COMPILED and one != ("Factored", True),
    ),
)
def test_a_step_is_whole_or_not_made(name: str, *, is_constrained: bool) -> None:
    constraints = {"kernel": lambda array: np.clip(array, -1, 1)} if is_constrained else None
    held, rows = drawn(3)
    victim, other = (made(name, constraints=constraints) for _ in range(2))
    ours, theirs = variables(held), variables(held)
    victim.build(ours)
    other.build(theirs)
    for optimizer in (victim, other):
        run(optimizer, rows)
    given = dict(zip(SHAPES, rows[0], strict=True))
    end = places(partial(victim.apply, given))
    other.apply(given)
    steps = 0
    # Each place takes a step; these are of all functions that one calls.
    for place in [*range(0, end, 9), *range(max(0, end - 30), end)]:
        assert is_interrupted(partial(victim.apply, given), place)
        if bits(victim, ours) != bits(other, theirs):
            other.apply(given)
            steps += 1
            assert bits(victim, ours) == bits(other, theirs), f"place {place}"
            assert victim.iterations == other.iterations
    assert steps > 0
