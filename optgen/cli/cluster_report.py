"""The plan of a cluster as text, and as data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from optgen.cluster import ClusterPlan, Share
from optgen.runtime.text_table import aligned

#: What a process has or does, by the name of its number; the last two are no bytes.
_LINES = {
    "parameters": "parameters",
    "gradients": "gradients",
    "states": "states",
    "owned": "copies of owned matrices",
    "scratch": "scratch memory",
    "kept": "all of these",
    "peak": "peak of a step",
    "moved": "read and written",
    "sent": "sent",
    "received": "received",
    "kernels": "kernels",
    "calls": "matrix functions",
}
_COUNTS = ("kernels", "calls")
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")


@dataclass(frozen=True)
class Exchanged:
    """Exchanges of one kind in a step; bytes are the most that a process sends and receives."""

    collective: str
    what: str
    times: int
    sent: int
    received: int


def exchanged(plan: ClusterPlan) -> list[Exchanged]:
    """The exchanges of a step, those of one kind together."""
    alike: dict[tuple[str, str], list[Any]] = {}
    for one in plan.exchanges:
        alike.setdefault((one.collective, one.what), []).append(one)
    return [
        Exchanged(*key, len(some), *(_most(some, side) for side in ("sent", "received")))
        for key, some in alike.items()
    ]


def _most(some: list[Any], side: str) -> int:
    return int(sum(getattr(one, side) for one in some).max())


def in_text(plan: ClusterPlan, title: str) -> str:
    """The plan as lines: what is planned, the shares of processes, and the exchanges."""
    model = plan.parameters
    count = f"{model.elements:,} parameters in {len(model.tensors):,} tensors"
    parts = [f"{title}; {plan.sharding.described()}", f"{model.title}: {count}"]
    parts.append(aligned([("in a process", "least", "mean", "most"), *_shares(plan)]))
    rows = [
        (one.collective, one.what, f"{one.times:,}", _bytes(one.sent), _bytes(one.received))
        for one in exchanged(plan)
    ]
    titles = ("exchange", "of", "times", "sent at most", "received at most")
    parts.append(aligned([titles, *rows]) if rows else "The optimizer exchanges nothing.")
    return "\n\n".join(["\n".join(parts[:2]), *parts[2:]])


def _shares(plan: ClusterPlan) -> Iterator[tuple[str, ...]]:
    for name, title in _LINES.items():
        values = [getattr(share, name) for share in plan.shares]
        if any(values):
            write = _count if name in _COUNTS else _bytes
            yield title, *(write(value) for value in (min(values), fmean(values), max(values)))


def _count(number: float) -> str:
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:,.1f}"


def _bytes(number: float) -> str:
    """A number of bytes with three digits."""
    for unit in _UNITS:
        if abs(number) < 999.5 or unit == _UNITS[-1]:
            break
        number /= 1000
    return f"{number:.3g} {unit}"


def as_json(plan: ClusterPlan) -> dict[str, Any]:
    """The plan as data: processes that do the same as others aren't repeated."""
    return {
        "model": plan.parameters.title,
        "parameters": plan.parameters.elements,
        "tensors": len(plan.parameters.tensors),
        "sharding": {**asdict(plan.sharding), "different": plan.sharding.different},
        "processes": [_share(share) for share in plan.shares],
        "exchanges": [asdict(one) for one in exchanged(plan)],
    }


def _share(share: Share) -> dict[str, int]:
    return {**asdict(share), "kept": share.kept, "peak": share.peak}
