"""Many hostile texts in a process of their own: ``python -m tests.hostile --count N --seed S``."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path

from optgen.cli.worker_processes import Lost, bound_memory, in_parallel
from tests.hostile.chain import Outcome, examine
from tests.hostile.texts import text

#: Seconds of the processor, those of a clock, which goes on while others have it, and bytes.
MOST_SECONDS, WATCHDOG, MOST_MEMORY = 10.0, 100.0, 1 << 30
BLOCK = 500


def one(seed: int, folder: str, share: int) -> Outcome:
    """The outcome of a seed; one in ``share`` legal texts goes through all stages, of 0 none."""
    bound_memory(MOST_MEMORY)
    whole = share > 0 and seed % share == 0
    return examine(text(seed), Path(folder) / "hostile.toml", whole=whole)


def main() -> int:
    """Try the seeds, and tell how many came how far and what went wrong."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--count", type=int, default=2000)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--share", type=int, default=20, help="0: no text takes all stages")
    arguments.add_argument("--minutes", type=float, default=1e9)
    wishes = arguments.parse_args()
    until = time.monotonic() + 60 * wishes.minutes
    stages: Counter[str] = Counter()
    wrong = tried = 0
    with tempfile.TemporaryDirectory() as folder:
        work = partial(one, folder=folder, share=wishes.share)
        for first in range(wishes.seed, wishes.seed + wishes.count, BLOCK):
            if time.monotonic() > until:
                break
            seeds = range(first, min(first + BLOCK, wishes.seed + wishes.count))
            for seed, found in zip(
                seeds, in_parallel(work, seeds, WATCHDOG, lambda _: None, most=1), strict=True
            ):
                tried += 1
                told = [found.reason] if isinstance(found, Lost) else [*found.wrong]
                if isinstance(found, Outcome):
                    stages[found.stage] += 1
                    if found.seconds > MOST_SECONDS:
                        told.append(f"it took {found.seconds:.1f} seconds")
                wrong += bool(told)
                for line in told:
                    print(f"seed {seed}: {line}", flush=True)
    print(f"{tried} texts, {wrong} of them wrong; they came to {dict(stages)}", flush=True)
    return bool(wrong)


if __name__ == "__main__":
    raise SystemExit(main())
