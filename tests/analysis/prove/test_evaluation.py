"""What only evaluation uses, and what nothing does."""

from __future__ import annotations

from pathlib import Path

import pytest

from optgen.analysis.reports import findings
from optgen.compiler.ir.proof import Group
from optgen.compiler.read.load import load

AVERAGED = '''
name = "Averaged"
[hyperparameters]
learning_rate = { default = 0.01 }
rate = { default = 0.99, range = "0 <= rate < 1" }
[state]
velocity = {}
average = {}
[evaluate]
param = "average/(1 - rate**step)"
[update]
rule = """
velocity = 0.9*velocity + 0.1*grad
average = rate*average + (1 - rate)*(param - learning_rate*velocity)
param = param - learning_rate*velocity
"""
'''


def warned(text: str, folder: Path) -> list[str]:
    path = folder / "averaged.toml"
    path.write_text(text, encoding="utf-8")
    return [
        finding.fault
        for finding in findings(load(path))
        if finding.is_refuted and finding.group in (Group.START, Group.BEHAVIOUR)
    ]


def test_evaluation_is_a_use(tmp_path: Path) -> None:
    assert warned(AVERAGED, tmp_path) == []


@pytest.mark.parametrize("evaluated", ["param", "velocity + param", "average*0.01**rate"])
def test_what_neither_the_parameter_nor_evaluation_uses_is_a_warning(
    evaluated: str, tmp_path: Path
) -> None:
    found = warned(AVERAGED.replace("average/(1 - rate**step)", evaluated), tmp_path)
    told = [one for one in found if "average remembers has no effect" in one]
    assert bool(told) is ("average" not in evaluated)
