"""How many planted errors the checker finds in published rules.

    python benchmarks/checker.py [--aside] [--alone] [--every N]

``--aside`` takes the slips that were set aside, ``--alone`` compares a rule with no known one of
its own name, as if nobody had published it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from functools import cache
from itertools import takewhile
from pathlib import Path

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from optgen.analysis.compare import resemblances
from optgen.analysis.prove import findings
from optgen.analysis.reports import known_rules
from optgen.compiler.ir.problem import SpecError
from optgen.compiler.ir.proof import STRICT, TOLD, Finding, Group
from optgen.compiler.pipeline import checked_rule, load_all
from tests.analysis.prove.slips import PUBLISHED, Slip, by_hand, by_pattern

OUTCOMES = ("language", "error", "warning", "missed")
#: Told of many rules for what float32 is; no slip is found by it.
OF_FLOAT32 = {Group.RANGE}


def told(path: Path, *, alone: bool) -> list[Finding]:
    """What a plain check tells of a spec, errors and warnings."""
    (spec,) = load_all([path])
    rule = checked_rule(spec)
    names = {rule.name} if alone else set()
    library = [one for one in known_rules() if one.name not in names]
    # What is only told of one setting comes last, and takes longest.
    proved = takewhile(lambda one: one.group not in TOLD, findings(rule))
    found = [*resemblances(rule, library), *proved]
    return [one for one in found if one.is_refuted and one.group not in OF_FLOAT32]


@cache
def usual(rule: str, *, alone: bool) -> frozenset[tuple[str, str]]:
    """What is told of the sound rule; that isn't found in a slip."""
    return frozenset(map(_key, told(PUBLISHED / f"{rule}.toml", alone=alone)))


def outcome(slip: Slip, folder: Path, *, alone: bool) -> tuple[str, str]:
    """Whether a slip is an error, a warning, or missed; and the kinds of what shows it."""
    path = folder / "slip.toml"
    path.write_text(slip.text)
    try:
        found = [
            one for one in told(path, alone=alone) if _key(one) not in usual(slip.rule, alone=alone)
        ]
    except SpecError:
        return "language", ""
    groups = ", ".join(sorted({one.group for one in found}))
    if any(one.group in STRICT for one in found):
        return "error", groups
    return "warning" if found else "missed", groups


def _key(finding: Finding) -> tuple[str, str]:
    return finding.group.value, finding.statement


def main() -> None:
    """Print a table by kind of slip, and what was missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--aside", action="store_true")
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("--every", type=int, default=1, help="take one slip of so many")
    parser.add_argument("--skip", type=int, default=0, help="leave out so many first")
    wishes = parser.parse_args()
    console = Console()
    slips = [s for s in (*by_pattern(), *by_hand()) if s.is_aside == wishes.aside]
    counts: dict[str, Counter[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for slip in slips[wishes.skip :: wishes.every]:
            result, groups = outcome(slip, Path(folder), alone=wishes.alone)
            counts.setdefault(slip.kind, Counter())[result] += 1
            console.print(
                f"{result:8} {slip.rule}: {slip.kind}: {slip.line}  [{groups}]", markup=False
            )
    table = Table("slip", *OUTCOMES)
    total: Counter[str] = Counter()
    for kind, count in counts.items():
        total += count
        table.add_row(kind, *(str(count[key]) for key in OUTCOMES))
    table.add_row("all", *(str(total[key]) for key in OUTCOMES))
    console.print(table)


if __name__ == "__main__":
    main()
