"""How two rules compare: equal, with what makes them so, or where they part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Comparison:
    """``equal`` is None where neither was shown, though states may correspond.

    ``states`` says which state of the second rule is which of the first, and by what it is
    multiplied. Where rules part, ``step`` is the first such step, ``gradients`` led there, and
    ``parameters`` are what each has made of 1.
    """

    equal: bool | None
    states: Mapping[str, str] = field(default_factory=dict)
    step: int = 0
    gradients: tuple[float, ...] = ()
    parameters: tuple[float, float] = (0.0, 0.0)
