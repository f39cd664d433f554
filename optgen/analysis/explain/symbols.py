"""Mathematical notation for names of a spec."""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress

from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.reduction import Combination, Reducer

_GIVEN = {"grad": "g", "param": "theta", "learning_rate": "eta", "step": "t", "call": "n"}

_SCOPES = {Extent.ROWS: "row", Extent.COLUMNS: "column", Extent.OPTIMIZER: "all"}

_WORDS = {Combination.SUM: "sum", Combination.LARGEST: "max", Combination.SMALLEST: "min"}


def stem_and_index(name: str) -> tuple[str, str]:
    """The stem of a name, and its numeric suffix, if any."""
    found = re.fullmatch(r"([a-z]+)_(\d+)", name)
    return (found[1], found[2]) if found else (_GIVEN.get(name, name), "")


def scope(reducer: Reducer) -> str:
    """What a reduction is over, if that isn't a tensor."""
    return _SCOPES.get(reducer.extent, "")


def word(reducer: Reducer) -> str:
    """The name of a reduction other than a norm, whatever it is over."""
    return "mean" if reducer.is_mean else _WORDS[reducer.combination]


def greek(stem: str) -> str:
    """The Greek letter of that name; empty if there is none."""
    with suppress(KeyError):
        return unicodedata.lookup(f"GREEK SMALL LETTER {stem.upper()}")
    return ""
