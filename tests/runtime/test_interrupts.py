"""Whatever is interrupted is made, or not made, and nothing between."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import count, cycle
from typing import Any

import numpy as np
import pytest

from optgen.optimizers import SGD
from optgen.optimizers.schedules import ExponentialDecay
from optgen.runtime import Array
from optgen.runtime.loss_scaling import LossScaleOptimizer
from tests.interrupts import is_interrupted, places

Made = tuple[Any, dict[str, Array]]


def plain() -> Any:
    return SGD(0.1, 0.9)


def accumulating() -> Any:
    return SGD(
        ExponentialDecay(0.1, 10, 0.5),
        0.9,
        use_ema=True,
        gradient_accumulation_steps=2,
        overwrite_with_gradient=["c"],
    )


def clipping() -> Any:
    constraints = {"a": lambda array: np.clip(array, -1, 1)}
    return SGD(0.1, 0.9, use_ema=True, global_clipnorm=0.5, constraints=constraints)


def scaling() -> Any:
    return LossScaleOptimizer(SGD(0.1, 0.9), 8.0, 2)


def built(make: Callable[[], Any]) -> Made:
    held: dict[str, Array] = {
        "a": np.linspace(-2, 2, 5, dtype=np.float32),
        "b": np.linspace(0, 1, 4),
        "c": np.zeros(2, np.float32),
    }
    optimizer = make()
    optimizer.build(held)
    return optimizer, held


def everything(made: Made) -> list[Any]:
    optimizer, held = made
    inner: Any = getattr(optimizer, "inner_optimizer", optimizer)
    counts = [inner.iterations, inner._iterations]
    if inner is not optimizer:
        counts += [optimizer.dynamic_scale, optimizer.step_counter]
    own = [array.tobytes() for states in optimizer.state.values() for array in states.values()]
    return [*counts, inner._core.model.seen.tolist(), *own, *(a.tobytes() for a in held.values())]


@pytest.mark.parametrize(
    ("make", "stride"), [(plain, 1), (accumulating, 2), (clipping, 5), (scaling, 2)]
)
def test_a_step_is_whole_or_not_made(make: Callable[[], Any], stride: int) -> None:
    """At each place, or at one of as many as a stride has where there are thousands."""
    victim, other = built(make), built(make)
    draw = np.random.default_rng(5)
    bad = cycle([False, True, False, False]) if make is scaling else cycle([False])

    def gradients() -> dict[str, Array]:
        found = {path: draw.normal(size=a.shape).astype(a.dtype) for path, a in victim[1].items()}
        if next(bad):
            found["b"][0] = np.inf
        return found

    for _ in range(4):
        given = gradients()
        victim[0].apply(given)
        other[0].apply(given)
    made = 0
    for place in count(0, stride):
        given = gradients()
        was_interrupted = is_interrupted(partial(victim[0].apply, given), place)
        before = everything(other)
        if everything(victim) != before:
            other[0].apply(given)
            made += 1
            assert everything(victim) == everything(other), f"place {place}"
        if not was_interrupted:
            break
    assert 1 < made < place


@pytest.mark.parametrize("what", ["load", "finalize", "averaged"])
def test_other_changes_are_whole_or_not_made(what: str, tmp_path: Any) -> None:
    make = accumulating if what == "load" else clipping
    source, victim = built(make), built(make)
    for made, times in ((source, 4), (victim, 3)):
        for _ in range(times):
            made[0].apply({path: np.ones_like(array) for path, array in made[1].items()})
    source[0].save(tmp_path / "new")
    victim[0].save(tmp_path / "old")
    start = {path: array.copy() for path, array in victim[1].items()}

    def average() -> None:
        with victim[0].averaged():
            pass

    functions = {
        "load": lambda: victim[0].load(tmp_path / "new"),
        "finalize": victim[0].finalize_variable_values,
        "averaged": average,
    }
    old = everything(victim)
    found = set()
    end = places(functions[what])
    # All but the end of loading is reading, which changes nothing.
    for place in [*range(0, end - 150, 150), *range(max(0, end - 150), end, 2)]:
        if what != "averaged":
            victim[0].load(tmp_path / "old")
            for path, array in victim[1].items():
                array[...] = start[path]
        assert everything(victim) == old, f"place {place}"
        is_interrupted(functions[what], place)
        found.add(str(everything(victim)))
    assert found == {str(old)} if what == "averaged" else len(found | {str(old)}) == 2


def test_an_endless_constraint_can_be_interrupted() -> None:
    def endless(array: Array) -> Array:
        if is_endless:
            raise KeyboardInterrupt
        return array

    is_endless = False
    optimizer, variable = SGD(1.0, 0.9, constraints={"*": endless}), np.ones(2)
    optimizer.build([variable])
    is_endless = True
    with pytest.raises(KeyboardInterrupt):
        optimizer.apply([np.ones(2)])
    is_endless = False
    optimizer.apply([np.ones(2)])
    assert optimizer.iterations == 1
    assert variable.tolist() == [0, 0]
