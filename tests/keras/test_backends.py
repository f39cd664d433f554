"""Backends other than torch, each in a process of its own, and operations on torch."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.keras import beyond, extents, matrix_calls, walk
from tests.keras.compiled import COMPILED, at_once
from tests.keras.crossing import SETTINGS, difference
from tests.keras.language import mistakes
from tests.numeric.settings import Setting

ROOT = Path(__file__).parents[2]

# Keras's own conversion of NumPy arrays to torch tensors.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.usefixtures("python_kernels"),
]


@pytest.mark.parametrize(
    ("backend", "is_short"),
    [
        ("jax", True),
        *(pytest.param(one, False, marks=pytest.mark.full) for one in ("jax", "tensorflow")),
    ],
)
def test_backend(backend: str, is_short: bool) -> None:
    if find_spec(backend) is None:
        pytest.skip(f"no {backend} here")
    done = in_process_of(backend, "tests.keras.walk", *["few"][:is_short])
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert done.stdout.endswith(f"{walk.counted(is_short)} looked at\n")


@pytest.mark.full  # test_keras_own.py has Keras's tests of its classes on torch.
@pytest.mark.parametrize("backend", ["jax", "tensorflow"])
def test_sparse_gradients_as_keras_tests_them(backend: str) -> None:
    if find_spec(backend) is None:
        pytest.skip(f"no {backend} here")
    done = in_process_of(backend, "tests.keras.sparse")
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]


def in_process_of(backend: str, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A program that ran with a backend of Keras."""
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    if backend == "jax":
        # What is compiled runs a few times: to optimise it takes longer.
        environment["XLA_FLAGS"] = "--xla_backend_optimization_level=0"
    command = [sys.executable, "-m", program, *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_operations_on_torch(setting: Setting) -> None:
    assert not difference(setting, COMPILED["torch"])


@pytest.mark.filterwarnings("ignore:Gradients do not exist:UserWarning")
def test_every_function_on_torch() -> None:
    assert not list(mistakes(COMPILED["torch"]))


def test_numbers_rows_and_columns_on_torch() -> None:
    assert not extents.mistakes(COMPILED["torch"])


def test_random_numbers_inputs_and_second_points_on_torch() -> None:
    """By operations, and by kernels in place."""
    assert not beyond.failures()


@pytest.mark.filterwarnings("ignore:Gradients do not exist:UserWarning")
def test_functions_of_matrices_on_torch() -> None:
    """By operations, and by kernels in place."""
    assert not matrix_calls.failures(COMPILED["torch"])
    assert not matrix_calls.failures(at_once)
