"""Options and fixtures that all tests share."""

from __future__ import annotations

import os

import pytest

# Keras reads its backend when it is first imported.
os.environ["KERAS_BACKEND"] = "torch"
# Several tests run at a time: threads of torch's that wait for one another would take their cores.
os.environ["OMP_NUM_THREADS"] = "1"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--approve", action="store_true", help="write the approved plans anew")


@pytest.fixture(scope="session")
def approve(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--approve"))
