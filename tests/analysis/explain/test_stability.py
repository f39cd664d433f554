"""Limits of stability against eigenvalues, and against the generated optimizer itself."""

from __future__ import annotations

import time
from collections.abc import Mapping
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import optgen.optimizers
from optgen.analysis.explain import stabilities, variants
from optgen.compiler.ir.expression import text
from optgen.compiler.ir.rule import Rule, Step
from optgen.compiler.ir.stability import PRODUCT, Stability
from optgen.compiler.ir.value import evaluate
from optgen.compiler.library import optimizer_files
from optgen.compiler.pipeline import checked_rule, load_all
from tests.chosen import rest_in_full
from tests.numeric.specs import COVER

PATHS = {path.stem: path for path in optimizer_files()}
BELOW_1 = "0 <= {} < 1"
#: Rules, the ranges of their hyperparameters, and the limits that follow by hand.
BY_HAND = {
    "buffer = a*buffer + (1 - b)*grad\nparam = param - learning_rate*buffer": (
        {"a": BELOW_1, "b": "0 <= b <= 1"},
        "2*(1 + a)/(1 - b)",
    ),
    "buffer = a*buffer + (1 - a)*grad\nparam = param - learning_rate*buffer": (
        {"a": BELOW_1},
        "2*(1 + a)/(1 - a)",
    ),
    "keep = sqrt(1 - a)\nbuffer = keep*buffer + grad\nparam = param - learning_rate*buffer": (
        {"a": "0 < a <= 1"},
        "2*(1 + sqrt(1 - a))",
    ),
    "param = param - learning_rate*(2*grad - buffer)\nbuffer = grad": ({}, "2/3"),
    "param = param - learning_rate*((1 - a)*grad + a*buffer)\nbuffer = grad": (
        {"a": "0 <= a < 0.5"},
        "min(2/(1 - 2*a), 1/a)",
    ),
    "param = param/2 - learning_rate*grad + buffer\nbuffer = param/4": ({}, "7/4"),
    "param = param - learning_rate*grad/0.4\nbuffer = max(buffer, grad)*grad\n": ({}, "4/5"),
}


def rule(folder: Path, lines: str, ranges: Mapping[str, str], states: tuple[str, ...]) -> Rule:
    numbers = [
        f'{name} = {{ default = 0.25, range = "{bounds.format(name)}" }}'
        for name, bounds in ranges.items()
    ]
    top = ["[hyperparameters]", "learning_rate = { default = 0.1 }", *numbers]
    held = ["[state]", *(f"{name} = {{}}" for name in states)]
    path = folder / "mine.toml"
    body = ["[update]", f'rule = """\n{lines}\n"""']
    path.write_text("\n".join(['name = "Mine"', 'summary = "Mine."', *top, *held, *body]))
    (spec,) = load_all([path])
    return checked_rule(spec)


#: What rules here call their only state.
STATES = ("buffer", "momentum_buffer", "mean_gradient", "velocity")


def radius(steps: tuple[Step, ...], numbers: Mapping[str, float], curvature: float) -> float:
    """The spectral radius of a step, from what it makes of two vectors."""
    columns = []
    for start in ((1.0, 0.0), (0.0, 1.0)):
        held = {**numbers, "param": start[0], "grad": curvature * start[0]}
        held |= dict.fromkeys(STATES, start[1])
        for step in steps:
            held[step.target] = float(evaluate(step.expression, held))
        ours = {step.target for step in steps} & {*STATES}
        columns.append([held["param"], held[ours.pop()] if ours else 0.0])
    return float(np.abs(np.linalg.eigvals(np.transpose(columns))).max())


def compare(found: Stability, steps: tuple[Step, ...]) -> None:
    """Check the limit, and the polynomial, at several values of all hyperparameters."""
    inside = [
        [low + (high - low) * share for share in (0.05, 0.3, 0.6, 0.9)]
        for low, high in found.ranges.values()
    ]
    for chosen, curvature in product(product(*inside), (0.01, 3.0)):
        numbers = dict(zip(found.ranges, chosen, strict=True))
        limit = float(evaluate(found.limit, numbers))
        for share, stable in ((0.05, True), (0.5, True), (0.999, True), (1.001, False)):
            rate = {**numbers, "learning_rate": share * limit / curvature}
            largest = radius(steps, rate, curvature)
            assert (largest < 1) is stable, (text(found.limit), rate)
            values = {**numbers, PRODUCT: share * limit}
            roots = np.roots([1.0, *(float(evaluate(c, values)) for c in found.coefficients)])
            assert np.abs(roots).max() == pytest.approx(largest, rel=1e-6)


def test_the_built_in_limits() -> None:
    (spec,) = load_all([PATHS["sgd"]])
    built_in = checked_rule(spec)
    found = list(stabilities(built_in))
    assert {one.setting: text(one.limit) for one in found} == {
        "not momentum > 0": "2",
        "momentum > 0 and not nesterov": "2*(1 + momentum)",
        "momentum > 0 and nesterov": "2*(1 + momentum)/(1 + 2*momentum)",
    }
    by_setting = {variant.setting: variant.steps for variant in variants(built_in)}
    for one in found:
        compare(one, by_setting[one.setting])


