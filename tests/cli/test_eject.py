"""``optgen eject``: what it prints, writes and refuses."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from optgen.cli import app


def test_a_file_is_written_and_runs(tmp_path: Path) -> None:
    path = tmp_path / "my_lion.py"
    result = CliRunner().invoke(app, ["eject", "lion", "--out", str(path)])
    assert result.exit_code == 0, result.output
    kind = runpy.run_path(str(path))["Lion"]
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = kind([weight], lr=0.5)
    weight.grad = torch.ones(2)
    optimizer.step()
    assert torch.equal(weight.detach(), torch.full((2,), 0.5))


def test_what_is_printed_is_the_file(tmp_path: Path) -> None:
    path = tmp_path / "file.py"
    CliRunner().invoke(app, ["eject", "lion", "--out", str(path)])
    assert CliRunner().invoke(app, ["eject", "lion"]).stdout == path.read_text(encoding="utf-8")


def test_no_feature_is_in_a_file_without_features() -> None:
    plain = CliRunner().invoke(app, ["eject", "lion", "--features", "none"]).stdout
    assert "weight_decay" not in plain
    assert "maximize" not in plain


def test_own_specs_are_ejected(tmp_path: Path) -> None:
    spec = tmp_path / "signs.toml"
    rule = "param = param - learning_rate*sign(grad)"
    spec.write_text(f'name = "Signs"\n[update]\nrule = "{rule}"\n', encoding="utf-8")
    text = CliRunner().invoke(app, ["eject", str(spec), "--features", "none"]).stdout
    assert "param = param - lr * sign(grad)" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["lion", "--features", "cauteous"], "is no feature; did you mean 'cautious'?"),
        (["lion", "--features", "accumulate"], "whether to update"),
        (["lion", "--features", "sam"], "second point"),
        (["lion", "--features", "average"], "without a gradient"),
        (["maximize"], "no optimizer"),
        (["lyon"], "lion"),
    ],
)
def test_what_one_file_has_not_is_refused(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(app, ["eject", *arguments])
    assert result.exit_code == 2
    assert said in result.stderr.replace("\n", " ")
