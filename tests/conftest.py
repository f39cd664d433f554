"""Options and fixtures that all tests share."""

from __future__ import annotations

import os

import pytest

# Keras reads its backend when it is first imported.
os.environ["KERAS_BACKEND"] = "torch"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--approve", action="store_true", help="write the approved plans anew")


@pytest.fixture(scope="session")
def approve(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--approve"))
