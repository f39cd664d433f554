"""Mathematical notation for names of a spec."""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress

_GIVEN = {"grad": "g", "param": "theta", "learning_rate": "eta", "step": "t", "call": "n"}


def stem_and_index(name: str) -> tuple[str, str]:
    """The stem of a name, and its numeric suffix, if any."""
    found = re.fullmatch(r"([a-z]+)_(\d+)", name)
    return (found[1], found[2]) if found else (_GIVEN.get(name, name), "")


def greek(stem: str) -> str:
    """The Greek letter of that name; empty if there is none."""
    with suppress(KeyError):
        return unicodedata.lookup(f"GREEK SMALL LETTER {stem.upper()}")
    return ""
