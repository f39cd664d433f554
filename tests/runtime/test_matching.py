"""Which variable a gradient belongs to, however the two are given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from optgen.optimizers import SGD
from optgen.runtime import Array, Optimizer

Variables = dict[str, Array]


def built() -> tuple[Optimizer, Variables]:
    variables = {"a": np.zeros(2), "b": np.zeros(2), "c": np.zeros(2)}
    optimizer = SGD(learning_rate=1.0)
    optimizer.build(variables)
    return optimizer, variables


ONE, TWO, THREE = np.full(2, 1.0), np.full(2, 2.0), np.full(2, 3.0)

SAME: dict[str, Callable[[Optimizer, Variables], object]] = {
    "a list": lambda o, v: o.apply([ONE, TWO, THREE]),
    "a tuple": lambda o, v: o.apply((ONE, TWO, THREE)),
    "paths": lambda o, v: o.apply({"c": THREE, "a": ONE, "b": TWO}),
    "a list in another order": lambda o, v: o.apply([THREE, ONE, TWO], [v["c"], v["a"], v["b"]]),
    "a mapping of variables": lambda o, v: o.apply([ONE, TWO, THREE], v),
    "two mappings": lambda o, v: o.apply({"c": THREE, "b": TWO, "a": ONE}, v),
    "paths and a list": lambda o, v: o.apply({"a": ONE, "b": TWO, "c": THREE}, list(v.values())),
    "pairs": lambda o, v: o.apply_gradients(
        zip([THREE, TWO, ONE], [v["c"], v["b"], v["a"]], strict=True)
    ),
}


@pytest.mark.parametrize("how", SAME)
def test_the_same_update_however_it_is_given(how: str) -> None:
    optimizer, variables = built()
    SAME[how](optimizer, variables)
    assert [float(array[0]) for array in variables.values()] == [-1.0, -2.0, -3.0]


def test_some_of_the_variables() -> None:
    # The others weren't listed, so nobody needs a warning that they have no gradient.
    optimizer, variables = built()
    optimizer.apply([THREE], [variables["c"]])
    optimizer.apply({"b": TWO}, {"b": variables["b"]})
    assert [float(array[0]) for array in variables.values()] == [0.0, -2.0, -3.0]
    assert optimizer.iterations == 2


@pytest.mark.parametrize("grads", [[ONE], {"w": ONE}], ids=["list", "mapping"])
def test_a_first_apply_with_paths(grads: Any) -> None:
    variable = np.zeros(2)
    optimizer = SGD(learning_rate=1.0, momentum=0.5)
    optimizer.apply(grads, {"w": variable})
    np.testing.assert_array_equal(variable, -1.0)
    assert list(optimizer.state) == ["w"]


WRONG: dict[str, tuple[str, Callable[[Variables], tuple[Any, Any]]]] = {
    "a stranger": ("not built with", lambda v: ([ONE], [np.zeros(2)])),
    "a stranger beside paths": ("not built with", lambda v: ({"a": ONE}, [np.zeros(2)])),
    "a view": ("not built with", lambda v: ([ONE], [v["a"][:]])),
    "another's path": ("not built with", lambda v: ([ONE], {"b": v["a"]})),
    "a path that isn't listed": ("no variable 'b'", lambda v: ({"b": ONE}, {"a": v["a"]})),
    "a path without entry": ("no entry for 'b'", lambda v: ({"a": ONE}, [v["a"], v["b"]])),
    "one listed twice": ("twice", lambda v: ([ONE, TWO], [v["a"], v["a"]])),
    "fewer listed": ("2 gradients for 1", lambda v: ([ONE, TWO], [v["a"]])),
    "none of the listed": ("no variable has", lambda v: ([None], [v["a"]])),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_changes_nothing(case: str) -> None:
    message, make = WRONG[case]
    optimizer, variables = built()
    with pytest.raises(ValueError, match=message):
        optimizer.apply(*make(variables))
    assert all(not array.any() for array in variables.values())
    assert optimizer.iterations == optimizer._iterations == 0
