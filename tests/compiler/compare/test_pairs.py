"""Rules that are known to be equal or not come out so, and a rule is always itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from optgen.compiler.compare import compare
from optgen.compiler.library import optimizer_files
from optgen.compiler.nouns.rule import Rule
from optgen.compiler.pipeline import composed, load_all
from tests.compiler.compare.pairs import AROUND, PAIRS, Pair, written

SOUND = sorted((Path(__file__).parents[1] / "prove" / "sound").glob("*.toml"))


def values(texts: tuple[str, ...], rule: Rule) -> dict[str, float]:
    """What is given for both, as far as a rule has it."""
    pairs = dict(text.split("=") for text in texts)
    return {n: float(v) for n, v in pairs.items() if rule.hyperparameter(n) is not None}


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_pairs_with_known_answers(pair: Pair, tmp_path: Path) -> None:
    one = written(tmp_path / "one.toml", pair.one)
    other = written(tmp_path / "other.toml", pair.other)
    for left, right in ((one, other), (other, one)):
        found = compare(left, right, values(pair.together, left), values(pair.together, right))
        assert found.equal is pair.equal, found.settings


@pytest.mark.parametrize("spec", load_all([*optimizer_files(), *SOUND]), ids=lambda s: s.name.value)
def test_a_rule_is_itself(spec: object) -> None:
    rule = composed(spec, AROUND)  # type: ignore[arg-type]
    found = compare(rule, rule, {}, {})
    assert found.equal, found.settings
