"""Models on several devices of a CPU learn what they learn on one."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.full  # By default tests/jax/test_sharding.py spreads arrays.
@pytest.mark.parametrize(("backend", "places"), [("jax", 2), ("tensorflow", 1)])
def test_devices(backend: str, places: int) -> None:
    if find_spec(backend) is None:
        pytest.skip(f"no {backend} here")
    flags = "--xla_force_host_platform_device_count=2 --xla_backend_optimization_level=0"
    environment = {**os.environ, "KERAS_BACKEND": backend, "XLA_FLAGS": flags}
    command = [sys.executable, "-m", "tests.keras.spread"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    lines = done.stdout.splitlines()
    measured = [line.split() for line in lines if "support" not in line]
    assert len(measured) == 4 * places
    # Sums over halves of a batch are rounded otherwise; replicas have the same bits.
    assert all(float(away) < 2e-5 and float(apart) == 0 for *_, away, apart in measured), lines
    if backend == "tensorflow":
        assert "not CentralStorageStrategy" in lines[-2]
        assert lines[-1] == "Sophia doesn't support inputs in replicas of a model"
