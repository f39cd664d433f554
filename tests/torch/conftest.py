"""Kernels as most tests here have them."""

from __future__ import annotations

import pytest

from tests import kernels_in_python


@pytest.fixture(autouse=True)
def plain_kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python runs the kernels, but in tests with the marker ``compiled``."""
    if request.node.get_closest_marker("compiled") is None:
        kernels_in_python.substitute(monkeypatch)
