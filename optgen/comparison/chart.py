"""The results of contests as a picture: losses by step, and last losses by learning rate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from optgen.comparison.contest import Contest, Entry
from optgen.demo.optional_packages import needed


def draw(contests: Sequence[Contest], path: Path) -> None:
    """Draw two plots for each task."""
    size = (13, 4 * len(contests))
    figure = needed("matplotlib.figure").Figure(figsize=size, layout="constrained")
    plots = figure.subplots(len(contests), 2, squeeze=False)
    titles = sorted({entry.title for contest in contests for entry in contest.entries})
    colours = {title: f"C{number % 10}" for number, title in enumerate(titles)}
    for (curves, rates), contest in zip(plots, contests, strict=True):
        for entry in contest.entries:
            _curve(curves, entry, colours[entry.title])
            _trials(rates, entry, colours[entry.title])
        curves.set(title=contest.task.name, xlabel="step", ylabel="loss: median and quartiles")
        rates.set(title="search", xlabel="learning rate", xscale="log", ylabel="last loss")
        for axes in (curves, rates):
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(needed("matplotlib.ticker").LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_formatter("")
            axes.grid(alpha=0.3)
    handles, labels = plots[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, title="rule", loc="outside right upper")
    figure.savefig(path, dpi=100)


def _curve(axes: Any, entry: Entry, colour: str) -> None:
    """The part of the runs in which all have finite losses."""
    length = min(sum(np.isfinite(run.losses)) for run in entry.runs)
    steps = entry.runs[0].steps[:length]
    losses = np.array([run.losses[:length] for run in entry.runs])
    axes.plot(steps, np.median(losses, axis=0), color=colour, label=entry.title)
    low, high = np.quantile(losses, (0.25, 0.75), axis=0)
    axes.fill_between(steps, low, high, color=colour, alpha=0.2, linewidth=0)


def _trials(axes: Any, entry: Entry, colour: str) -> None:
    found = [(trial.rate, trial.final) for trial in entry.trials if trial.rate is not None]
    finite = [(rate, final) for rate, final in found if np.isfinite(final)]
    if finite:
        rates, finals = zip(*finite, strict=True)
        axes.plot(rates, finals, color=colour, marker=".")
    if entry.rate is not None and np.isfinite(entry.median):
        axes.plot(entry.rate, entry.median, color=colour, marker="o", fillstyle="none")
