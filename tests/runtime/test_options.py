"""Hyperparameters of their own for variables whose path fits a pattern."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optgen.optimizers import SGD, Adam, AdamW, RMSprop
from optgen.optimizers.schedules import ExponentialDecay
from optgen.runtime import Array

pytestmark = pytest.mark.usefixtures("python_kernels")
PATHS = ("encoder/kernel", "encoder/bias", "head/kernel", "head/bias")


def variables() -> dict[str, Array]:
    draw = np.random.default_rng(5)
    return {path: draw.normal(size=(3, 2)).astype(np.float32) for path in PATHS}


def gradients(calls: int) -> list[list[Array]]:
    draw = np.random.default_rng(6)
    return [[draw.normal(size=(3, 2)).astype(np.float32) for _ in PATHS] for _ in range(calls)]


def trained(make: Any, paths: tuple[str, ...] = PATHS) -> dict[str, bytes]:
    """What ten calls make of some of the variables."""
    held = {path: array for path, array in variables().items() if path in paths}
    optimizer = make()
    optimizer.build(held)
    for row in gradients(10):
        optimizer.apply([row[PATHS.index(path)] for path in held])
    return {path: array.tobytes() for path, array in held.items()}


@pytest.mark.parametrize(
    ("options", "groups"),
    [
        (
            {"*bias": {"weight_decay": 0}, "encoder/*": {"learning_rate": 1e-4}},
            {
                ("encoder/kernel",): {"learning_rate": 1e-4},
                ("encoder/bias",): {"learning_rate": 1e-4, "weight_decay": 0},
                ("head/kernel",): {},
                ("head/bias",): {"weight_decay": 0},
            },
        ),
        (
            {"*": {"beta_1": 0.5}, "head/?ias": {"beta_1": 0.7, "amsgrad": True}},
            {
                PATHS[:3]: {"beta_1": 0.5},
                ("head/bias",): {"beta_1": 0.7, "amsgrad": True},
            },
        ),
        (
            {"head/*": {"learning_rate": ExponentialDecay(0.1, 2, 0.5)}},
            {PATHS[:2]: {}, PATHS[2:]: {"learning_rate": ExponentialDecay(0.1, 2, 0.5)}},
        ),
    ],
)
def test_groups_are_as_optimizers_of_their_own(
    options: dict[str, Any], groups: dict[tuple[str, ...], dict[str, Any]]
) -> None:
    common = {"learning_rate": 0.01, "weight_decay": 0.1, "use_ema": True, "clipnorm": 0.5}
    together = trained(lambda: Adam(**common, options=options))
    for paths, own in groups.items():
        alone = trained(lambda own=own: Adam(**{**common, **own}), paths)
        assert alone == {path: together[path] for path in paths}


def test_a_switch_of_a_group_gives_state_to_that_group_alone() -> None:
    optimizer = RMSprop(options={"*kernel": {"centered": True}})
    optimizer.build(variables())
    assert "average_gradient" in optimizer.state["head/kernel"]
    assert "average_gradient" not in optimizer.state["head/bias"]


def test_a_number_that_turns_a_part_on_does_so_for_all() -> None:
    together = trained(lambda: SGD(0.1, options={"head/*": {"momentum": 0.9}}))
    assert {p: together[p] for p in PATHS[2:]} == trained(lambda: SGD(0.1, momentum=0.9), PATHS[2:])
    plain = trained(lambda: SGD(0.1), PATHS[:2])
    assert {path: together[path] for path in PATHS[:2]} == plain


def test_a_joint_norm_goes_over_all_groups() -> None:
    optimizer = AdamW(global_clipnorm=1.0, options={"head/*": {"amsgrad": True}})
    held = variables()
    optimizer.build(held)
    (row,) = gradients(1)
    optimizer.apply(row)
    expected = np.sqrt(sum(float((g.astype(np.float64) ** 2).sum()) for g in row))
    assert optimizer.gradient_norm == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"*": {"clipnorm": 1.0}}, ValueError, "belongs to the optimizer as a whole"),
        ({"*": {"use_ema": True}}, ValueError, "belongs to the optimizer as a whole"),
        ({"*": {"lerning_rate": 1.0}}, ValueError, "did you mean 'learning_rate'"),
        ({"*": {"learning_rate": -1.0}}, ValueError, r"'\*': learning_rate = -1.0 is out of range"),
        ({"*": {"momentum": "much"}}, TypeError, "momentum must be a number"),
        ({"*": 0.1}, TypeError, "must map names to values"),
        ({1: {"momentum": 0.1}}, TypeError, "must be a string"),
        ([("*", {})], TypeError, "must map patterns"),
    ],
)
def test_options_that_make_no_sense(options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        SGD(options=options)


def test_a_pattern_that_fits_nothing_is_told() -> None:
    optimizer = SGD(options={"*bais": {"learning_rate": 1.0}})
    with pytest.warns(UserWarning, match="no variable fits '\\*bais'"):
        optimizer.build(variables())


def test_options_are_kept_in_the_configuration() -> None:
    schedule = ExponentialDecay(0.1, 2, 0.5)
    made = SGD.from_config(SGD(options={"a*": {"learning_rate": schedule}}).get_config())
    assert made.get_config()["options"]["a*"]["learning_rate"]["config"] == schedule.get_config()


def test_a_change_that_turns_a_group_off_is_refused() -> None:
    optimizer = SGD(momentum=0.5, options={"head/*": {"learning_rate": 0.5}})
    optimizer.build(variables())
    with pytest.raises(ValueError, match="fixed once the optimizer is built"):
        optimizer.momentum = 0.0
    optimizer.momentum = 0.25
    assert optimizer.momentum == 0.25
