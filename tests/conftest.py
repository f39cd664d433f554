"""Options and fixtures that all tests share."""

from __future__ import annotations

import gc
import os
import shutil
import sys
from collections.abc import Generator
from tempfile import mkdtemp

import pytest
from hypothesis import HealthCheck, settings

from tests import kernels_in_python
from tests.run_folder import RUN

# Keras reads its backend when it is first imported.
os.environ["KERAS_BACKEND"] = "torch"
# Several tests run at a time: threads of torch's that wait for one another would take their cores.
os.environ["OMP_NUM_THREADS"] = "1"
# Hundreds of processes import what is here: without bytecode each would compile it, for half a
# second. Tests themselves are rewritten by pytest, which takes longer.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# A busy machine takes long to draw an example, which is no fault of a test.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")
# What compiles makes few cycles and many objects: to look for garbage took a tenth of its time.
gc.set_threshold(20_000, 20, 20)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--approve", action="store_true", help="write the approved plans anew")


def pytest_configure(config: pytest.Config) -> None:
    if RUN not in os.environ:  # Workers find that of the process that starts them.
        os.environ[RUN] = folder = mkdtemp(prefix="optgen-tests-")
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Modules and tests stay: to look for garbage among them takes a fifth of the collection."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_unconfigure() -> None:
    """Give all back to the garbage collector, without which libraries report leaks at the end."""
    gc.unfreeze()


@pytest.fixture(scope="session")
def approve(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--approve"))


@pytest.fixture
def python_kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python runs the kernels of all classes, which would take seconds to compile.

    For tests of what is around kernels, but those with the marker ``compiled``; the kernels
    themselves are the same text.
    """
    if request.node.get_closest_marker("compiled") is None:
        kernels_in_python.substitute(monkeypatch)
