"""The results as a table."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from optgen.demo.network import Network
from optgen.demo.training import WARM_UP, Run

#: A run of this library, and torch's of the same name.
Pair = tuple[Run, Run | None]

_CAPTION = """\
Loss is on the training images, accuracy on images held out.
µs is the median time of one step of the optimizer alone, as called from Python, \
without the first {warm_up} steps (compilation)."""
_SMALL = " With {size} weights that is mostly the cost of a call."
_TORCH = """
torch is torch.optim's optimizer of the same name at the same learning rate and its own \
defaults otherwise, on the same first weights, batches and NumPy gradients."""


def table(pairs: Sequence[Pair]) -> Table:
    """A row for each optimizer; torch's columns only where there is a run of torch."""
    with_torch = any(theirs is not None for _, theirs in pairs)
    caption = _CAPTION.format(warm_up=WARM_UP) + _SMALL.format(size=Network().size)
    made = Table(
        box=SIMPLE_HEAD,
        caption=caption + (_TORCH if with_torch else ""),
        caption_justify="left",
        caption_style="",
    )
    made.add_column("optimizer", vertical="bottom", overflow="fold")
    headings = ["learning\nrate", "loss", "accuracy", "µs"]
    for heading in headings + (["torch:\naccuracy", "torch:\nµs"] if with_torch else []):
        made.add_column(heading, justify="right", vertical="bottom", overflow="fold")
    for ours, theirs in pairs:
        rate = f"{ours.contestant.learning_rate:g}"
        cells = [ours.contestant.name, rate, f"{ours.last.loss:.4f}", *_measured(ours)]
        made.add_row(*cells, *(_measured(theirs) if with_torch else ()))
    return made


def _measured(run: Run | None) -> tuple[str, str]:
    if run is None:
        return "", ""
    return f"{run.last.accuracy:.1%}", f"{run.microseconds:.1f}"
