"""Behaviour in runs: each property is broken by one slip, and kept by the rule without it."""

from __future__ import annotations

from pathlib import Path

import pytest

from optgen.analysis.prove import findings
from optgen.compiler.ir.proof import Finding, Group
from optgen.compiler.pipeline import checked_rule, load_all
from tests.analysis.prove.slips import PUBLISHED


def spec(hyperparameters: dict[str, float], states: list[str], rule: str) -> str:
    """A rule; numbers from 0.5 to 1 are decays, all others positive."""
    lines = ['name = "Own"', "[hyperparameters]"]
    for name, default in hyperparameters.items():
        bounds = f"0 <= {name} < 1" if 0.5 <= default < 1 else f"{name} > 0"
        bounds = "" if name == "learning_rate" else f', range = "{bounds}"'
        lines.append(f"{name} = {{ default = {default}{bounds} }}")
    lines += ["[state]", *states, "[update]", f'rule = """\n{rule}"""', ""]
    return "\n".join(lines)


#: Momentum that is damped where the gradient turns away from it: Malviya and others, 2024.
TORQUE = spec(
    {"learning_rate": 0.1, "momentum": 0.9, "gamma": 0.9, "epsilon": 1e-8},
    ["m = {}", "s = {}"],
    """
cosine = sum(m*grad)/max(norm(m)*norm(grad), epsilon)
s = gamma*s + (1 - gamma)*cosine
m = momentum*m + (epsilon + (1 + s)/2)*grad
param = param - learning_rate*m
""",
)
#: Bets on coins: Orabona and Tommasi, 2017.
COINS = spec(
    {"learning_rate": 1.0, "alpha": 100.0, "epsilon": 1e-8},
    ['start = { initial = "param" }', "largest = {}", "sums = {}", "reward = {}", "theta = {}"],
    """
largest = max(largest, abs(grad))
sums = sums + abs(grad)
reward = max(reward - (param - start)*grad, 0)
theta = theta - grad
bet = theta/(largest*max(sums + largest, alpha*largest) + epsilon)
param = start + learning_rate*bet*(largest + reward)
""",
)
#: Gradients without their part along the parameter: Prieto and others, 2025.
ACROSS = spec(
    {"learning_rate": 0.01, "epsilon": 1e-30},
    [],
    """
along = sum(param*grad)/(sum(param*param) + epsilon)
across = grad - along*param
param = param - learning_rate*across*norm(grad)/(norm(across) + epsilon)
""",
)
#: Two layer-wise ratios: Zheng and others, 2020.
RATIOS = spec(
    {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-6},
    ["m = {}", "v = {}"],
    """
unit = grad/max(norm(grad), epsilon)
m = beta_1*m + (1 - beta_1)*unit
v = beta_2*v + (1 - beta_2)*unit**2
root = sqrt(v/(1 - beta_2**step)) + epsilon
long = (m/(1 - beta_1**step))/root
short = unit/root
size = norm(param)
long_ratio = where(size > 0 and norm(long) > 0, size/norm(long), 1)
short_ratio = where(size > 0 and norm(short) > 0, size/norm(short), 1)
param = param - learning_rate*(beta_1*long_ratio*long + (1 - beta_1)*short_ratio*short)
""",
)
#: Two momenta in turn, with opposite signs: Xie and others, 2021.
TURNS = spec(
    {"learning_rate": 0.001, "beta_1": 0.9},
    ["odd = {}", "even = {}"],
    """
is_odd = step % 2 == 1
odd = where(is_odd, beta_1**2*odd + (1 - beta_1**2)*grad, odd)
even = where(is_odd, even, beta_1**2*even + (1 - beta_1**2)*grad)
param = param - learning_rate*where(is_odd, 2*odd - even, 2*even - odd)
""",
)
#: Momentum that falls to 0: Chen and others, 2022.
FALLING = spec(
    {"learning_rate": 0.01, "first": 0.9, "total": 10000.0},
    ["m = {}"],
    """
left = max(1 - step/total, 0)
m = first*left/(1 - first + first*left)*m + grad
param = param - learning_rate*m
""",
)
#: Rates that fall with the steps, and rates of their own for elements: Jacobs, 1988.
INVERSE = spec(
    {"learning_rate": 0.1, "decay": 0.01},
    [],
    "param = param - learning_rate/(1 + decay*step)*grad\n",
)
RATES = spec(
    {"learning_rate": 0.01, "theta": 0.7, "kappa": 0.01, "phi": 0.1},
    ["average = {}", "rate = { initial = 1 }"],
    """
agree = average*grad
rate = where(agree > 0, rate + kappa, where(agree < 0, rate*(1 - phi), rate))
average = theta*average + (1 - theta)*grad
param = param - learning_rate*rate*grad
""",
)
OWN = {
    "inverse": INVERSE,
    "rates": RATES,
    "torque": TORQUE,
    "coins": COINS,
    "across": ACROSS,
    "ratios": RATIOS,
    "turns": TURNS,
    "falling": FALLING,
}
#: The rule, what stands there, the slip, and the fault that runs must show.
SLIPS = {
    "damping upside down": ("torque", "(1 + s)/2", "(1 - s)/2", "steps die away"),
    "weights that add up to more than 1": ("nosadam", "share*v", "total*v", "steps die away"),
    "a ratio of 0 at 0": ("lamb", "size/length, 1)", "size/length, 0)", "begins at 0 stays there"),
    "one ratio of 0 at 0": (
        "ratios",
        "size/norm(long), 1)",
        "size/norm(long), 0)",
        "of 0 isn't moved",
    ),
    "no floor of a mask": ("cautiouslion", "max(mean(mask), 0.001)", "mean(mask)", "NaN"),
    "a counter": ("novograd", "beta_1*m + grad/", "beta_1*m + step*grad/", "after a rest"),
    "no start": ("coins", "param = start +", "param = param +", "swings far past a minimum"),
    "a projection the wrong way": ("across", "grad - along", "grad + along", "favour the part"),
    "one ratio upside down": ("ratios", "size/norm(long)", "norm(long)/size", "larger parameter"),
    "the rate twice": ("rmsproptf", "- m", "- learning_rate*m", "like the learning rate to the"),
    "a sum for a mean": (
        "cautiousadamw",
        "max(mean(mask), 0.001)",
        "max(sum(mask), 0.001)",
        "like the number of elements to the power of -1",
    ),
    "signs in turn": ("turns", "2*odd - even", "2*even - odd", "the newest gradient"),
    "agreement turned around": (
        "powersign",
        "base**(sign(grad)*sign(m))",
        "base**(-sign(grad)*sign(m))",
        "besides noise is followed uphill",
    ),
    "a small factor": ("yogi", "sqrt(v_hat) + epsilon", "sqrt(v_hat)*epsilon", "epsilon is small"),
    "weights swapped": (
        "adamw",
        "beta_1*m + (1 - beta_1)*grad",
        "(1 - beta_1)*m + beta_1*grad",
        "keeps 1 - beta_1 of itself",
    ),
    "a rate that grows": ("inverse", "rate/(1", "rate*(1", "like their number to the power of 0.9"),
    "rates that only grow": ("rates", "1 - phi", "1 + phi", "grow exponentially"),
    "a product for a correction": (
        "laprop",
        "learning_rate*m/(1",
        "learning_rate*m*(1",
        "1 - beta_1**step is upside down",
    ),
    "time left turned around": ("falling", "1 - step/total", "step/total - 1", "first makes no"),
}


