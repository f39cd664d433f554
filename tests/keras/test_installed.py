"""Saved models and schedules on torch; test_backends.py has the other backends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest

import optgen
from optgen.keras import schedule_class
from tests.keras.installed import INSTALLED

# Keras's own conversion of NumPy arrays to torch tensors.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.usefixtures("python_kernels"),
    pytest.mark.filterwarnings("ignore:You are using a softmax:UserWarning"),
]
ROOT = '''
name = "InverseRoot"

[hyperparameters]
peak = { required = true, range = "peak >= 0" }
warmup = { default = 4000, range = "warmup >= 1" }

[schedule]
rule = """
now = calls + 1
value = peak*min(now/warmup, sqrt(warmup/now))
"""
'''


@pytest.mark.parametrize("check", INSTALLED, ids=lambda check: check.__name__)
def test_on_torch(check: Callable[[Path], None], tmp_path: Path) -> None:
    check(tmp_path)


def test_schedules_of_users_have_names_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "inverseroot.toml").write_text(ROOT, encoding="utf-8")
    rule: Any = optgen.compile(tmp_path / "inverseroot.toml")
    schedule = schedule_class(rule)(0.5, warmup=4)
    written = keras.saving.serialize_keras_object(schedule)
    assert written["registered_name"] == "optgen.own>InverseRoot"
    again = keras.saving.deserialize_keras_object(written)
    assert again == schedule
    assert hash(again) == hash(schedule)
    calls = keras.Variable(15, dtype="int64", trainable=False)
    assert float(again(calls)) == again(15) == 0.25

    class InverseRoot(rule):  # type: ignore[misc]
        """Another of this name."""

    with pytest.raises(ValueError, match="another schedule is registered"):
        schedule_class(InverseRoot)
    assert schedule_class(InverseRoot, "Root2").__name__ == "Root2"
