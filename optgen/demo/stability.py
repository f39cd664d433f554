"""Plots of convergence on a quadratic: one panel per setting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optgen.demo.optional_packages import needed

#: Panels beside each other.
MOST_COLUMNS = 3
_PRODUCT = "learning rate times curvature"
_FACTOR = "error after a step, in the long run"
_LEVELS = [0.1 * k for k in range(11)]


@dataclass(frozen=True)
class Panel:
    """What steps multiply the error by: ``factors`` for each product, and each place in that.

    Places are values of the hyperparameter ``across``; where that is empty there is one alone.
    ``limits`` are those of the product at each place.
    """

    title: str
    across: str
    places: Any
    products: Any
    factors: Any
    limits: Any


def draw(panels: Sequence[Panel], path: Path) -> None:
    """Draw all panels into one picture. Raises OSError where it can't be written."""
    columns = min(len(panels), MOST_COLUMNS)
    rows = -(-len(panels) // columns)
    size = (1.5 + 4.2 * columns, 0.4 + 3.8 * rows)
    figure = needed("matplotlib.figure").Figure(figsize=size, layout="constrained")
    all_axes = [*figure.subplots(rows, columns, squeeze=False).flat]
    shaded = None
    for axes, panel in zip(all_axes, panels, strict=False):
        if panel.across:
            shaded = _plane(axes, panel)
        else:
            _line(axes, panel)
        axes.set_title(panel.title, fontsize="medium")
    for axes in all_axes[len(panels) :]:
        axes.set_axis_off()
    if shaded is not None:
        figure.colorbar(shaded, ax=all_axes, label=_FACTOR)
    figure.savefig(path, dpi=120)


def _plane(axes: Any, panel: Panel) -> Any:
    """The factor as shades over the hyperparameter and the product, white where it is above 1."""
    shaded = axes.contourf(
        panel.places, panel.products, panel.factors, levels=_LEVELS, cmap="viridis"
    )
    axes.plot(panel.places, panel.limits, color="black", linewidth=1.8, label="limit")
    axes.set(xlabel=panel.across, ylabel=_PRODUCT, ylim=(0, panel.products[-1]))
    axes.legend(loc="upper left", fontsize="small")
    return shaded


def _line(axes: Any, panel: Panel) -> None:
    """The factor as a curve over the product, with the limit marked."""
    (limit,) = panel.limits
    axes.plot(panel.products, panel.factors[:, 0], linewidth=1.8)
    axes.axvline(limit, color="black", linestyle=(0, (4, 2)), label=f"limit {limit:.4g}")
    axes.axhline(1, color="grey", linewidth=0.8)
    axes.set(xlabel=_PRODUCT, ylabel=_FACTOR, ylim=(0, None))
    axes.margins(x=0)
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", fontsize="small")
