"""The results as a picture: loss and accuracy over the epochs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from optgen.demo.optional_packages import needed
from optgen.demo.table import Pair
from optgen.demo.training import Run

#: Of the first ten curves, of the next ten, and so on.
_MARKERS = ("", "o", "s", "^")


class WrongPathError(ValueError):
    """A path that no picture can be written to."""


def check(path: Path) -> None:
    """Raises WrongPathError where no picture could be written to a path."""
    figures = needed("matplotlib.figure")
    formats = figures.Figure().canvas.get_supported_filetypes()
    if path.suffix[1:].lower() not in formats:
        raise WrongPathError(f"{path} should end in .png, or one of {', '.join(sorted(formats))}")
    if not path.resolve().parent.is_dir():
        raise WrongPathError(f"there is no folder {path.parent} for the picture")


def draw(pairs: Sequence[Pair], path: Path) -> None:
    """Draw a curve for every run, with torch's as thin dashes."""
    figure = needed("matplotlib.figure").Figure(figsize=(13, 5), layout="constrained")
    losses, accuracies = figure.subplots(1, 2)
    for (ours, theirs), look in zip(pairs, _looks(len(pairs)), strict=True):
        if theirs is not None:
            _curves(losses, accuracies, theirs, look, linestyle=(0, (4, 2)), linewidth=0.9)
        _curves(losses, accuracies, ours, look, label=_label(ours))
    losses.set(title="Loss on the training images", ylabel="mean cross entropy", yscale="log")
    losses.yaxis.set_major_locator(needed("matplotlib.ticker").LogLocator(subs=(1, 2, 5)))
    losses.yaxis.set_major_formatter("{x:g}")
    losses.yaxis.set_minor_formatter("")
    accuracies.set(title="Accuracy on the test images", ylabel="accuracy in %")
    # The first epochs rise from a guess; what tells optimizers apart is near the top.
    worst = min(100 * ours.last.accuracy for ours, _ in pairs)
    accuracies.set_ylim(max(0, min(worst - 5, 85)), 100.5)
    for axes in (losses, accuracies):
        axes.set_xlabel("epoch")
        axes.margins(x=0.01)
        axes.grid(alpha=0.3)
        axes.xaxis.get_major_locator().set_params(integer=True)
    if any(theirs is not None for _, theirs in pairs):
        losses.plot([], [], color="grey", linestyle=(0, (4, 2)), linewidth=0.9, label="torch.optim")
    handles, _ = losses.get_legend_handles_labels()
    figure.legend(handles=handles, title="optimizer (learning rate)", loc="outside right upper")
    figure.savefig(path, dpi=120)


def _looks(count: int) -> Iterator[Mapping[str, Any]]:
    """Colours, of which there are ten, then the same with markers.

    Each curve is thinner than the one before, so that those that agree are seen beneath it.
    """
    for index in range(count):
        yield {
            "color": f"C{index % 10}",
            "marker": _MARKERS[index // 10 % len(_MARKERS)],
            "linewidth": 4 - 3 * index / count,
        }


def _curves(losses: Any, accuracies: Any, run: Run, look: Mapping[str, Any], **style: Any) -> None:
    numbers = [epoch.number for epoch in run.epochs]
    style = {**look, **style, "markersize": 4}
    losses.plot(numbers, [epoch.loss for epoch in run.epochs], **style)
    accuracies.plot(numbers, [100 * epoch.accuracy for epoch in run.epochs], **style)


def _label(run: Run) -> str:
    return f"{run.contestant.name} ({run.contestant.learning_rate:g})"
