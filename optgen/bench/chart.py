"""A bar chart of other libraries' step times, divided by optgen's."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from optgen.bench.run import OURS, Figure, Figures


def draw(found: Figures, path: Path) -> None:
    """Write the chart to a file; its extension selects the format. Needs matplotlib."""
    pyplot: Any = import_module("matplotlib.pyplot")
    models = list(dict.fromkeys(one.model for one in found.steps))
    peers = list(dict.fromkeys(name for one in found.steps for name in one.peers))
    colours = {name: f"C{place}" for place, name in enumerate(peers)}
    figures = [[one for one in found.steps if one.model == model] for model in models]
    bars = max((sum(max(len(one.peers), 1) for one in row) for row in figures), default=1)
    figure, axes = pyplot.subplots(
        1,
        len(models),
        figsize=(6 * len(models), 1.5 + 0.22 * bars),
        squeeze=False,
        layout="constrained",
    )
    for axis, model, row in zip(axes[0], models, figures, strict=True):
        _bars(axis, row, colours)
        axis.set_title(model)
    figure.suptitle(f"Time of a step, as a multiple of that of {OURS}")
    # Outside the axes, so that it covers no bar; each library has one colour in all models.
    patches = import_module("matplotlib.patches")
    handles = [patches.Patch(color=colour, label=name) for name, colour in colours.items()]
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    figure.savefig(path)
    pyplot.close(figure)


def _bars(axis: Any, figures: list[Figure], colours: Mapping[str, str]) -> None:
    """A group of bars per case, one bar per peer, with their numbers."""
    place, ticks = 0.0, []
    for one in figures:
        first = place
        for name, ratio in one.peers.items():
            (bar,) = axis.barh([place], [ratio], 0.9, color=colours[name])
            axis.annotate(
                f" {ratio:.3g}", (bar.get_width(), place), va="center", fontsize="x-small"
            )
            place += 1
        ticks.append((first + max(place - 1, first)) / 2)
        place = max(place, first + 1) + 0.7
    axis.set_yticks(ticks, [*map(_label, figures)])
    axis.invert_yaxis()
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter("{x:g}")
    axis.margins(x=0.12)
    axis.axvline(1, color="black", linewidth=0.8)


def _label(figure: Figure) -> str:
    share = figure.share_of_floor
    shown = "" if share is None else f"({share:.0%} of the floor)"
    return f"{figure.case}{', everything on' if figure.everything_on else ''}\n{shown}".strip()
