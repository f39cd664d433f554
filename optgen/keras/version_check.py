"""Refuses unsupported versions of Keras on import of ``optgen.keras``."""

from __future__ import annotations

import re

import keras

#: The oldest version that has what the classes are made of.
LEAST = (3, 10)


def check(version: str) -> None:
    """Raise ImportError for a version of Keras that is too old."""
    parts = tuple(map(int, re.findall(r"\d+", version)[:2]))
    if parts < LEAST:
        wanted = ".".join(map(str, LEAST))
        raise ImportError(
            f"optgen.keras needs Keras {wanted} or later, and this is {version}: "
            f"pip install -U 'keras>={wanted}'"
        )


check(keras.__version__)
