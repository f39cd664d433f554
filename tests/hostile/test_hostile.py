"""Hostile texts end in problems, or in findings: nothing of them is run, and nothing is lost."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.hostile.chain import examine
from tests.hostile.texts import CALL, CANARY, KINDS, PLANTED, REAL, text

COUNT, BLOCKS = 2000, 4


@pytest.mark.parametrize(
    "block", [0, *(pytest.param(block, marks=pytest.mark.full) for block in range(1, BLOCKS))]
)
def test_texts_are_refused_or_legal(block: int, tmp_path: Path) -> None:
    stages: Counter[str] = Counter()
    for seed in range(block, COUNT, BLOCKS):
        outcome = examine(text(seed), tmp_path / "hostile.toml", whole=False)
        assert not outcome.wrong, (seed, outcome)
        stages[outcome.stage] += 1
    # All are tried in vain if the generator makes nothing but broken TOML.
    assert min(stages["load"], stages["check"], stages["legal"]) >= COUNT / BLOCKS / 50


@pytest.mark.parametrize(
    "seed",
    [
        *range(10**6, 10**6 + 4),
        *(pytest.param(10**6 + more, marks=pytest.mark.full) for more in range(4, 12)),
    ],
)
def test_some_go_through_all_stages(seed: int, tmp_path: Path) -> None:
    outcome = examine(text(seed), tmp_path / "hostile.toml", whole=True)
    assert not outcome.wrong, outcome


SPEC = '''name = "Hostile"
summary = "{0}"
reference = "{0}"

[hyperparameters]
rate = {{ default = 0.9, range = "0 <= rate < 1", doc = "{0}" }}

[state]
m = {{ doc = "{0}" }}

[update]
rule = """
# {0}
m = rate*m + (1 - rate)*grad
param = param - learning_rate*m
"""

[waive]
degree = "{0}"
'''


@pytest.mark.parametrize("planted", [0, 2, 4, 15, 17, 18])
def test_planted_prose_stays_prose(planted: int, tmp_path: Path) -> None:
    content = SPEC.format("X").replace('"X"', f'"{PLANTED[planted]}"')
    content = content.replace("# X", f"# {CANARY}()")
    outcome = examine(content.encode(), tmp_path / "hostile.toml", whole=True)
    assert not outcome.wrong, outcome
    assert outcome.stage == "all"


def test_the_harness_notes_what_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.hostile.chain.load_all", lambda _: eval(CALL))
    outcome = examine(REAL[0], tmp_path / "hostile.toml", whole=False)
    assert "planted code was executed" in outcome.wrong


def test_texts_are_the_same_for_the_same_seed_and_of_every_kind() -> None:
    assert [text(seed) for seed in range(50)] == [text(seed) for seed in range(50)]
    assert len(KINDS) == 7
