"""A chart of figures: how many times as long as optgen others take for the same step."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from optgen.bench.run import OURS, Figure, Figures


def draw(found: Figures, path: Path) -> None:
    """Write the chart to a file whose ending says of which kind it is. Needs matplotlib."""
    pyplot: Any = import_module("matplotlib.pyplot")
    models = list(dict.fromkeys(one.model for one in found.steps))
    figure, axes = pyplot.subplots(
        1, len(models), figsize=(5 * len(models), 4.5), squeeze=False, layout="constrained"
    )
    for axis, model in zip(axes[0], models, strict=True):
        _bars(axis, [one for one in found.steps if one.model == model])
        axis.set_title(model)
    figure.suptitle(f"Time of a step, as a multiple of that of {OURS}")
    figure.savefig(path)
    pyplot.close(figure)


def _bars(axis: Any, figures: list[Figure]) -> None:
    names = list(dict.fromkeys(name for one in figures for name in one.peers))
    height = 0.8 / max(len(names), 1)
    for place, name in enumerate(names):
        there = [number for number, one in enumerate(figures) if name in one.peers]
        axis.barh(
            [number + place * height for number in there],
            [figures[number].peers[name] for number in there],
            height,
            label=name,
        )
    axis.set_yticks([n + 0.4 - height / 2 for n in range(len(figures))], [*map(_label, figures)])
    axis.invert_yaxis()
    axis.set_xscale("log")
    axis.axvline(1, color="black", linewidth=0.8)
    if names:
        axis.legend(fontsize="small")


def _label(figure: Figure) -> str:
    share = figure.share_of_floor
    shown = "" if share is None else f" ({share:.0%} of the floor)"
    return f"{figure.case}{', everything on' if figure.everything_on else ''}{shown}"
