"""A state that begins as the parameter and is never assigned keeps where training began."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from optgen.cli import app

#: Distance over gradients: Ivgi, Hinder and Carmon, 2023, arXiv:2302.12022, algorithm 1.
DOG = '''
name = "DoG"
[hyperparameters]
learning_rate = { default = 1.0 }
reach = { default = 1e-6, range = "reach > 0" }
epsilon = { default = 1e-8, range = "epsilon > 0" }
[state]
start = { initial = "param" }
total = { invariant = "total >= 0" }
distance = { initial = "reach", invariant = "distance > 0" }
[update]
rule = """
distance = max(distance, sqrt(global_sum((param - start)**2)))
total = total + global_sum(grad**2)
param = param - learning_rate*distance*grad/sqrt(total + epsilon)
"""
'''


def test_dog_moves_by_its_distance_from_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dog.toml").write_text(DOG)
    out = tmp_path / "built_dog"
    result = CliRunner().invoke(app, ["build", str(tmp_path / "dog.toml"), "--out", str(out)])
    assert result.exit_code == 0, result.output
    monkeypatch.syspath_prepend(str(tmp_path))
    weights = [np.array([3.0, -1.0]), np.array([0.5])]
    optimizer = import_module("built_dog").DoG()
    optimizer.build(weights)

    mine = np.array([3.0, -1.0, 0.5])
    start, total, distance = mine.copy(), 0.0, 1e-6
    for _ in range(100):
        optimizer.apply([array.copy() for array in weights])
        grad = mine.copy()
        distance = max(distance, float(np.linalg.norm(mine - start)))
        total += float(grad @ grad)
        mine = mine - distance * grad / np.sqrt(total + 1e-8)
    np.testing.assert_allclose(np.concatenate(weights), mine, rtol=1e-12)
    assert np.linalg.norm(mine) < 0.9 * np.linalg.norm(start)
    kept = next(iter(optimizer.state.values()))["start"]
    np.testing.assert_array_equal(kept, start[:2])
