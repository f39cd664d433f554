"""What is checked of a backend, as a program with the backend in its environment.

The argument ``few`` leaves a model and a setting. All take a minute of the backend's compiler.
"""

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
from tests.keras.promises import CHECKS, check_accumulation_in_fit

ALL = [*CHECKS, *HALVES, *INSTALLED]
FEW = [check_accumulation_in_fit]
FEW_SETTINGS = SETTINGS[:1]


def failures(is_short: bool) -> Iterator[str]:
    """What fails, one by one."""
    backend = keras.config.backend()
    for check in FEW if is_short else ALL:
        with tempfile.TemporaryDirectory() as folder:
            try:
                check(Path(folder))
            except Exception:
                yield f"{check.__name__}: {traceback.format_exc(limit=-8)}"
    if not is_short:
        yield from mistakes(at_once if backend == "tensorflow" else COMPILED[backend])
        yield from extents.failures(COMPILED[backend])
        yield from beyond.failures()
        yield from matrix_calls.failures(COMPILED[backend])
    for setting in FEW_SETTINGS if is_short else SETTINGS:
        said = difference(setting, COMPILED[backend])
        if said:
            yield f"{setting}: {said}"


def counted(is_short: bool) -> int:
    """How many checks and settings there are."""
    return len(FEW) + len(FEW_SETTINGS) if is_short else len(ALL) + len(SETTINGS)


def main() -> int:
    """Print what fails, and then how much was looked at."""
    is_short = sys.argv[1:] == ["few"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = list(failures(is_short))
    print(*found, f"{counted(is_short)} looked at", sep="\n")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