def faults(text: str, folder: Path) -> list[Finding]:
    """What runs show of a rule."""
    path = folder / "rule.toml"
    path.write_text(text)
    (rule,) = load_all([path])
    return [
        one for one in findings(checked_rule(rule), frozenset({Group.BEHAVIOUR})) if one.is_refuted
    ]


def text_of(name: str) -> str:
    return OWN[name] if name in OWN else (PUBLISHED / f"{name}.toml").read_text()


@pytest.mark.parametrize("key", SLIPS)
def test_a_slip_shows_in_runs(key: str, tmp_path: Path) -> None:
    name, old, new, fault = SLIPS[key]
    text = text_of(name)
    assert old in text
    assert not faults(text, tmp_path)
    told = faults(text.replace(old, new, 1), tmp_path)
    assert [one for one in told if fault in one.headline], told
    assert all(one.headline.startswith("in runs ") for one in told)


def test_a_projection_may_move_an_element_uphill(tmp_path: Path) -> None:
    """It goes downhill as a whole; a rule that takes each element by itself has no such excuse."""
    assert not faults(ACROSS, tmp_path)
    alone = spec({"learning_rate": 0.01}, [], "param = param + learning_rate*grad\n")
    assert [one for one in faults(alone, tmp_path) if "moves uphill" in one.headline]
