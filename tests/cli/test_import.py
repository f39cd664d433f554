"""``optgen import``: a spec that is written, compared and compiled; errors that show the source."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import optgen
from optgen.cli import app

SOURCE = '''
import torch


class SignedMean(torch.optim.Optimizer):
    """The sign of a mean. It has one state."""

    def __init__(self, params, lr=0.01, betas=(0.9, 0.99), decay=0.0):
        if not 0 <= betas[0] < 1:
            raise ValueError(betas)
        super().__init__(params, {"lr": lr, "betas": betas, "decay": decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            first, second = group["betas"]
            for p in group["params"]:
                state = self.state[p]
                if not state:
                    state["mean_gradient"] = torch.zeros_like(p)
                if group["decay"] > 0:
                    p.mul_(1 - group["lr"] * group["decay"])
                mean = state["mean_gradient"]
                p.add_((mean * first + p.grad * (1 - first)).sign_(), alpha=-group["lr"])
                mean.lerp_(p.grad, 1 - second)


class Bent(SignedMean):
    @torch.no_grad()
    def step(self):
        for p in self.param_groups[0]["params"]:
            p.sub_(p.grad.erf())
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "mine.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["import", *arguments])


def test_a_known_rule_is_proved_to_be_it(folder: Path) -> None:
    result = run("mine.py:SignedMean", "--known", "lion")
    assert result.exit_code == 0, result.output
    assert "wrote signedmean.toml" in result.output
    assert "as long as not decay > 0 (mine.py:21:20)" in result.output.replace(f"{folder}/", "")
    assert "equal to 1e-12 over 30 steps, with 3 sets of hyperparameters" in result.output
    assert "proved: it is lion, for every gradient" in result.output
    spec = tomllib.loads((folder / "signedmean.toml").read_text(encoding="utf-8"))
    assert spec["summary"] == "The sign of a mean."
    assert [*spec["hyperparameters"]] == ["learning_rate", "beta_1", "beta_2"]
    assert spec["hyperparameters"]["beta_1"]["range"] == "0 <= beta_1 < 1"
    assert spec["state"] == {"mean_gradient": {}}
    assert spec["torch"] == {"lr": "learning_rate", "betas": ["beta_1", "beta_2"]}
    assert optgen.compile(folder / "signedmean.toml").__name__ == "SignedMean"
    again = run("mine.py:SignedMean")
    assert again.exit_code == 2
    assert "signedmean.toml exists" in again.output


def test_what_is_not_followed_has_a_caret(folder: Path) -> None:
    result = run("mine.py:Bent")
    assert result.exit_code == 1
    assert "mine.py:32:20: error: erf can't be followed" in result.output
    assert "        p.sub_(p.grad.erf())\n                       ^~~~~~~~~~~~" in result.output
    assert not (folder / "bent.toml").exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("mine.py", "doesn't name a class"),
        ("other.py:SignedMean", "there is no file other.py"),
        ("mine.py:SinedMean", "did you mean 'SignedMean'?"),
        ("mine.py:SignedMean(speed=1)", "has no argument speed"),
        ("mine.py:SignedMean(lr=print())", "must be arguments with literal values"),
        ("no.module:SignedMean", "no.module can't be imported"),
    ],
)
def test_usage(folder: Path, given: str, message: str) -> None:
    result = run(given)
    assert result.exit_code == 2, result.output
    assert message in result.output
