"""Optimizers of a user's spec files, generated for the time of a benchmark."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from optgen.compiler.build import Silent, build, prepare
from optgen.compiler.library import SpecFiles

#: The name of the generated package.
PACKAGE = "optgen_bench_own"


@contextmanager
def generated(files: Sequence[Path]) -> Iterator[Path]:
    """A context in which ``PACKAGE``, with the optimizers of these files, can be imported.

    Yields the folder that contains it. Raises SpecError for an invalid spec.
    """
    with tempfile.TemporaryDirectory(prefix="optgen-bench-") as name:
        folder = Path(name)
        if files:
            job = prepare(SpecFiles(tuple(files), whole=False))
            build(job, folder / PACKAGE, Silent())
        with importable(PACKAGE, name):
            yield folder


@contextmanager
def importable(package: str, folder: str) -> Iterator[None]:
    """A context in which a package can be imported from a folder; on exit, it is unloaded."""
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)
        for module in [m for m in sys.modules if m.partition(".")[0] == package]:
            del sys.modules[module]
