"""Known rules in a user's own words and algebra are known, and slips in them are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from optgen.analysis.compare import resemblances
from optgen.analysis.compare.canonical_form import canonical
from optgen.analysis.compare.drawn import Draws
from optgen.analysis.compare.outline import Outline
from optgen.analysis.reports import known_rules
from optgen.compiler.ir.expression import Name, Number, Operation
from optgen.compiler.ir.proof import Finding, Verdict
from optgen.compiler.pipeline import checked_rule, load_all

#: The name of a rule, its numbers, what its states begin with, and the rule in other words.
OWN: dict[str, tuple[str, dict[str, str], str]] = {
    "SCRMSprop": (
        "g h k",
        {"acc": "{}"},
        """
acc = (1 - g/step)*acc + g/step*grad**2
param = param - learning_rate*grad/(step*acc + h*exp(-k*step*acc))
""",
    ),
    "DAdaptLion": (
        "a b c",
        {"m": "{}", "sums": "{}", "top": "{}", "far": '{ initial = "c" }'},
        """
q = sqrt(b)
turn = sign(a*m + (1 - a)*grad)
m = b*m + (1 - b)*learning_rate*far*grad
top = q*top + (1 - q)*sum(far*learning_rate*turn*sums)
sums = sums + (1 - q)*(learning_rate*far*turn - sums)
most = sum(abs(sums))
guess = where(most > 0, top/(max(most, 1e-30)*(1 - q)), far)
param = param - far*learning_rate*turn
far = max(far, guess)
""",
    ),
    "AdaGC": (
        "a b c d e f g h",
        {"m": "{}", "v": "{}", "usual": "{}"},
        """
early = step < f
size = norm(grad)
bound = where(early, min(1, d/(g + global_norm(grad))), min(1, e*usual/max(size, g)))
own = norm(bound*grad)
usual = where(early, where(step > 1, min(own, usual), own), usual + (1 - c)*(own - usual))
m = m + (1 - a)*(bound*grad - m)
v = b*v + (1 - b)*bound**2*grad*grad
root = g*sqrt(1 - b**step) + sqrt(v)
param = param*(1 - h*learning_rate) - learning_rate*m*sqrt(1 - b**step)/((1 - a**step)*root)
""",
    ),
    "ScheduledAdEMAMix": (
        "a b c d e f g",
        {"fast": "{}", "slow": "{}", "v": "{}"},
        """
t = min(1, step/e)
far = exp(log(f)*log(c)/(t*log(f) + (1 - t)*log(c)))
fast = fast*a + grad*(1 - a)
w = min(c, far)
slow = slow + (1 - w)*(grad - slow)
v = v*b + grad*grad*(1 - b)
param = param - learning_rate*(fast/(1 - a**step) + d*t*slow)/(g + sqrt(v/(1 - b**step)))
""",
    ),
    "AdamD": (
        "a b c",
        {"v": "{}", "m": "{}"},
        """
v = v + (1 - a)*(grad - v)
m = m + (1 - b)*(grad*grad - m)
param = param - learning_rate*v/(sqrt(m/(1 - b**step)) + c)
""",
    ),
}
#: A slip, and what the message must say of it in the words of the rule that is checked.
SLIPS = {
    ("SCRMSprop", "exp(-k", "exp(k"): ("where SCRMSprop has",),
    ("SCRMSprop", "(1 - g/step)*acc", "(1 + g/step)*acc"): ("(1 + g/step)*acc", "(1 - g/step)*acc"),
    ("DAdaptLion", "max(far, guess)", "min(far, guess)"): ("`min(far, ", "`max(far, "),
    ("AdaGC", "min(own, usual), own", "max(own, usual), own"): ("`max(norm(", "`min(usual, "),
    ("ScheduledAdEMAMix", "min(c, far)", "min(f, far)"): ("`f`", "`c`"),
    ("AdamD", "grad*grad - m", "grad*v - m"): ("grad*v", "grad**2"),
}


def found_of(name: str, rule: str, folder: Path) -> Finding:
    numbers, states, _ = OWN[name]
    head = [
        'name = "Own"\n[hyperparameters]',
        *(f'{n} = {{ default = 0.5, range = "0 < {n} < 1" }}' for n in numbers.split()),
        "[state]",
        *(f"{state} = {start}" for state, start in states.items()),
    ]
    path = folder / "own.toml"
    path.write_text("\n".join([*head, f'[update]\nrule = """{rule}"""\n']))
    (spec,) = load_all([path])
    (found,) = resemblances(checked_rule(spec), known_rules())
    return found


@pytest.mark.parametrize("name", OWN)
def test_a_known_rule_is_known_whatever_its_algebra(name: str, tmp_path: Path) -> None:
    found = found_of(name, OWN[name][2], tmp_path)
    assert found.statement == f"the rule is {name}'s"
    assert not found.is_refuted
    assert (found.verdict is Verdict.PROVED) == ("written otherwise" not in found.reason)


@pytest.mark.parametrize("key", SLIPS, ids=lambda key: f"{key[0]} {key[2]}")
def test_a_slip_is_told_whatever_the_algebra(key: tuple[str, str, str], tmp_path: Path) -> None:
    name, old, new = key
    rule = OWN[name][2]
    assert old in rule
    found = found_of(name, rule.replace(old, new), tmp_path)
    assert found.is_refuted
    assert found.statement == f"the rule is a step away from {name}"
    assert all(words in found.reason for words in SLIPS[key]), found.reason


GRAD, STEP, RATE, S = Name("grad"), Name("step"), Name("rate"), Name("s")


def outline() -> Outline:
    made = {"rate": Operation("sum", (GRAD,)), "s": Operation("+", (S, GRAD))}
    trees = {name: canonical(tree) for name, tree in made.items()}
    return Outline("Own", trees, {"rate": 0, "s": 0}, {})


def test_what_is_equal_by_algebra_is_alike() -> None:
    assert outline().scalars == {"rate"}
    draws = Draws(outline())
    one = Operation("*", (Operation("-", (S, GRAD)), S))
    other = Operation("neg", (Operation("*", (Operation("-", (GRAD, S)), S)),))
    assert draws.alike(canonical(one), canonical(other))
    inside = Operation("sum", (Operation("*", (RATE, GRAD)),))
    outside = Operation("*", (RATE, Operation("sum", (GRAD,))))
    assert draws.alike(canonical(inside), canonical(outside))
    moved = Operation("*", (S, Operation("sum", (GRAD,))))
    assert not draws.alike(
        canonical(Operation("sum", (Operation("*", (S, GRAD)),))), canonical(moved)
    )


def test_what_no_point_tries_is_not_alike() -> None:
    def late(last: Name) -> Operation:
        return Operation("where", (Operation(">", (STEP, Number(1000))), last, GRAD))

    draws = Draws(outline())
    assert not draws.alike(canonical(late(S)), canonical(late(RATE)))
    # A bound that only keeps out 0 is none.
    kept = Operation("max", (Operation("norm", (GRAD,)), Number(1e-30)))
    assert draws.alike(canonical(kept), canonical(Operation("norm", (GRAD,))))
