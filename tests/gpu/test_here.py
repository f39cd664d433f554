"""Says why the others are not run."""

from __future__ import annotations

import pytest

from tests.gpu.conftest import WHY_NOT


def test_there_is_a_gpu() -> None:
    if WHY_NOT:
        pytest.skip(f"no GPU can be used: {WHY_NOT}")
