"""Schedules as a picture: the value for each call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from optgen.demo.optional_packages import needed


@dataclass(frozen=True)
class Curve:
    """The values of a schedule after each of some numbers of calls."""

    label: str
    calls: Sequence[int]
    values: Sequence[float]


def draw(drawn: Sequence[Curve], path: Path) -> None:
    """Draw all curves into one picture. Raises OSError where it can't be written."""
    figure = needed("matplotlib.figure").Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    for curve in drawn:
        axes.plot(curve.calls, curve.values, label=curve.label, linewidth=1.8)
    axes.set(xlabel="calls before this one", ylabel="value")
    axes.margins(x=0.01)
    axes.grid(alpha=0.3)
    figure.legend(loc="outside lower center", fontsize="small")
    figure.savefig(path, dpi=120)
