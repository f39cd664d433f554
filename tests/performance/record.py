"""How long the loops of kernels were when a person last looked, and what is different now."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.performance.faults import LANES
from tests.performance.loops import Loop

#: By how much a count may differ from the approved one.
TOLERANCE = 0.1


@dataclass(frozen=True)
class Counts:
    """What eight elements take: a loop may be unrolled or not."""

    instructions: float
    spills: float


@dataclass(frozen=True)
class Record:
    """The counts of kernels by name, and of which versions of the compilers."""

    versions: Mapping[str, str]
    kernels: Mapping[str, Counts]


def counts(loop: Loop) -> Counts:
    return Counts(len(loop.lines) * LANES / loop.step, loop.spills * LANES / loop.step)


def read(path: Path) -> Record:
    table = json.loads(path.read_text(encoding="utf-8"))
    kernels = {name: Counts(**values) for name, values in table["kernels"].items()}
    return Record(table["versions"], kernels)


def write(record: Record, path: Path) -> None:
    """One line a kernel, for diffs that can be read."""
    lines = [f"    {json.dumps(k)}: {json.dumps(asdict(v))}" for k, v in record.kernels.items()]
    versions, kernels = json.dumps(record.versions), ",\n".join(lines)
    text = f'{{\n  "versions": {versions},\n  "kernels": {{\n{kernels}\n  }}\n}}\n'
    path.write_text(text, encoding="utf-8")


def changes(now: Record, approved: Record) -> list[str]:
    """What differs by more than the tolerance, for better or worse."""
    found = [
        f"{name}: {'new' if name in now.kernels else 'approved, but no kernel any more'}"
        for name in sorted(now.kernels.keys() ^ approved.kernels.keys())
    ]
    for name, after in now.kernels.items():
        if name in approved.kernels:
            found += _changes(name, after, approved.kernels[name])
    if found and now.versions != approved.versions:
        found.append(f"compiled by {_shown(now)}, but approved with {_shown(approved)}")
    return found


def _changes(name: str, now: Counts, approved: Counts) -> Iterator[str]:
    for what, after in asdict(now).items():
        before = getattr(approved, what)
        if abs(after - before) > TOLERANCE * before:
            verdict = "worse" if after > before else "better: hold it by --approve"
            yield (
                f"{name}: {after:g} {what} for {LANES} elements, {before:g} were approved "
                f"(tolerance {TOLERANCE:.0%}); {verdict}"
            )


def _shown(record: Record) -> str:
    return ", ".join(f"{name} {version}" for name, version in record.versions.items())
