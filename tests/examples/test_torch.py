"""The examples run, and their numbers are those of the frameworks' own optimizers."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(name: str) -> str:
    command = [sys.executable, str(EXAMPLES / f"{name}.py")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def numbers(text: str) -> list[float]:
    return [float(found) for found in re.findall(r"loss (\d+\.\d+)", text)]


def test_digits() -> None:
    said = run("torch_digits")
    ours, theirs = numbers(said)
    assert ours == pytest.approx(theirs, rel=0.05, abs=0.01)
    assert all(float(share) > 90 for share in re.findall(r"(\d+\.\d) %", said))


@pytest.mark.full
def test_bfloat16() -> None:
    said = run("torch_bfloat16")
    theirs, ours, narrow = numbers(said)
    # States of float32 learn no worse than those of bfloat16.
    assert ours < 1.1 * theirs
    assert narrow == pytest.approx(theirs, rel=0.1, abs=0.02)
    held_out = [float(found) for found in re.findall(r"digits (\d+\.\d+)", said)]
    assert max(held_out) < 0.6  # It begins with 2.3.
    assert held_out[1] < 1.1 * held_out[0]


def test_keras_digits() -> None:
    said = run("keras_digits")
    theirs, ours, installed, *pair = numbers(said)
    assert ours == pytest.approx(theirs, abs=2e-4)
    assert installed == ours
    assert pair[0] == pytest.approx(pair[1], rel=0.05, abs=0.01)
    assert all(float(share) > 90 for share in re.findall(r"(\d+\.\d) %", said))


@pytest.mark.full
def test_two_processes() -> None:
    first, second, alone = numbers(run("torch_two_processes"))
    assert first == second == pytest.approx(alone, rel=1e-3, abs=1e-5)
