"""``optgen plan``: what is printed, as text and as data, and what is refused."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from optgen.cli import app


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["plan", *map(str, arguments)])


def data(*arguments: object) -> Any:
    result = run(*arguments, "--format", "json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_large_model_on_many_processes() -> None:
    result = run("adamw", "--parameters", "1e12", "--ranks", 1024, "--with", "global_clipnorm=1")
    assert result.exit_code == 0, result.output
    text = re.sub(" +", " ", result.stdout)
    assert "AdamW, float32; fsdp, 1024 processes" in text
    # Two states of four bytes; a square sum of each of the tensors.
    count, tensors = 1_001_544_672_768, 1034
    assert f"{count:,} parameters in {tensors:,} tensors" in text
    assert f"states 2.61 GB {8 * count / 1024 / 1e9:.3g} GB" in text
    assert f"all_reduce sums of whole parameters 1 {8 * tensors * 3 / 1e3:.3g} kB" in text


def test_data_has_each_process_and_each_kind_of_exchange() -> None:
    found = data("kerasmuon", "--shapes", "8x4*2,12x4,9", "--ranks", 4, "--copies", 2)
    assert found["sharding"] == {"kind": "fsdp", "ranks": 4, "copies": 2, "different": 2}
    assert found["parameters"] == 2 * 32 + 48 + 9
    first, second = found["processes"]
    assert first["parameters"] + second["parameters"] == 4 * found["parameters"]
    # Half of each matrix comes to its owner.
    moved = [one for one in found["exchanges"] if one["what"] == "gradients to owners"]
    assert moved == [
        {
            "collective": "all_to_all",
            "what": "gradients to owners",
            "times": 1,
            "sent": 4 * 64 // 2,
            "received": 4 * 64 // 2,
        }
    ]
    for share in found["processes"]:
        parts = ("parameters", "gradients", "states", "owned", "scratch")
        assert share["kept"] == sum(share[name] for name in parts)
        assert share["peak"] == share["kept"] + share["step"]


def test_storage_decides_bytes() -> None:
    wide = data("adam", "--shapes", "64x64", "--sharding", "ddp")["processes"][0]
    half = data(
        *("adam", "--shapes", "64x64", "--sharding", "ddp"),
        *("--stored", "param=bfloat16,states=int8,rounding=split"),
    )["processes"][0]
    assert wide["states"] == 8 * 4096
    assert wide["moved"] == 28 * 4096
    assert half["parameters"] == half["gradients"] == 2 * 4096
    # Codes with a unit for each block of 64, and 16 bits of what parameters lose.
    assert half["states"] == (2 * (1 + 4 / 64) + 2) * 4096


def test_a_step_in_which_a_rule_does_more() -> None:
    few, more = (
        data("soap", "--shapes", "8x8", "--step", step)["processes"][0]["calls"] for step in (2, 11)
    )
    assert more > few


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give one of --parameters, --model and --shapes"),
        (["--shapes", "4", "--model", "flat"], "give one of"),
        (["--shapes", "4y"], "no shape, such as 768x768"),
        (["--model", "gpt5"], "there is no model 'gpt5'"),
        (["--parameters", "1000"], "a decoder has at least"),
        (["--shapes", "4", "--ranks", "3", "--copies", "2"], "aren't 2 sets"),
        (["--shapes", "4", "--stored", "grad=float16"], "format of their parameters"),
        (["--shapes", "4", "--with", "beta=1"], "no argument 'beta'"),
        (["--shapes", "4", "--with", "beta_1=2"], "out of range"),
    ],
)
def test_what_cant_be_planned_is_refused(arguments: list[str], message: str) -> None:
    result = run("adam", *arguments)
    assert result.exit_code == 2
    assert message in re.sub(r"\s+", " ", result.stderr)


def test_a_schedule_has_no_plan() -> None:
    result = run("cosinedecay", "--shapes", "4")
    assert result.exit_code == 2
    assert "is not an optimizer" in result.stderr
