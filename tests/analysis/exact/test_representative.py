"""Rules whose calls decide conditions are analysed over whole runs, not in one setting for all."""

from __future__ import annotations

from pathlib import Path

import pytest

from optgen.analysis.reports import findings
from optgen.compiler.ir.proof import BINDING, TOLD, Finding, Group, Verdict
from optgen.compiler.pipeline import load_all

#: A sound rule in which each of two branches alone would be none.
SEEDED = '''
name = "Seeded"

[hyperparameters]
learning_rate = { default = 0.1 }
decay         = { default = 0.9, range = "0 <= decay < 1" }
period        = { default = 4, integer = true, range = "period >= 1" }

[state]
mean_gradient = { doc = "The first gradient, then a running mean." }
slow          = { initial = "param" }

[update]
rule = """
if step == 1:
    mean_gradient = grad
elif step > 1:
    mean_gradient = decay*mean_gradient + (1 - decay)*grad
moved = param - learning_rate*mean_gradient
if step % period == 0:
    slow = slow + 0.5*(moved - slow)
    moved = slow
param = moved
"""
'''

SECOND_POINT = '''
name = "SecondPoint"

[hyperparameters]
learning_rate = { default = 0.1 }
radius        = { default = 0.05, range = "radius > 0" }

[state]
first_point = { doc = "The parameter while it is perturbed." }

[perturb]
rule = """
first_point = param
param = param + radius*grad/max(global_norm(grad), 1e-12)
"""

[update]
rule = """
if perturbed:
    param = first_point
param = param - learning_rate*grad
"""
'''

#: Downhill for the losses that there are, as 1; only a loss below -1 would turn the step around.
GUIDED = '''
name = "Guided"

[hyperparameters]
learning_rate = { default = 0.1 }

[inputs]
loss = { shape = "optimizer", optional = true }

[update]
rule = """
strength = 1
if given(loss):
    strength = loss + 1
change = learning_rate*strength*grad
"""
'''


def refuted(folder: Path, text: str) -> list[Finding]:
    path = folder / "example.toml"
    path.write_text(text, encoding="utf-8")
    (spec,) = load_all([path])
    found = (one for one in findings(spec) if one.verdict is Verdict.REFUTED)
    return [one for one in found if one.group not in TOLD]


@pytest.mark.parametrize("text", [SEEDED, SECOND_POINT], ids=["calls", "point"])
def test_a_sound_rule_is_not_warned_of(text: str, tmp_path: Path) -> None:
    assert not refuted(tmp_path, text)


def test_an_input_without_a_range_refutes_nothing(tmp_path: Path) -> None:
    assert not [one for one in refuted(tmp_path, GUIDED) if one.group in BINDING]


SLIPS = {
    "a divisor in the branch of one call": (
        SEEDED,
        "    mean_gradient = grad\n",
        "    mean_gradient = grad/(step - 1)\n",
    ),
    "uphill every few steps": (
        SEEDED,
        "    moved = slow\n",
        "    moved = moved + 3*mean_gradient\n",
    ),
    "weights that add up to more": (SEEDED, "(1 - decay)*grad", "(1 + decay)*grad"),
    "uphill from the second point": (SECOND_POINT, "= first_point\n", "= first_point + 9*grad\n"),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_in_a_branch_is_found(slip: str, tmp_path: Path) -> None:
    text, old, new = SLIPS[slip]
    assert refuted(tmp_path, text.replace(old, new, 1))


LOW_RANK = '''
name = "LowRank"
[matrix]
view = "first by rest"
rank = "rank"
[hyperparameters]
learning_rate = { default = 0.1 }
rank = { default = 2, integer = true, range = "rank >= 1" }
[state]
basis = { shape = "short by rank", when = "matrix" }
[update]
rule = """
if step == 1:
    basis = normal()
change = learning_rate*(basis @ (transpose(basis) @ grad))
"""
[fallback]
extends = "sgd"
'''


def test_random_matrices_of_low_rank_are_not_their_mean(tmp_path: Path) -> None:
    """Nothing is proved of a basis that is 0."""
    path = tmp_path / "lowrank.toml"
    path.write_text(LOW_RANK, encoding="utf-8")
    (spec,) = load_all([path])
    found = [one for one in findings(spec) if "not matrix" not in one.variant]
    assert not [one for one in found if "basis" in one.statement and "always" in one.statement]
    (oddness,) = (one for one in found if one.group is Group.ODDNESS)
    assert oddness.verdict is Verdict.PROVED
    assert "basis even" in oddness.reason
