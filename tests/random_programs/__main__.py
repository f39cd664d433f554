"""Random programs by hand: ``python -m tests.random_programs --count 10000 --seed 0``."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from tests.random_programs.generator import draw
from tests.random_programs.program import Program
from tests.random_programs.reporting import read, report
from tests.random_programs.shrinking import shrunk
from tests.random_programs.trial import COMPARISONS, Trial, run


def main(arguments: Sequence[str] | None = None) -> int:
    """Run programs and tell what was found; 1 where anything was."""
    parser = argparse.ArgumentParser(prog="python -m tests.random_programs", description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="programs")
    parser.add_argument("--seed", type=int, default=0, help="the first one's seed")
    parser.add_argument("--target", choices=sorted(COMPARISONS), default="python")
    parser.add_argument("--again", type=Path, help="a report of a finding, run again")
    parser.add_argument("--found", type=Path, help="a folder for reports")
    parser.add_argument("--whole", action="store_true", help="report programs as they were drawn")
    wanted = parser.parse_args(arguments)
    programs: Iterable[Program] = (draw(wanted.seed + n) for n in range(wanted.count))
    if wanted.again:
        programs = [read(wanted.again)]
    comparison, tally, begun = COMPARISONS[wanted.target], Tally(), time.monotonic()
    for number, program in enumerate(programs, start=1):
        trial = run(program, comparison)
        tally.take(trial)
        if trial.finding:
            small = trial if wanted.whole else _smallest(trial, wanted.target)
            text = report(small, wanted.target)
            print(text, flush=True)
            if wanted.found:
                wanted.found.mkdir(parents=True, exist_ok=True)
                (wanted.found / f"{program.seed}.toml").write_text(text, encoding="utf-8")
        if number % 500 == 0:
            print(f"# {tally} in {time.monotonic() - begun:.0f} s", flush=True)
    print(f"# {tally} in {time.monotonic() - begun:.0f} s")
    for reason, count in tally.reasons.most_common(8):
        print(f"#   refused {count} times: {reason}")
    return 1 if tally.found else 0


def _smallest(trial: Trial, target: str) -> Trial:
    kind, comparison = trial.finding, COMPARISONS[target]
    small = shrunk(trial.program, lambda smaller: run(smaller, comparison).finding == kind)
    return run(replace(small), comparison)


class Tally:
    """Counts of what became of programs."""

    def __init__(self) -> None:
        self.programs = self.found = self.crashed = self.refused = 0
        self.compared = self.special = self.vague = 0
        self.reasons: Counter[str] = Counter()

    def take(self, trial: Trial) -> None:
        """Count a trial."""
        self.programs += 1
        self.refused += bool(trial.refused)
        self.crashed += bool(trial.crash)
        self.found += bool(trial.finding)
        self.compared += trial.outcome.compared
        self.special += trial.outcome.special
        self.vague += trial.outcome.vague
        if trial.refused:
            self.reasons[trial.refused] += 1

    def __str__(self) -> str:
        return (
            f"{self.programs} programs: {self.refused} refused, {self.crashed} crashes, "
            f"{self.found - self.crashed} differences; {self.compared} numbers compared "
            f"({self.special} of them NaN or infinite), {self.vague} too vague"
        )


if __name__ == "__main__":
    raise SystemExit(main())
