"""Rules that need more than a gradient are refused, and change nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import optgen
from optgen.compiled.user_folder import VARIABLE
from optgen.torch import optimizer_class

GUIDED = '''
name = "Guided"
[hyperparameters]
learning_rate = { default = 0.1 }
[inputs]
curvature = {}
[update]
rule = """
param = param - learning_rate*grad/(abs(curvature) + 1)
"""
'''


def test_a_rule_with_inputs_makes_no_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    (tmp_path / "guided.toml").write_text(GUIDED, encoding="utf-8")
    param = torch.ones(3, requires_grad=True)
    param.grad = torch.ones(3)
    optimizer = optimizer_class(optgen.compile(tmp_path / "guided.toml"))([param])
    with pytest.raises(TypeError, match="needs curvature beside the gradients"):
        optimizer.step()
    assert param.tolist() == [1, 1, 1]
