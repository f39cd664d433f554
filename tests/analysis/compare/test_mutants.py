"""A mutant that computes something else is never said to be equal."""

from __future__ import annotations

from pathlib import Path

import pytest

from optgen.analysis.compare import compare
from optgen.compiler.ir.problem import SpecError
from tests.analysis.compare.mutants import apart, mutants, rules
from tests.analysis.compare.pairs import written

MUTANTS = [(rule, mutant) for rule in rules() for mutant in mutants(rule)]


@pytest.mark.parametrize("turn", range(2))
def test_mutants_that_differ_are_never_equal(turn: int, tmp_path: Path) -> None:
    decided = 0
    for rule, mutant in MUTANTS[5 * turn :: len(MUTANTS) // 8]:
        try:
            other = written(tmp_path / "mutant.toml", mutant)
        except SpecError:
            continue
        found = compare(written(tmp_path / "own.toml", rule), other, {}, {})
        if found.equal:
            assert not apart(rule, mutant), f"{rule}\n\n{mutant}"
        elif apart(rule, mutant):
            assert found.equal is False, f"{rule}\n\n{mutant}"
        decided += found.equal is not None
    assert decided > 3
