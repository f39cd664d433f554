"""What a spec says of torch's arguments: words of a switch, and numbers that are fixed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import optgen
from optgen.compiler.ir.problem import SpecError
from optgen.torch import optimizer_class

SPEC = '''
name = "Worded"
[hyperparameters]
learning_rate = { default = 0.5 }
doubled = { default = false }
factor = { default = 3.0 }
[torch]
lr = "learning_rate"
kind = { doubled = ["single", "double"] }
rounds = 5
[update]
rule = """
change = learning_rate*grad
if doubled:
    change = factor*change
"""
'''


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "worded.toml"


@pytest.mark.parametrize(("kind", "step"), [(None, 0.5), ("single", 0.5), ("double", 1.5)])
def test_words_and_fixed_numbers(kind: str | None, step: float, path: Path) -> None:
    path.write_text(SPEC, encoding="utf-8")
    worded = optimizer_class(optgen.compile(str(path)))
    param = torch.nn.Parameter(torch.zeros(2))
    param.grad = torch.ones(2)
    worded([param], kind=kind, rounds=5).step()
    assert param.tolist() == [-step, -step]
    with pytest.raises(ValueError, match="Worded: rounds must be 5, not 4"):
        worded([param], rounds=4)
    with pytest.raises(TypeError, match="doubled"):
        worded([param], doubled=True)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('["single", "double"]', '["single"]', "kind must name one switch"),
        ('["single", "double"]', '["Single", "double"]', "kind must name one switch"),
        ('["single", "double"] }', '["one", "two"], factor = ["a", "b"] }', "one switch"),
        ('["single", "double"]', "5", "must be a string"),
        ("{ doubled =", "{ factor =", "'factor' is no switch"),
        ("rounds = 5", "rounds = true", "must be a string or a list of strings"),
    ],
)
def test_mistakes(old: str, new: str, message: str, path: Path) -> None:
    assert old in SPEC
    path.write_text(SPEC.replace(old, new), encoding="utf-8")
    with pytest.raises(SpecError, match=message):
        optgen.compile(str(path))
