"""In trainers of other libraries, runs are those of torch's own optimizer, and can be resumed."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

from tests.examples import launch
from tests.examples.test_torch import EXAMPLES, numbers

#: One thread is faster for such small networks; nothing is fetched.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}


def launched(name: str, **environment: str) -> list[float]:
    """The losses that an example prints."""
    command = [sys.executable, launch.__file__, str(EXAMPLES / f"{name}.py")]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env={**os.environ, **ENVIRONMENT, **environment},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return numbers(done.stdout)


# Autocast rounds to bfloat16, of 8 bits, so that the last bits of float32 are seldom visible.
ROUNDING = 1e-3

OTHERS = ["accelerate_digits", "ignite_digits", "torchtitan_manner"]


# The Trainer of transformers has accelerate inside.
@pytest.mark.parametrize(
    "name", ["hf_trainer", *(pytest.param(name, marks=pytest.mark.full) for name in OTHERS)]
)
def test_trainer(name: str) -> None:
    theirs, ours, resumed = launched(name)
    assert ours == pytest.approx(theirs, rel=ROUNDING)
    assert resumed == ours


@pytest.mark.full
def test_lightning() -> None:
    theirs, ours, by_hand, ours_by_hand, resumed = launched("lightning_digits")
    assert ours == pytest.approx(theirs, rel=ROUNDING)
    assert ours_by_hand == pytest.approx(by_hand, rel=ROUNDING)
    assert resumed == ours


@pytest.mark.full
def test_timm() -> None:
    theirs, ours, grouped = launched("timm_images")
    assert ours == pytest.approx(theirs, rel=ROUNDING)
    assert grouped == ours
    assert ours < 1.2  # It begins with the logarithm of 4.


@pytest.mark.full  # tests/keras/test_devices.py has the same models.
@pytest.mark.parametrize("backend", ["jax", "tensorflow"])
def test_keras_devices(backend: str) -> None:
    if find_spec(backend) is None:
        pytest.skip(f"no {backend} here")
    theirs, ours, alone = launched("keras_devices", KERAS_BACKEND=backend)
    assert ours == pytest.approx(theirs, rel=1e-4)
    assert ours == pytest.approx(alone, rel=1e-4)
