"""Plots of a rule's runs: on a quadratic loss, and under a constant gradient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from optgen.demo.optional_packages import needed


class Curves(Protocol):
    """Curves over the steps: losses for shares of the learning rate, steps for gradients."""

    @property
    def setting(self) -> str:
        """The switches of the runs."""

    @property
    def losses(self) -> Mapping[float, Any]:
        """The loss before each step, and at last."""

    @property
    def steps(self) -> Mapping[float, Any]:
        """How large each step was."""


def draw(settings: Sequence[Curves], path: Path) -> None:
    """Draw a row for each setting. Raises OSError where the picture can't be written."""
    rows = len(settings)
    figure = needed("matplotlib.figure").Figure(figsize=(11, 3.8 * rows), layout="constrained")
    for (loss, step), one in zip(figure.subplots(rows, 2, squeeze=False), settings, strict=True):
        _curves(loss, one.losses, "times the learning rate", 0)
        loss.set(title=f"Down a quadratic {one.setting}".rstrip(), ylabel="loss")
        _curves(step, one.steps, "gradient", 1)
        step.set(title="With a constant gradient", ylabel="size of a step")
    figure.savefig(path, dpi=120)


def _curves(axes: Any, curves: Mapping[float, Any], legend: str, first: int) -> None:
    """Positive values alone, since the axis is logarithmic."""
    for number, values in curves.items():
        points = [(k, v) for k, v in enumerate(values, start=first) if 0 < v < float("inf")]
        if points:
            axes.plot(*zip(*points, strict=True), label=f"{number:g}")
    axes.set(xlabel="step", yscale="log")
    axes.grid(alpha=0.3)
    axes.margins(x=0.01)
    axes.legend(title=legend, fontsize="small")
