"""Tests here are of what the compiler makes of specs: Python runs it, none of it is compiled."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _run_by_python(python_kernels: None) -> None:
    """The kernels of all tests here."""
