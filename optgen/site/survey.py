"""Work on many specs for the pages: kept from earlier builds, else in parallel, with progress."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from optgen.cli.console import err
from optgen.cli.worker_processes import Lost, in_parallel
from optgen.site.cache import Cache, key_of

#: Seconds for one item; an analysis that takes longer hangs. The longest need 20 of a core, which
#: may have much else to do.
MOST_SECONDS = 1200.0

Files = tuple[Path, ...]


@dataclass(frozen=True)
class Survey:
    """The facts about each item, and why there are none about the others."""

    facts: dict[Files, Any]
    lost: dict[Files, str]


def survey(
    kind: str, work: Callable[[Files], Any], items: Sequence[Files], cache: Cache, processes: int
) -> Survey:
    """Facts of a kind about each item, which is one or more spec files.

    At most so many ``processes`` work at once; 0 is one for each core.
    """
    keys = {item: key_of(kind, item) for item in items}
    found = {item: facts for item in items if (facts := cache.get(keys[item])) is not None}
    missing = [item for item in items if item not in found]
    with _progress(kind, len(missing)) as done:
        made = in_parallel(work, missing, MOST_SECONDS, done, most=processes or None)
    lost = {}
    for item, facts in zip(missing, made, strict=True):
        if isinstance(facts, Lost):
            lost[item] = facts.reason
        elif "fault" in facts:
            lost[item] = facts["fault"]
        else:
            found[item] = facts
            cache.put(keys[item], facts)
    return Survey({item: found[item] for item in items if item in found}, lost)


@contextmanager
def _progress(kind: str, total: int) -> Iterator[Callable[[Files], None]]:
    """A bar on a terminal, otherwise a line for every tenth of the work."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    # Without a thread, which would keep processes from being forked.
    with Progress(
        *columns, console=err, transient=True, auto_refresh=False, disable=not err.is_terminal
    ) as bar:
        task, count = bar.add_task(kind, total=total), 0

        def done(item: Files) -> None:
            nonlocal count
            count += 1
            name = ", ".join(path.stem for path in item)
            bar.update(task, advance=1, description=f"{kind}: {name}", refresh=True)
            if not err.is_terminal and (count % max(total // 10, 1) == 0 or count == total):
                err.print(f"{kind}: {count} of {total}", markup=False)

        yield done
