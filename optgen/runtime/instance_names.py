"""Default names of instances."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

_counters: dict[str, Iterator[int]] = {}


def unique_name(class_name: str) -> str:
    """The class in snake case; from the second instance in a process on, with a number.

    Spelled as Keras spells it: ``MyRule``, then ``my_rule_1``.
    """
    spelled = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", class_name)
    spelled = re.sub(r"([a-z])([A-Z])", r"\1_\2", spelled).lower()
    number = next(_counters.setdefault(spelled, itertools.count()))
    return f"{spelled}_{number}" if number else spelled
