"""Invariants of states that a move to a second point assigns, from which a rule may come back."""

from __future__ import annotations

from pathlib import Path

import pytest

from optgen.analysis.exact.representative import representative
from optgen.analysis.prove import prove
from optgen.compiler.ir.proof import Group, Verdict
from optgen.compiler.pipeline import load_file
from optgen.compiler.read.parse import parse

SPEC = '''name = "Moved"
summary = "Sums up what it sees on the way."

[hyperparameters]
learning_rate = {{ default = 0.1 }}

[state]
first_point = {{ doc = "The parameter while it is perturbed." }}
seen = {{ invariant = "seen >= 0" }}

[perturb]
rule = """
first_point = param
seen = {seen}
param = param + 0.05*sign(grad)
"""

[update]
rule = """
if perturbed:
    param = first_point
    seen = abs(seen)
change = learning_rate*grad/(1 + seen)
"""
'''


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        ("0.9*seen + abs(grad)", Verdict.PROVED),
        ("seen + grad", Verdict.REFUTED),
        # Whether the state gets below 1 isn't known from its first value.
        ("seen*(seen + 1)*(seen - 1)", Verdict.UNDECIDED),
    ],
)
def test_the_way_keeps_an_invariant_or_not(tmp_path: Path, seen: str, verdict: Verdict) -> None:
    path = tmp_path / "moved.toml"
    path.write_text(SPEC.format(seen=seen))
    rule = representative(parse(load_file(path)))
    found = {one.statement: one for one in prove(rule, frozenset({Group.INVARIANT}))}
    # A step that is made keeps it in any case.
    assert found["seen >= 0 is kept by a step"].verdict is Verdict.PROVED
    moved = found["seen >= 0 is kept on the way to a second point"]
    assert moved.verdict is verdict
    if verdict is Verdict.REFUTED:
        assert moved.numbers["grad"] < 0
