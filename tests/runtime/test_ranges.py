"""Every hyperparameter of every optimizer with good and bad values, as its spec says.

The ranges are taken from the text of the specs, and evaluated by Python.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import optgen.optimizers
from tests.chosen import rest_in_full
from tests.numeric.specs import COMPILED, FEATURES, OPTIMIZERS, rule_of

GRID = [
    -1e30,
    -2.0,
    -1.0,
    -0.5,
    -1e-9,
    0.0,
    1e-9,
    0.5,
    1 - 1e-9,
    1.0,
    1 + 1e-9,
    2.0,
    3.0,
    6.0,
    1e30,
]
NEVER = [float("nan"), float("inf"), -float("inf"), 10**400]
WRONG = ["0.5", [0.5], {}, b"1", 1j, np.ones(1), np.ma.masked_array(0.5, mask=True), True]


def declared() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for optimizer, path in OPTIMIZERS.items():
        rule, _ = rule_of(path)
        tables = [rule, *(FEATURES.values() if optimizer == "sgd" else ())]
        for table in tables:
            for name, entry in table["hyperparameters"].items():
                yield optimizer, name, entry


DECLARED = list(declared())
NUMBERS = [entry for entry in DECLARED if not isinstance(entry[2].get("default"), bool)]
SWITCHES = [entry for entry in DECLARED if isinstance(entry[2].get("default"), bool)]


def new(optimizer: str, **values: Any) -> Any:
    cls = type(optgen.optimizers.get(optimizer))
    return cls(**values)


def is_allowed(name: str, entry: dict[str, Any], value: float) -> bool:
    bounds = entry.get("range", f"{name} >= 0" if name == "learning_rate" else "True")
    whole = value == int(value) or not entry.get("integer")
    return bool(eval(bounds, {}, {name: value})) and whole


def limits(one: tuple[str, str, dict[str, Any]]) -> tuple[Any, ...]:
    """A name and what may be its value."""
    _, name, entry = one
    return name, entry.get("range"), "integer" in entry, "optional" in entry


#: The first optimizer with each.
FIRST = {limits(one): one[0] for one in reversed(NUMBERS)}


@pytest.mark.parametrize(
    ("optimizer", "name", "entry"), rest_in_full(NUMBERS, lambda one: FIRST[limits(one)] == one[0])
)
def test_numbers(optimizer: str, name: str, entry: dict[str, Any]) -> None:
    for value in GRID:
        if is_allowed(name, entry, value):
            assert getattr(new(optimizer, **{name: value}), name) == value
            continue
        with pytest.raises(ValueError, match=f"{name}( =| must be an integer)"):
            new(optimizer, **{name: value})
    made = new(optimizer)
    before = made.get_config()
    for bad in [*NEVER, *WRONG, *([] if entry.get("optional") else [None])]:
        error = ValueError if any(bad is never for never in NEVER) else TypeError
        with pytest.raises(error, match=name):
            new(optimizer, **{name: bad})
        with pytest.raises(error, match=name):
            setattr(made, name, bad)
    assert made.get_config() == before


@pytest.mark.parametrize(("optimizer", "name", "entry"), SWITCHES)
def test_switches(optimizer: str, name: str, entry: dict[str, Any]) -> None:
    for bad in (0, 1, 1.0, "yes", None, lambda: True):
        with pytest.raises(TypeError, match=name):
            new(optimizer, **{name: bad})


@pytest.mark.parametrize(
    ("optimizer", "name", "entry"), [entry for entry in NUMBERS if entry[0] in COMPILED]
)
@pytest.mark.usefixtures("python_kernels")
def test_a_changing_number_is_refused_where_a_constant_is(
    optimizer: str, name: str, entry: dict[str, Any]
) -> None:
    bad = next((value for value in GRID if not is_allowed(name, entry, value)), float("nan"))
    good = next(value for value in GRID[::-1][1:] if is_allowed(name, entry, value))
    variable = np.ones(2)
    made = new(optimizer, **{name: lambda calls: bad if calls else good})
    made.build([variable])
    made.apply([np.ones(2)])
    before = variable.copy(), {n: a.copy() for n, a in made.state["variable_0"].items()}
    setattr(made, name, lambda: None)
    with pytest.raises(TypeError, match=f"after 1 calls: {name} must be"):
        made.apply([np.ones(2)])
    setattr(made, name, lambda: bad)
    with pytest.raises(ValueError, match=f"after 1 calls: {name}"):
        made.apply([np.ones(2)])
    np.testing.assert_equal((variable, made.state["variable_0"]), before)
    assert made._iterations == 1
