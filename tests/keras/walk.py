"""All that is checked of a backend, as a program with the backend in its environment."""

from __future__ import annotations

import sys
import tempfile
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path

import keras

from tests.keras import beyond, extents, matrix_calls
from tests.keras.compiled import COMPILED, at_once
from tests.keras.crossing import SETTINGS, difference
from tests.keras.halves import HALVES
from tests.keras.installed import INSTALLED
from tests.keras.language import mistakes
from tests.keras.promises import CHECKS


def failures() -> Iterator[str]:
    """What fails, one by one."""
    for check in [*CHECKS, *HALVES, *INSTALLED]:
        with tempfile.TemporaryDirectory() as folder:
            try:
                check(Path(folder))
            except Exception:
                yield f"{check.__name__}: {traceback.format_exc(limit=-8)}"
    backend = keras.config.backend()
    yield from mistakes(at_once if backend == "tensorflow" else COMPILED[backend])
    yield from extents.failures(COMPILED[backend])
    yield from beyond.failures()
    yield from matrix_calls.failures(COMPILED[backend])
    for setting in SETTINGS:
        said = difference(setting, COMPILED[backend])
        if said:
            yield f"{setting}: {said}"


def main() -> int:
    """Print what fails, and then how much was looked at."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = list(failures())
    print(*found, f"{len(CHECKS) + len(SETTINGS)} looked at", sep="\n")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
