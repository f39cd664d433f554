"""What runs without the packages that specs are compiled with."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from optgen.missing_packages import EXTRAS
from tests.test_compile import LION

ROOT = Path(__file__).parent.parent
BLOCK = """
import importlib.abc, sys

class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocked())
"""
#: Torch itself needs SymPy and Jinja, and Keras needs Rich.
OF_TORCH, OF_KERAS = ("typer", "rich"), ("typer",)
BUILDS = ("sympy", "jinja2", "typer", "rich")
NUMPY = """
import numpy as np
from optgen.optimizers import Adam, LossScaleOptimizer, SGD, schedules
weights = np.zeros(2)
optimizer = LossScaleOptimizer(SGD(schedules.ExponentialDecay(0.5, 1, 0.5), use_ema=True), 2.0)
for _ in range(2):
    optimizer.apply([2.0*np.ones(2)], [weights])
print(weights.tolist())
"""
TORCH = """
import torch, optgen.torch
weights = torch.zeros(2, requires_grad=True)
optimizer = optgen.torch.SGD([weights], lr=0.375)
for _ in range(2):
    weights.grad = torch.ones(2)
    optimizer.step()
print(weights.tolist())
"""
KERAS = """
import keras, optgen.keras
weights = keras.Variable([0.0, 0.0])
optimizer = optgen.keras.SGD(0.375)
for _ in range(2):
    optimizer.apply([keras.ops.ones(2)], [weights])
print(keras.ops.convert_to_numpy(weights.value).tolist())
"""


def run(program: str, *arguments: str, without: tuple[str, ...] = BUILDS) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", BLOCK.format(blocked=without) + program, *arguments],
        env={**os.environ, "KERAS_BACKEND": "torch"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("program", "without"),
    [
        pytest.param(NUMPY, BUILDS, id="numpy"),
        pytest.param(TORCH, OF_TORCH, id="torch"),
        pytest.param(KERAS, OF_KERAS, id="keras", marks=pytest.mark.full),
    ],
)
def test_optimizers_train_without(program: str, without: tuple[str, ...]) -> None:
    program += """
needs = ("optgen.compiler", "optgen.analysis", "optgen.cli")
print([name for name in sys.modules if name.startswith(needs)])
"""
    assert run(program, without=without) == (0, "[-0.75, -0.75]\n[]\n")


@pytest.mark.parametrize("command", [["build"], ["--help"], ["check", "adam"]])
def test_the_command_line_says_what_to_install(command: list[str]) -> None:
    program = "import runpy; runpy.run_module('optgen', run_name='__main__', alter_sys=True)"
    message = (
        "error: the command optgen needs jinja2, rich, sympy and typer: "
        "python -m pip install 'optgen[cli]'\n"
    )
    assert run(program, *command) == (2, message)


@pytest.mark.parametrize(
    ("module", "without", "message"),
    [
        ("torch", ["torch"], "optgen.torch needs torch: {} 'optgen[torch]'"),
        ("keras", ["keras"], "optgen.keras needs keras: {} 'optgen[keras]'"),
        ("optax", ["optax"], "optgen.optax needs optax: {} 'optgen[jax]'"),
        ("optax", ["jax", "optax"], "optgen.optax needs jax and optax: {} 'optgen[jax]'"),
        ("jax", ["jax"], "optgen.jax needs jax: {} 'optgen[jax]'"),
    ],
)
def test_a_front_end_says_what_to_install(module: str, without: list[str], message: str) -> None:
    status, text = run(f"import optgen.{module}", without=tuple(without))
    assert status == 1
    expected = f"ImportError: {message.format('python -m pip install')}"
    assert text.splitlines()[-1] == expected


def test_extras_have_the_modules_that_are_looked_for() -> None:
    """By the projects that these modules come from, as they are installed here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {
        extra: {Requirement(line).name.lower() for line in lines}
        for extra, lines in project["optional-dependencies"].items()
    }
    extras["cli"] |= extras["compiler"]
    projects = packages_distributions()
    for extra, modules in EXTRAS.items():
        named = {projects[module][0].lower() for module in modules}
        assert named == extras[extra] - {"optgen"}


def test_classes_are_compiled_with_the_packages_and_used_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPTGEN_CACHE_DIR", str(tmp_path))
    program = """
import optgen, sys
try:
    print(optgen.compile(sys.argv[1]).__name__)
except ImportError as error:
    print(error)
"""
    needed = "optgen.compile needs jinja2: python -m pip install 'optgen[compiler]'\n"
    assert run(program, LION, without=("jinja2",)) == (0, needed)
    needed = "optgen.compile needs jinja2 and sympy: python -m pip install 'optgen[compiler]'\n"
    assert run(program, LION) == (0, needed)
    assert run(program, LION, without=()) == (0, "Lion\n")
    assert run(program, LION) == (0, "Lion\n")
