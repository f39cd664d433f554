"""What is told of a finding: the spec, the run, the numbers, and how to see it again."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from tests.random_programs.program import Form, Program
from tests.random_programs.trial import Trial


def report(trial: Trial, target: str) -> str:
    """A finding as a TOML file that can be run again, its comments saying what is wrong."""
    program = trial.program
    told = [*trial.crash.strip().splitlines()[-12:], *trial.outcome.differences[:5]]
    run = {k: v for k, v in dataclasses.asdict(program).items() if k != "toml"}
    lines = [
        f"# seed {program.seed}, target {target}: {trial.finding}",
        *(f"#   {line}" for line in told),
        f"# run: {json.dumps(run)}",
        f"# again: python -m tests.random_programs --again FILE --target {target}",
        "",
        program.toml,
    ]
    return "\n".join(lines)


def read(path: Path) -> Program:
    """The program of a report."""
    text = path.read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("# run: "))
    run = json.loads(line.removeprefix("# run: "))
    forms = tuple(
        Form(f["path"], tuple(f["shape"]), f["dtype"], tuple(f["excluded"]), tuple(f["order"]))
        for f in run.pop("forms")
    )
    return Program(toml=text[text.index("name = ") :], forms=forms, **run)
