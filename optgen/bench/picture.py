"""A chart of figures: each case as a share of what memory allows, with its peers."""

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
        _bars(axis, model, [one for one in found.steps if one.model == model])
    bandwidth = found.machine["in place, GB/s"]
    figure.suptitle(f"Share of the machine's own bandwidth, {bandwidth:.0f} GB/s in place")
    figure.savefig(path)
    pyplot.close(figure)


def _bars(axis: Any, model: str, figures: list[Figure]) -> None:
    names = [OURS, *dict.fromkeys(name for one in figures for name in one.peers)]
    height = 0.8 / len(names)
    for place, name in enumerate(names):
        shares = [one.share_of_floor / one.peers.get(name, 1.0) for one in figures]
        there = [number for number, one in enumerate(figures) if name == OURS or name in one.peers]
        axis.barh(
            [number + place * height for number in there],
            [100 * shares[number] for number in there],
            height,
            label=name,
        )
    axis.set_yticks([n + 0.4 - height / 2 for n in range(len(figures))], [f.case for f in figures])
    axis.invert_yaxis()
    axis.axvline(100, color="black", linewidth=0.8)
    axis.set_xlabel("%")
    axis.set_title(model)
    axis.legend(fontsize="small")
