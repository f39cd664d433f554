"""Versions of Keras that the classes can't be made with."""

from __future__ import annotations

import pytest

from optgen.keras.version_check import check


@pytest.mark.parametrize("version", ["3.9.2", "3.5.0", "2.15.0"])
def test_old_versions_are_refused(version: str) -> None:
    with pytest.raises(ImportError, match=f"needs Keras 3.10 or later, and this is {version}"):
        check(version)


@pytest.mark.parametrize("version", ["3.10.0", "3.15.1", "4.0.0rc1"])
def test_later_ones_are_not(version: str) -> None:
    check(version)