def test_the_limit_of_a_weighted_mean_of_steps() -> None:
    (spec,) = load_all([PATHS["qhm"]])
    rule = checked_rule(spec)
    (found,) = stabilities(rule)
    (variant,) = variants(rule)
    compare(found, variant.steps)


def test_a_rule_for_matrices_is_linear_for_vectors() -> None:
    rule = checked_rule(*load_all([PATHS["shampoo"]]))
    steps = {variant.setting: variant.steps for variant in variants(rule)}
    found = {one.setting: one for one in stabilities(rule)}
    # Without a mean and without grafting of Adam's step, what is no matrix has SGD's step.
    off = ("not beta_1 > 0", "not given(graft_beta)", "not matrix")
    assert {*found} == {name for name in steps if all(one in name for one in off)}
    for setting, one in found.items():
        compare(one, steps[setting])


LINEAR = {"sgd", "torchsgd", "qhm", "shampoo", "heavyball", "nag", "sgdw"}
# Without a loss or a second gradient these are SGD, and CASPR is for vectors.
LINEAR |= {"alig", "caspr", "polyaksgd", "spider"}


@pytest.mark.parametrize("name", rest_in_full(sorted(PATHS.keys() - LINEAR), COVER.__contains__))
def test_what_is_not_linear_has_none(name: str) -> None:
    (spec,) = load_all([PATHS[name]])
    assert not list(stabilities(checked_rule(spec)))


@pytest.mark.parametrize("lines", BY_HAND)
def test_limits_by_hand(lines: str, tmp_path: Path) -> None:
    ranges, expected = BY_HAND[lines]
    mine = rule(tmp_path, lines, ranges, ("buffer",) if "buffer" in lines else ())
    (found,) = stabilities(mine)
    assert text(found.limit) == expected
    if "max" not in lines:
        compare(found, mine.blocks[0].steps)


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_limits_of_the_generated_class(momentum: float, nesterov: bool) -> None:
    (spec,) = load_all([PATHS["sgd"]])
    found = {one.setting: one.limit for one in stabilities(checked_rule(spec))}
    setting = f"momentum > 0 and {'' if nesterov else 'not '}nesterov"
    limit = found[setting if momentum else "not momentum > 0"]
    product = float(evaluate(limit, {"momentum": momentum}))
    curvature = np.float32(4.0)
    for share, stable in ((0.97, True), (1.03, False)):
        optimizer = optgen.optimizers.SGD(share * product / 4.0, momentum, nesterov)
        weights = np.ones(1, np.float32)
        optimizer.build([weights])
        for _ in range(400):
            if abs(weights[0]) < 1e6:
                optimizer.apply([curvature * weights])
        left = abs(float(weights[0]))
        assert left < 0.1 if stable else left > 10


#: Rules without a limit in closed form, or with none at all.
WITHOUT = {
    "uphill": ("param = param + learning_rate*grad", ()),
    "affine": ("param = param - learning_rate*(grad + 0.1)", ()),
    "rate alone": ("param = param - learning_rate*(grad + 0.1*param)", ()),
    "counter": ("param = param - learning_rate*grad/step", ()),
    "square": ("param = param - learning_rate*grad*grad", ()),
    "norm": ("param = param - learning_rate*grad/norm(grad)", ()),
    "root of the rate": ("param = param - sqrt(learning_rate)*grad", ()),
    "by nothing": ("x = 1 - 1\nparam = param - learning_rate*grad/x", ()),
    "kept for ever": ("m = m + grad\nparam = param - learning_rate*m", ("m",)),
    "three": ("m = (m + grad)/2\nv = (v + m)/2\nparam = param - learning_rate*v", ("m", "v")),
}


@pytest.mark.parametrize("name", WITHOUT)
def test_no_limit(name: str, tmp_path: Path) -> None:
    lines, states = WITHOUT[name]
    assert not list(stabilities(rule(tmp_path, lines, {}, states)))


def test_no_limit_where_ranges_allow_too_much(tmp_path: Path) -> None:
    lines = "buffer = a*buffer + grad\nparam = param - learning_rate*buffer"
    for bounds in ("a >= 0", "-2 <= a < 1"):
        assert not list(stabilities(rule(tmp_path, lines, {"a": bounds}, ("buffer",))))


#: Rules that are linear, with fractions that grow.
HOSTILE = {
    "powers": "x = (a + b + c)**8\ny = x**8*(a + 1)**8",
    "squares": "\n".join(["y = a + b + c", *["y = y*y + 0.123456789*b"] * 100]),
    "fractions": "\n".join(["y = a + b + c", *["y = y + 1/(y + a*b + 0.37*c)"] * 100]),
    "digits": "\n".join(["y = 1 + a*b", *["y = y*1e-300 + 1e-300*c"] * 100]),
    "sums": "y = " + "+".join(f"(a + 0.{k}7*b)**2/(1 + {k}*c)" for k in range(60)),
    "roots": "\n".join(["y = a + b + c", *["y = sqrt(y + a)"] * 100]),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_the_work_is_bounded(name: str, tmp_path: Path) -> None:
    lines = f"{HOSTILE[name]}\nparam = param - learning_rate*(1 + y*a*b*c)*grad"
    mine = rule(tmp_path, lines, dict.fromkeys("abc", BELOW_1), ())
    before = time.perf_counter()
    list(stabilities(mine))
    assert time.perf_counter() - before < 20
