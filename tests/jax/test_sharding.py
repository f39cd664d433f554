"""Parameters that ``jax.sharding`` spreads over devices are updated as on one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FLAGS = "--xla_force_host_platform_device_count=4 --xla_backend_optimization_level=0"


def test_four_devices() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.jax.sharded"],
        cwd=ROOT,
        env={**os.environ, "XLA_FLAGS": FLAGS, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
